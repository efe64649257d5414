package flowable

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/riverstones/riverstones/gateway/fault"
)

// durations are those of Java: days, hours, minutes and seconds, with a
// fraction of the seconds only.
var durations = regexp.MustCompile(`^P(?:(\d{1,9})D)?(T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9}(?:[.,]\d{0,9})?)S)?)?$`)

// duration reads an ISO 8601 duration of at most a year.
func duration(member, text string) (time.Duration, error) {
	parts := durations.FindStringSubmatch(strings.ToUpper(text))
	if len(parts) == 0 || parts[1]+parts[2] == "" || parts[2] == "T" {
		return 0, fault.New(fault.Invalid, "%s must be an ISO 8601 duration such as PT10M, not %s", member, quote(text))
	}
	var sum time.Duration
	for i, unit := range map[int]time.Duration{1: 24 * time.Hour, 3: time.Hour, 4: time.Minute} {
		n, _ := strconv.ParseInt(parts[i], 10, 64) // digits, or none for 0
		if n > int64(maxLock/unit) {
			n = int64(maxLock/unit) + 1
		}
		sum += time.Duration(n) * unit
	}
	seconds, _ := time.ParseDuration(strings.Replace(parts[5], ",", ".", 1) + "s") // none for 0
	if sum += seconds; sum > maxLock {
		return 0, fault.New(fault.Invalid, "%s is too long: at most a year", member)
	}
	return sum, nil
}
