package variable

import (
	"strings"
	"time"
)

const (
	dateFormat = "a date such as 2013-04-03, 2013-04-03T23:45Z or 2013-04-03T23:45:10.250+02:00"
	layoutDay  = "2006-01-02"
	layoutMin  = "2006-01-02T15:04"
	layoutSec  = "2006-01-02T15:04:05"
	lenDay     = len(layoutDay)
)

// parseDate reads a date: missing parts are 0, a missing zone is UTC.
func parseDate(s string) (Value, error) {
	clock, zone := cutZone(s)
	t, ok := parseClock(clock)
	if !ok && len(s) == lenDay {
		day, err := time.Parse(layoutDay, s)
		t, ok = day, err == nil
	}
	if !ok {
		return Value{}, misfit(kindDate, dateFormat, s)
	}
	offset, ok := parseZone(zone)
	t = t.Add(-offset)
	if !ok || t.Year() < 0 || t.Year() > 9999 { // four digits, in UTC too
		return Value{}, misfit(kindDate, dateFormat, s)
	}
	return Value{kind: kindDate, num: t.UnixMilli()}, nil
}

// parseInstant reads a moment in UTC.
func parseInstant(s string) (Value, error) {
	clock, utc := strings.CutSuffix(s, "Z")
	t, ok := parseClock(clock)
	if !utc || !ok {
		return Value{}, misfit(kindInstant, "an instant in UTC such as 2013-04-03T23:45:10Z", s)
	}
	return Value{kind: kindInstant, num: t.UnixMilli()}, nil
}

// parseLocalDate reads a day.
func parseLocalDate(s string) (Value, error) {
	if _, err := time.Parse(layoutDay, s); err != nil {
		return Value{}, misfit(kindLocalDate, "a day such as 2020-02-29", s)
	}
	return Value{kind: kindLocalDate, text: s}, nil
}

// parseLocalDateTime reads a day and a time without a zone.
func parseLocalDateTime(s string) (Value, error) {
	t, ok := parseClock(s)
	if !ok {
		return Value{}, misfit(kindLocalDateTime, "a day and time without zone such as 2020-02-29T10:15:30", s)
	}
	return Value{kind: kindLocalDateTime, text: strings.TrimSuffix(formatInstant(t.UnixMilli()), "Z")}, nil
}

// parseClock reads a day and a time, with or without seconds and their fraction.
func parseClock(s string) (time.Time, bool) {
	layout := layoutSec
	if len(s) == len(layoutMin) {
		layout = layoutMin
	}
	if len(s) < len(layout) || len(s) > len(layoutSec)+len(".123456789") || strings.Contains(s, ",") {
		return time.Time{}, false
	}
	t, err := time.Parse(layout, s) // takes a fraction behind the seconds without being told
	return t, err == nil
}

// cutZone parts a zone from the time before it. The day has hyphens too, so
// only what follows it is looked at.
func cutZone(s string) (clock, zone string) {
	if len(s) <= lenDay {
		return s, ""
	}
	if i := strings.IndexAny(s[lenDay:], "Z+-"); i >= 0 {
		return s[:lenDay+i], s[lenDay+i:]
	}
	return s, ""
}

// parseZone reads how far a zone is ahead of UTC.
func parseZone(s string) (time.Duration, bool) {
	if s == "" || s == "Z" {
		return 0, true
	}
	for _, layout := range []string{"-07:00", "-0700"} {
		if t, err := time.Parse(layout, s); err == nil {
			_, offset := t.Zone()
			return time.Duration(offset) * time.Second, true
		}
	}
	return 0, false
}

// formatInstant writes milliseconds since 1970 as ISO text in UTC, with a
// fraction only where there is one.
func formatInstant(ms int64) string {
	t := time.UnixMilli(ms).UTC()
	if t.Nanosecond() == 0 {
		return t.Format(layoutSec + "Z")
	}
	return t.Format(layoutSec + ".000Z")
}
