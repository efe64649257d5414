package rest

import (
	"net/http"
	"strconv"
)

// The bounds of a list's page, in rows.
const (
	MaxSize     = 1000
	DefaultSize = 50
	maxStart    = 1_000_000_000
)

// Page reads start and size of a list's page; size is the one of a request that
// says none.
func (q *Query) Page(size int) (start, n int) {
	return q.Int("start", 0, maxStart, 0), q.Int("size", 1, MaxSize, size)
}

// SetTotal says in the header how many rows a list has; where they were not all
// counted, X-Total-Exact says so.
func SetTotal(h http.Header, total int, exact bool) {
	h.Set("X-Total-Count", strconv.Itoa(total))
	if !exact {
		h.Set("X-Total-Exact", "false")
	}
}
