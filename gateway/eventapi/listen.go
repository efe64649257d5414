package eventapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/gateway/rest"
	"github.com/riverstones/riverstones/queue"
)

// request asks for the events of some tasks.
type request struct {
	filter filter
	from   *position // nil for from now on
}

// Bind reads query and header.
func (r *request) Bind(in *rest.Input) error {
	q := in.Query()
	r.filter = filter{process: q.Text("processInstanceId"), task: q.Text("taskId"), stone: q.Text("stone")}
	if r.filter.stone != "" && queue.CheckStone(r.filter.stone) != nil {
		q.Problem("stone: %s", queue.ErrStone)
	}
	if id := in.Header("Last-Event-ID"); id != "" {
		p, err := parsePosition(id)
		if err != nil {
			q.Problem("Last-Event-ID: %s", err)
		}
		r.from = &p
	}
	if err := q.Err(); err != nil {
		return err
	}
	if r.filter == (filter{}) {
		return fault.New(fault.Invalid, "a filter is missing: give processInstanceId, taskId or stone")
	}
	return nil
}

// listen serves one listener until it goes, the server stops, or it is dropped.
func (s *Service) listen(ctx context.Context, w http.ResponseWriter, r request) error {
	h, err := s.enter()
	if err != nil {
		return err
	}
	defer s.exit(h)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stopping := context.AfterFunc(s.background, cancel) //nolint:contextcheck // the stop of the server ends it, too
	defer stopping()

	l := newListener(r.filter)
	passed, _ := h.gate.state()
	now := position{Position: passed, at: time.Now()}
	l.base = now
	gap := false
	if r.from != nil {
		l.base = *r.from
		if gap, err = missing(ctx, s.deps.JS, &l.base, now); err != nil {
			return fault.New(fault.Unavailable, "NATS can not answer now: come again").Because(err).After(retryAfter)
		}
	}
	c := &connection{w: w, control: http.NewResponseController(w), cfg: &s.cfg}
	if err := c.open(l.base, gap); err != nil {
		return nil // the client is gone
	}
	if !h.join(l) && !s.catchUp(ctx, h, l, c) {
		return nil
	}
	defer h.leave(l)
	c.follow(ctx, h, l)
	return nil
}

// errJoined ends the feed of a listener that has caught up.
var errJoined = errors.New("joined")

// catchUp serves a listener what it missed, until it has come as far as all
// others and joined them, and reports whether it did.
func (s *Service) catchUp(ctx context.Context, h *hub, l *listener, c *connection) bool {
	beat := time.NewTicker(s.cfg.Heartbeat)
	defer beat.Stop()
	for turn := false; !turn; {
		select {
		case s.turns <- struct{}{}:
			turn = true
		case <-ctx.Done():
			return false
		case <-beat.C:
			if c.write([]byte(heartbeat)) != nil {
				return false
			}
		}
	}
	defer func() { <-s.turns }()
	f := s.feed(h, l.base)
	err := f.run(ctx, func(m *message) error { return s.resend(ctx, f, h, l, c, m) })
	return errors.Is(err, errJoined)
}

// resend serves one message that others have been served before.
func (s *Service) resend(ctx context.Context, f *feed, h *hub, l *listener, c *connection, m *message) error {
	var out []byte
	switch {
	case m != nil:
		var frames []frame
		if m.wanted(l.filter.match) {
			var err error
			if frames, err = s.checker.frames(ctx, m, l.filter.match); err != nil {
				return err
			}
		}
		out, _ = l.append(nil, f.pos, m, frames)
		l.base = f.pos.behind(m, m.items)
	case c.late():
		out = appendBeat(nil, f.pos)
		fallthrough
	default:
		l.base = f.pos
	}
	if err := c.write(out); err != nil {
		return err
	}
	if h.join(l) {
		return errJoined
	}
	return nil
}
