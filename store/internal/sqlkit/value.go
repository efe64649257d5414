package sqlkit

import (
	"strings"
	"time"
	"unicode/utf8"
)

// Text returns s as every database takes it: PostgreSQL refuses U+0000 and
// invalid UTF-8 in a text, and an event must never fail for the reason it
// gives. Both become U+FFFD. It is for texts that people read; ids and names
// are checked at the door.
func Text(s string) string {
	if utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// Micros returns t as microseconds since 1970, which is as fine as both
// databases keep a time.
func Micros(t time.Time) int64 { return t.UnixMicro() }

// Time returns the time of [Micros] in UTC.
func Time(micros int64) time.Time { return time.UnixMicro(micros).UTC() }
