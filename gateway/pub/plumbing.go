package pub

import (
	"bytes"
	"context"
	"net/http"
	"strconv"

	"github.com/nats-io/nats.go"

	"github.com/riverstones/riverstones/queue"
)

const (
	path      = "/task"
	requestID = "X-Request-Id"
)

// passedBack are the headers of an answer that go with it.
var passedBack = [...]string{"Retry-After", requestID}

// request is the message as the POST that it stands for.
func request(ctx context.Context, m *nats.Msg) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, path, bytes.NewReader(m.Data))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	if id := m.Header.Get(requestID); id != "" {
		r.Header.Set(requestID, id)
	}
	if parent := m.Header.Get(queue.HeaderTrace); parent != "" {
		r.Header.Set(queue.HeaderTrace, parent)
	}
	return r, nil
}

// writer keeps an answer.
type writer struct {
	header http.Header
	status int // 0 as long as nothing is written
	body   []byte
}

func newWriter() *writer { return &writer{header: http.Header{}} }

// Header, WriteHeader and Write make writer an http.ResponseWriter.
func (w *writer) Header() http.Header { return w.header }

// WriteHeader keeps the first status.
func (w *writer) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

// Write keeps a copy of p.
func (w *writer) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	w.body = append(w.body, p...)
	return len(p), nil
}

func (w *writer) statusText() string { return strconv.Itoa(w.status) }
