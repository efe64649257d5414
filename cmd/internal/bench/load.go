package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// loader publishes the tasks of one phase.
type loader struct {
	addr  string
	cfg   *Config
	watch *watch
	make  func(n int) requests
	next  atomic.Int64 // number of the next task

	mu       sync.Mutex
	answered []time.Duration // of each POST
	first    time.Time       // when the first was sent
	last     time.Time       // when the last was answered
}

// requests are what one connection sends.
type requests interface {
	// number returns the request that brings the tasks from first on.
	number(first int) []byte
}

func newLoader(addr string, cfg *Config, w *watch) *loader {
	return &loader{addr: addr, cfg: cfg, watch: w, make: func(n int) requests { return newBody(w.prefix, n, cfg.Stones) }}
}

// run publishes all tasks and returns when the last is answered.
func (l *loader) run(ctx context.Context, rate float64) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var due chan time.Time // when the next single task is to be sent, nil for at once
	var wg sync.WaitGroup
	connections := l.cfg.Connections
	if rate > 0 {
		connections = max(connections, 16)
		due = make(chan time.Time, len(l.watch.starts))
		wg.Go(func() { pace(ctx, due, rate, len(l.watch.starts)) })
	}
	for range connections {
		wg.Go(func() {
			if err := l.connection(ctx, due); err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// pace tells when each of n tasks is due. A late one keeps its time, so that a
// stall of the system shows in all that waited for it.
func pace(ctx context.Context, due chan<- time.Time, rate float64, n int) {
	defer close(due)
	begin := time.Now()
	for i := range n {
		at := begin.Add(time.Duration(float64(i) / rate * float64(time.Second)))
		if wait := time.Until(at); wait > 0 {
			select {
			case <-time.After(wait):
			case <-ctx.Done():
				return
			}
		}
		due <- at
	}
}

// connection publishes over one connection until there is no more.
func (l *loader) connection(ctx context.Context, due <-chan time.Time) error {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", l.addr)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	release := context.AfterFunc(ctx, func() { _ = c.Close() })
	defer release()
	r, full := bufio.NewReaderSize(c, 64<<10), l.make(l.cfg.Batch)
	for {
		at := time.Now()
		if due != nil {
			var ok bool
			if at, ok = <-due; !ok {
				return nil
			}
		}
		n, first := l.take()
		if n == 0 {
			return nil
		}
		b := full
		if n < l.cfg.Batch {
			b = l.make(n)
		}
		if err := l.post(c, r, b, first, n, at); err != nil {
			return err
		}
	}
}

// take returns the numbers of the tasks of the next POST: n of them from first on.
func (l *loader) take() (n, first int) {
	total := len(l.watch.starts)
	first = int(l.next.Add(int64(l.cfg.Batch))) - l.cfg.Batch
	return max(0, min(l.cfg.Batch, total-first)), first
}

func (l *loader) post(c net.Conn, r *bufio.Reader, b requests, first, n int, at time.Time) error {
	request := b.number(first)
	for i := first; i < first+n; i++ {
		l.watch.starts[i].Store(at.UnixNano())
	}
	if _, err := c.Write(request); err != nil {
		return err
	}
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		text, err := io.ReadAll(io.LimitReader(resp.Body, 500))
		what, _, _ := bytes.Cut(request, []byte(" HTTP"))
		return errors.Join(fmt.Errorf("%s answered %s: %s", what, resp.Status, text), err)
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	l.note(at)
	return nil
}

func (l *loader) note(began time.Time) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answered = append(l.answered, now.Sub(began))
	l.last = now
	if l.first.IsZero() || began.Before(l.first) {
		l.first = began
	}
}
