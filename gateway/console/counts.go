package console

import (
	"context"
	"crypto/sha256"
	"sync"
	"time"
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
	from time.Time
	who  [sha256.Size]byte
}

type spanned struct {
	made, failed int
	until        time.Time
}

func newCounts() *counts { return &counts{spans: map[spanKey]spanned{}} }

// span counts the tasks that were made from a time on, and those that failed.
func (c *counts) span(ctx context.Context, v *visit, from, now time.Time) (made, failed int, err error) {
	key := spanKey{from, sha256.Sum256([]byte(v.Header.Get("Authorization") + "\x00" + v.Header.Get("Cookie")))}
	c.mu.Lock()
	known, ok := c.spans[key]
	c.mu.Unlock()
	if ok && now.Before(known.until) {
		return known.made, known.failed, nil
	}
	made, failed, err = spanCount(ctx, v, from)
	if err != nil || from.Add(chartStep).After(now) {
		return made, failed, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.spans) >= spansMax {
		clear(c.spans)
	}
	c.spans[key] = spanned{made, failed, now.Add(spanKept)}
	return made, failed, nil
}
