package eventapi

import (
	"context"
	"net/http"
	"time"
)

// heartbeat is a comment, which clients pass over.
const heartbeat = ": heartbeat\n\n"

// gapReason tells a listener what a gap means.
const gapReason = "what was recorded behind this id is not kept any more: read the tasks anew"

// connection writes to one listener.
type connection struct {
	w       http.ResponseWriter
	control *http.ResponseController
	cfg     *Config
	wrote   time.Time
}

// open writes the head, and where the listener begins. After a gap it says so.
func (c *connection) open(at position, gap bool) error {
	h := c.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // proxies must not wait for more
	h.Set("Connection", "close")     // what is dropped is not used for another request
	c.w.WriteHeader(http.StatusOK)
	out := []byte("retry: 1000\n")
	if gap {
		f := fact{kind: kindGap, time: time.Now(), reason: gapReason}
		return c.write(append(appendID(out, at), f.encode(0).body...))
	}
	return c.write(append(appendID(out, at), '\n'))
}

// write writes what there is and sends it off. An error says that the listener
// is gone, or took too long.
func (c *connection) write(out []byte) error {
	if len(out) == 0 {
		return nil
	}
	c.wrote = time.Now()
	if err := c.control.SetWriteDeadline(c.wrote.Add(c.cfg.Write)); err != nil {
		return err
	}
	if _, err := c.w.Write(out); err != nil {
		return err
	}
	return c.control.Flush()
}

// late reports whether a heartbeat is due.
func (c *connection) late() bool { return time.Since(c.wrote) >= c.cfg.Heartbeat }

// appendBeat appends a heartbeat that also moves the place to come back to: an
// id without data is no event.
func appendBeat(dst []byte, p position) []byte {
	return append(appendID(append(dst, ": heartbeat\n"...), p), '\n')
}

// follow writes what the hub queues, until the listener goes or is ended.
func (c *connection) follow(ctx context.Context, h *hub, l *listener) {
	beat := time.NewTicker(c.cfg.Heartbeat)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.wake:
			out, ended := l.take()
			if c.write(out) != nil || ended != nil {
				return
			}
		case <-beat.C:
			if p, ok := h.position(l); ok && c.write(appendBeat(nil, p)) != nil {
				return
			}
		}
	}
}
