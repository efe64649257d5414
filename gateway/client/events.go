package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// silence is how long an event stream may be without a sign: the server
	// sends one every 15 s.
	silence = 45 * time.Second
	// maxEvent is how many bytes one line of an event stream may have.
	maxEvent = 4 << 20
	maxPause = 10 * time.Second
)

// EventFilter selects tasks; at least one field is needed, and all that are
// given must hold.
type EventFilter struct{ ProcessInstanceID, TaskID, Stone string }

// Event is something that was recorded of a task. Pointers are nil where the
// API says null.
type Event struct {
	// Kind is transition, progress, log, resume, or gap: then events before
	// this one are lost to the listener, and the tasks are to be read anew.
	Kind string `json:"event"`
	// Cursor is where [Client.Events] goes on behind this event.
	Cursor string `json:"cursor"`

	ID                *string   `json:"id"`
	TaskID            *string   `json:"taskId"`
	ProcessInstanceID *string   `json:"processInstanceId"`
	Stone             *string   `json:"stone"`
	BusinessKey       *string   `json:"businessKey"`
	Status            *string   `json:"status"`
	Attempt           *int      `json:"attempt"`
	Time              time.Time `json:"time"`
	Worker            *string   `json:"worker"`
	Reason            *string   `json:"reason"`
	Progress          *int      `json:"progress"`
	Line              *string   `json:"line"`
}

// Events hands what is recorded to take, from now on, or behind cursor if it is
// not empty, until ctx ends or take fails. A lost connection is made again, and
// nothing is missed meanwhile; lost, which may be nil, is told of it. An error
// that would come again, such as a filter that is none, is returned.
func (c *Client) Events(ctx context.Context, f EventFilter, cursor string, take func(Event) error, lost func(error)) error {
	pause := c.cfg.Backoff
	for {
		before := cursor
		err := c.listen(ctx, f, &cursor, take)
		if stop, ok := errors.AsType[*stopError](err); ok {
			return stop.error
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		wait := pause
		if e, ok := errors.AsType[*Error](err); ok {
			if e.Status < http.StatusInternalServerError && e.Status != http.StatusTooManyRequests {
				return fmt.Errorf("GET /events: %w", err)
			}
			wait = max(wait, e.RetryAfter)
		}
		if lost != nil {
			lost(err)
		}
		if !sleep(ctx, wait) {
			return ctx.Err()
		}
		if pause = min(2*pause, maxPause); cursor != before {
			pause = c.cfg.Backoff
		}
	}
}

// stopError is one of the caller's function.
type stopError struct{ error }

// listen reads one connection to its end.
func (c *Client) listen(ctx context.Context, f EventFilter, cursor *string, take func(Event) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	alive := time.AfterFunc(silence, func() { cancel(errors.New("the server has fallen silent")) })
	defer alive.Stop()
	q := url.Values{}
	for name, value := range map[string]string{"processInstanceId": f.ProcessInstanceID, "taskId": f.TaskID, "stone": f.Stone} {
		if value != "" {
			q.Set(name, value)
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+"/events?"+q.Encode(), http.NoBody)
	if err != nil {
		return &stopError{err}
	}
	req.Header.Set("Accept", "text/event-stream")
	req.Header.Set("User-Agent", c.cfg.UserAgent)
	if *cursor != "" {
		req.Header.Set("Last-Event-ID", *cursor)
	}
	endless := *c.cfg.HTTP
	endless.Timeout = 0
	resp, err := endless.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		b, _ := io.ReadAll(io.LimitReader(resp.Body, c.cfg.MaxAnswer)) // what came is better than nothing
		return newError(resp, b)
	}
	return readEvents(resp.Body, cursor, func() { alive.Reset(silence) }, take)
}

// readEvents reads blocks of lines. The cursor moves with each whole one.
func readEvents(r io.Reader, cursor *string, sign func(), take func(Event) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxEvent)
	at, kind, data := *cursor, "", ""
	for lines.Scan() {
		sign()
		name, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case lines.Text() == "":
			if data != "" {
				e := Event{Kind: kind}
				if err := json.Unmarshal([]byte(data), &e); err != nil {
					return fmt.Errorf("event is not what the API promises: %w", err)
				}
				e.Kind, e.Cursor = kind, at
				if err := take(e); err != nil {
					return &stopError{err}
				}
			}
			*cursor, kind, data = at, "", ""
		case name == "id":
			at = value
		case name == "event":
			kind = value
		case name == "data":
			data += value
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return io.ErrUnexpectedEOF
}
