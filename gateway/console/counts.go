package console

import (
	"context"
	"crypto/sha256"
	"sync"
	"time"

	"github.com/riverstones/riverstones/gateway/client"
)

const (
	// spanKept is for how long what was counted of a span that is over serves:
	// its tasks may still fail.
	spanKept = time.Minute
	spansMax = 1000
)

// counts keeps what was counted of spans of time, so that a page that looks
// every few seconds does not count all of them anew.
type counts struct {
	mu    sync.Mutex
	spans map[spanKey]spanned
}

// spanKey names a span and who asked: others may see other tasks.
type spanKey struct {
	from   time.Time
	failed bool
	who    [sha256.Size]byte
}

type spanned struct {
	client.Count

	until time.Time
}

func newCounts() *counts { return &counts{spans: map[spanKey]spanned{}} }

func keyOf(v *visit, f client.Filter) spanKey {
	return spanKey{f.CreatedAfter, len(f.Statuses) > 0, sha256.Sum256([]byte(v.Header.Get("Authorization") + "\x00" + othersCookies(v.Request)))}
}

func (c *counts) known(key spanKey, now time.Time) (client.Count, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, ok := c.spans[key]
	return s.Count, ok && now.Before(s.until)
}

// knows reports whether a span is counted already.
func (c *counts) knows(v *visit, f client.Filter, now time.Time) bool {
	_, ok := c.known(keyOf(v, f), now)
	return ok
}

// span counts the tasks of a filter that begins and ends with a span.
func (c *counts) span(ctx context.Context, v *visit, f client.Filter, now time.Time) (client.Count, error) {
	key := keyOf(v, f)
	if n, ok := c.known(key, now); ok {
		return n, nil
	}
	f.Size = 1
	_, n, err := v.api.ListCount(ctx, f)
	if err != nil || f.CreatedBefore.After(now) {
		return n, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.spans) >= spansMax {
		clear(c.spans)
	}
	c.spans[key] = spanned{n, now.Add(spanKept)}
	return n, nil
}
