package bpmn

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Schedule is when a timer fires, once or several times. It may be stored as JSON.
type Schedule struct {
	// At is the next time.
	At time.Time `json:"at"`
	// Every is the ISO 8601 duration to the time after it, empty if there is none.
	Every string `json:"every,omitempty"`
	// Left is how many times are left with At among them, -1 for no end.
	Left int `json:"left,omitempty"`
	// End is when a cycle ends, zero for never.
	End time.Time `json:"end,omitzero"`
}

// Next returns what comes after At, and false if nothing does.
func (s Schedule) Next() (Schedule, bool) {
	if s.Every == "" || s.Left == 0 || s.Left == 1 {
		return Schedule{}, false
	}
	d, err := parseSpan(s.Every)
	if err != nil {
		return Schedule{}, false
	}
	s.At = d.after(s.At)
	if s.Left > 0 {
		s.Left--
	}
	if !s.End.IsZero() && s.At.After(s.End) || s.At.Year() > 9999 {
		return Schedule{}, false
	}
	return s, true
}

// Schedule reads the text of a timer, with its ${…} worked out: a duration PT10S or P1DT12H, a
// date 2030-01-31T08:00:00Z, or a cycle R3/PT10S, R/PT1H/2030-01-31T08:00:00Z or
// R3/2030-01-31T08:00:00Z/PT10S. A date without a zone is in that of now. End is that of the timer,
// or empty. The error tells the form.
func (k TimerKind) Schedule(text, end string, now time.Time) (Schedule, error) {
	s, err := k.read(text, end, now)
	if err == nil && s.At.Year() > 9999 {
		err = fmt.Errorf("%q lies behind the year 9999", text)
	}
	if err != nil {
		return Schedule{}, err
	}
	return s, nil
}

func (k TimerKind) read(text, end string, now time.Time) (Schedule, error) {
	switch k {
	case TimerDuration:
		d, err := parseSpan(text)
		return Schedule{At: d.after(now)}, err
	case TimerDate:
		at, err := parseDate(text, now.Location())
		return Schedule{At: at}, err
	case TimerCycle:
		return cycle(text, end, now)
	default:
		return Schedule{}, fmt.Errorf("unknown kind of timer %d", k)
	}
}

// errCycle tells the form of a cycle.
var errCycle = errors.New("is no ISO 8601 cycle such as R3/PT10S")

func cycle(text, end string, now time.Time) (Schedule, error) {
	parts := strings.Split(strings.TrimSpace(text), "/")
	count, ok := strings.CutPrefix(parts[0], "R")
	if !ok || len(parts) < 2 || len(parts) > 3 {
		return Schedule{}, fmt.Errorf("%q %w", text, errCycle)
	}
	s := Schedule{Left: -1}
	if count != "" {
		n, err := strconv.Atoi(count)
		if err != nil || n < 1 {
			return Schedule{}, fmt.Errorf("%q %w", text, errCycle)
		}
		s.Left = n
	}
	if err := s.bounds(parts[1:], now); err != nil {
		return Schedule{}, err
	}
	if end != "" {
		at, err := parseDate(end, now.Location())
		if err != nil {
			return Schedule{}, err
		}
		s.End = at
	}
	return s, nil
}

// bounds reads duration, date/duration or duration/date.
func (s *Schedule) bounds(parts []string, now time.Time) error {
	every, date := parts[0], ""
	starts := len(parts) == 2 && !strings.HasPrefix(every, "P")
	switch {
	case starts:
		every, date = parts[1], parts[0]
	case len(parts) == 2:
		date = parts[1]
	}
	d, err := parseSpan(every)
	if err != nil {
		return err
	}
	if d == (span{}) {
		return errors.New("the duration of a cycle is zero")
	}
	s.Every, s.At = every, d.after(now)
	if date == "" {
		return nil
	}
	at, err := parseDate(date, now.Location())
	if starts {
		s.At = at
	} else {
		s.End = at
	}
	return err
}

// span is an ISO 8601 duration. Months and days differ in length, so they are
// kept apart.
type span struct {
	years, months, days int
	rest                time.Duration
}

// after returns the time that lies d after t.
func (d span) after(t time.Time) time.Time {
	return t.AddDate(d.years, d.months, d.days).Add(d.rest)
}

// units are the letters of a duration in their order, before and after the T.
const (
	dateUnits = "YMWD"
	timeUnits = "HMS"
)

// maxSpan bounds each number of a duration, so that no sum overflows.
const maxSpan = 1_000_000

// parseSpan reads a duration such as P1Y2M3DT4H5M6.5S.
func parseSpan(text string) (span, error) {
	var d span
	bad := fmt.Errorf("%q is no ISO 8601 duration such as PT10S or P1DT12H", text)
	rest, ok := strings.CutPrefix(strings.TrimSpace(text), "P")
	date, clock, timed := strings.Cut(rest, "T")
	if !ok || rest == "" || timed && clock == "" {
		return d, bad
	}
	if !numbers(date, dateUnits, d.addDate) || !numbers(clock, timeUnits, d.addTime) {
		return span{}, bad
	}
	return d, nil
}

// numbers hands each number of s with its unit to add. The units must be in order.
func numbers(s, units string, add func(unit byte, number string) bool) bool {
	for s != "" {
		i := strings.IndexFunc(s, func(r rune) bool { return (r < '0' || r > '9') && r != '.' })
		if i < 1 {
			return false
		}
		at := strings.IndexByte(units, s[i])
		if at < 0 || !add(s[i], s[:i]) {
			return false
		}
		units, s = units[at+1:], s[i+1:]
	}
	return true
}

func (d *span) addDate(unit byte, number string) bool {
	n, err := strconv.Atoi(number)
	if err != nil || n > maxSpan {
		return false
	}
	switch unit {
	case 'Y':
		d.years = n
	case 'M':
		d.months = n
	case 'W':
		d.days += 7 * n
	default:
		d.days += n
	}
	return d.years <= 10_000
}

func (d *span) addTime(unit byte, number string) bool {
	whole, _, _ := strings.Cut(number, ".")
	if n, err := strconv.Atoi(whole); err != nil || n > maxSpan {
		return false
	}
	n, err := time.ParseDuration(number + strings.ToLower(string(unit)))
	d.rest += n
	return err == nil
}

// dateForms are the dates of ISO 8601 that are read, with and without zone, seconds and time.
var dateForms = []string{
	time.RFC3339Nano, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04Z07:00",
	"2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02",
}

func parseDate(text string, zone *time.Location) (time.Time, error) {
	for _, form := range dateForms {
		if t, err := time.ParseInLocation(form, strings.TrimSpace(text), zone); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no ISO 8601 date such as 2030-01-31T08:00:00Z", text)
}
