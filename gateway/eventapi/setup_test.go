package eventapi_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/riverstones/riverstones/gateway/eventapi"
	"github.com/riverstones/riverstones/gateway/rest"
	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/recorder"
	"github.com/riverstones/riverstones/store/seal"
	"github.com/riverstones/riverstones/store/storetest/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m, goleak.IgnoreCurrent()) }

const (
	patience = 30 * time.Second
	machine  = "MachineStone"
	volume   = "SIP::EC2::Volume"
	buffer   = 16 << 10 // of a connection, in bytes, at either end
)

// system is the event stream with everything behind it but a worker, whose part
// the tests play.
type system struct {
	url     string
	server  *queuetest.Server
	js      jetstream.JetStream
	store   store.Store
	service *eventapi.Service
}

func setup(t *testing.T, db store.Store, cfg eventapi.Config) *system {
	t.Helper()
	s := &system{server: queuetest.Start(t), store: db}
	nc := s.server.Connect(t)
	var err error
	s.js, err = jetstream.New(nc)
	require.NoError(t, err)
	e := echo.New()
	e.HTTPErrorHandler = rest.ErrorHandler(zap.NewNop())
	deps := eventapi.Deps{Store: db, NATS: s.server.Connect(t), JS: s.js, Log: zap.NewNop()}
	if sealed, ok := db.(*seal.Store); ok {
		deps.Mask = sealed.Mask
	}
	s.service = eventapi.New(cfg, deps)
	eventapi.Mount(rest.NewRouter(e, 1<<20), s.service)
	srv := httptest.NewUnstartedServer(e)
	srv.Config.ReadTimeout, srv.Config.WriteTimeout = time.Second, time.Second // streams outlive them
	srv.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		_ = c.(*net.TCPConn).SetWriteBuffer(buffer) //nolint:errcheck // it is one
		return ctx
	}
	srv.Start()
	t.Cleanup(srv.Close)
	t.Cleanup(s.service.Stop)
	s.url = srv.URL
	return s
}

// record runs a recorder until the returned function is called.
func (s *system) record(t *testing.T) (stop func()) {
	t.Helper()
	rec := recorder.New(s.store, s.server.Connect(t), recorder.Config{})
	require.NoError(t, rec.Start(t.Context()))
	var once sync.Once
	stop = func() { once.Do(func() { require.NoError(t, rec.Stop(context.Background())) }) }
	t.Cleanup(stop)
	return stop
}

// names are those of the n-th task.
func names(n int, stone string) task.Names {
	return task.Names{ID: fmt.Sprintf("0190f6a0-0c1d-7b52-9c1f-%012x", n), TaskID: fmt.Sprint("t", n), ProcessInstanceID: fmt.Sprint("p", n%10),
		Name: "n", Namespace: "n", Stone: stone, BusinessKey: "key"}
}

// publish stores the command of a task.
func (s *system) publish(t *testing.T, n task.Names) {
	t.Helper()
	c := queue.Command{Names: n, Method: task.Start, Epoch: 1, CreateTime: time.Now()}
	_, err := s.js.Publish(t.Context(), c.Subject(), c.Append(nil))
	require.NoError(t, err)
}

// report stores events of one stone in one message.
func (s *system) report(t *testing.T, events ...queue.Event) {
	t.Helper()
	subject, data := queue.EventSubject(events[0].Stone, events[0].Method), events[0].Append(nil)
	if len(events) > 1 {
		subject, data = queue.BatchSubject(events[0].Stone), []byte("[")
		for i := range events {
			if i > 0 {
				data = append(data, ',')
			}
			data = events[i].Append(data)
		}
		data = append(data, ']')
	}
	_, err := s.js.Publish(t.Context(), subject, data)
	require.NoError(t, err)
}

// event is one with transitions of the first attempt.
func event(n task.Names, delivery int, statuses ...task.Status) queue.Event {
	e := queue.Event{Names: n, Method: task.Start, Epoch: 1, Delivery: delivery, Worker: "w1"}
	for _, st := range statuses {
		e.Transitions = append(e.Transitions, queue.Transition{Status: st, Time: time.Now()})
	}
	return e
}

// run publishes a task and has it begun and succeed.
func (s *system) run(t *testing.T, n task.Names) {
	t.Helper()
	s.publish(t, n)
	s.report(t, event(n, 1, task.StartBegin))
	e := event(n, 1, task.StartSuccess)
	e.Transitions[0].Final = true
	s.report(t, e)
}

// shown is an event as a client reads it.
type shown struct {
	kind, id string

	ID, TaskID, ProcessInstanceID, Stone, BusinessKey, Status, Worker, Reason, Line *string
	Attempt, Progress                                                               *int
	Time                                                                            time.Time
}

// String is what a test compares.
func (s *shown) String() string {
	out := s.kind
	for _, p := range []*string{s.TaskID, s.Status, s.Reason, s.Line} {
		if p != nil {
			out += " " + *p
		}
	}
	if s.Progress != nil {
		out += fmt.Sprint(" ", *s.Progress)
	}
	return out
}

// client is an open stream.
type client struct {
	t     *testing.T
	lines *bufio.Reader
	close context.CancelFunc
	last  string // id
	beats int
}

// open connects; from is the id to begin behind, "" for now.
func (s *system) open(t *testing.T, query, from string) *client {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/events?"+query, http.NoBody)
	require.NoError(t, err)
	if from != "" {
		req.Header.Set("Last-Event-ID", from)
	}
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err == nil {
			err = c.(*net.TCPConn).SetReadBuffer(buffer) //nolint:errcheck // it is one
		}
		return c, err
	}}
	resp, err := transport.RoundTrip(req)
	require.NoError(t, err)
	t.Cleanup(func() { _ = resp.Body.Close() })
	require.Equal(t, 200, resp.StatusCode)
	require.Equal(t, "text/event-stream", resp.Header.Get("Content-Type"))
	return &client{t: t, lines: bufio.NewReader(resp.Body), close: cancel, last: from}
}

// read reads one block: an event, or nil for one without data.
func (c *client) read() (*shown, error) {
	defer time.AfterFunc(patience, c.close).Stop()
	var s shown
	data, id := "", c.last
	for {
		line, err := c.lines.ReadString('\n')
		if err != nil {
			return nil, err
		}
		switch name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": "); name {
		case "":
			if value == "heartbeat" {
				c.beats++
				continue
			}
			c.last, s.id = id, id // a block that breaks off counts for nothing
			if data == "" {
				return nil, nil //nolint:nilnil // no event
			}
			return &s, json.Unmarshal([]byte(data), &s)
		case "id":
			id = value
		case "event":
			s.kind = value
		case "data":
			data = value
		}
	}
}

// next waits for an event.
func (c *client) next() *shown {
	c.t.Helper()
	for {
		s, err := c.read()
		require.NoError(c.t, err)
		if s != nil {
			return s
		}
	}
}

// opened waits for the head.
func (c *client) opened() *client {
	c.t.Helper()
	s, err := c.read()
	require.NoError(c.t, err)
	require.Nil(c.t, s)
	require.NotEmpty(c.t, c.last)
	return c
}

// expect waits for exactly these events.
func (c *client) expect(want ...string) (ids []string) {
	c.t.Helper()
	for _, w := range want {
		s := c.next()
		require.Equal(c.t, w, s.String())
		ids = append(ids, s.id)
	}
	return ids
}

// ended waits for the end of the stream.
func (c *client) ended() {
	c.t.Helper()
	for {
		if _, err := c.read(); err != nil {
			return
		}
	}
}
