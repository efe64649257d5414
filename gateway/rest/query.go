package rest

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const maxValue = 255 // characters of a text to search for

// Query reads the parameters of a URL and notes what is wrong with them.
// Parameters it is not asked for are let pass.
type Query struct {
	values url.Values
	problems
}

// Err returns all that was wrong.
func (q *Query) Err() error { return q.err() }

// Problem notes what is wrong.
func (q *Query) Problem(format string, args ...any) { q.add(format, args...) }

// one returns the value of a parameter that may be given once.
func (q *Query) one(name string) (value string, given bool) {
	all := q.values[name]
	if len(all) == 0 {
		return "", false
	}
	if len(all) > 1 {
		q.add("%s must be given once", name)
		return "", false
	}
	return all[0], true
}

// Text returns a text, "" if it is not given.
func (q *Query) Text(name string) string {
	value, given := q.one(name)
	if given && (value == "" || utf8.RuneCountInString(value) > maxValue || badText(value)) {
		q.add("%s must be 1 to %d characters without control characters", name, maxValue)
		return ""
	}
	return value
}

// Texts returns all values of a parameter that may be given several times.
func (q *Query) Texts(name string) []string { return q.values[name] }

// Int returns a whole number between low and high, otherwise if it is not given.
func (q *Query) Int(name string, low, high, otherwise int) int {
	value, given := q.one(name)
	if !given {
		return otherwise
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < low || n > high {
		q.add("%s must be a whole number between %d and %d", name, low, high)
		return otherwise
	}
	return n
}

// Time returns a time in RFC 3339, zero if it is not given.
func (q *Query) Time(name string) time.Time {
	value, given := q.one(name)
	if !given {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, value)
	if err != nil || t.Year() < 1 {
		q.add("%s must be a time such as 2026-11-21T09:00:00Z (write + as %%2B)", name)
	}
	return t
}

// OneOf returns one of the words, the first if it is not given.
func (q *Query) OneOf(name string, words ...string) string {
	value, given := q.one(name)
	if !given {
		return words[0]
	}
	if !slices.Contains(words, value) {
		q.add("%s must be one of %s", name, strings.Join(words, ", "))
	}
	return value
}

// Bool returns true or false, false if it is not given.
func (q *Query) Bool(name string) bool { return q.OneOf(name, "false", "true") == "true" }
