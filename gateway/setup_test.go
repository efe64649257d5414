package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/riverstones/riverstones/gateway"
	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/recorder"
	"github.com/riverstones/riverstones/store/storetest"
	"github.com/riverstones/riverstones/store/storetest/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m, goleak.IgnoreCurrent()) }

// switched is a real store that can be cut off.
type switched struct {
	store.Store
	off, broken atomic.Bool // it answers errors, or panics
}

var errOff = errors.New(`pq: password authentication failed for user "riverstones"`)

func (s *switched) Task(ctx context.Context, key string) (task.Task, error) {
	if s.broken.Load() {
		panic("a mistake of ours")
	}
	if s.off.Load() {
		return task.Task{}, errOff
	}
	return s.Store.Task(ctx, key)
}

func (s *switched) List(ctx context.Context, f store.Filter) (store.Page, error) {
	if s.off.Load() {
		return store.Page{}, errOff
	}
	return s.Store.List(ctx, f)
}

func (s *switched) SetDebug(ctx context.Context, process string, debug bool) error {
	if s.off.Load() {
		return errOff
	}
	return s.Store.SetDebug(ctx, process, debug)
}

func (s *switched) Ping(ctx context.Context) error {
	if s.off.Load() {
		return errOff
	}
	return s.Store.Ping(ctx)
}

// system is a gateway with everything behind it.
type system struct {
	url    string
	server *queuetest.Server
	nc     *nats.Conn
	js     jetstream.JetStream
	store  *switched
	client *http.Client
}

type options struct {
	gateway gateway.Config
	queue   queue.ProvisionConfig
	silent  bool        // no recorder runs
	store   store.Store // an SQLite store of its own by default
	log     *zap.Logger
}

// each runs a test on both kinds of store.
func each(t *testing.T, o options, test func(t *testing.T, s *system)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, db store.Store) {
		t.Helper()
		o := o
		o.store = db
		test(t, setup(t, o))
	})
}

func setup(t testing.TB, o options) *system {
	t.Helper()
	s := &system{server: queuetest.StartWith(t, queuetest.Config{Provision: o.queue}), client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}}}
	t.Cleanup(s.client.CloseIdleConnections)
	s.nc = s.server.Connect(t)
	var err error
	s.js, err = jetstream.New(s.nc)
	require.NoError(t, err)
	db := o.store
	if db == nil {
		db = storetest.SQLite(t)
	}
	s.store = &switched{Store: db}
	if !o.silent {
		rec := recorder.New(db, s.server.Connect(t), recorder.Config{})
		require.NoError(t, rec.Start(t.Context()))
		t.Cleanup(func() { require.NoError(t, rec.Stop(context.Background())) })
	}
	publisher, err := queue.NewPublisher(s.nc, queue.PublisherConfig{Deadline: time.Second})
	require.NoError(t, err)
	o.gateway.Listen = "127.0.0.1:0"
	g, err := gateway.New(o.gateway, gateway.Deps{Store: s.store, Publisher: publisher, NATS: s.nc, Log: o.log})
	require.NoError(t, err)
	require.NoError(t, g.Start(t.Context()))
	t.Cleanup(func() {
		s.client.CloseIdleConnections()
		require.NoError(t, g.Stop(context.Background()))
		require.NoError(t, g.Stop(context.Background()))
	})
	s.url = "http://" + g.Addr()
	return s
}

type response struct {
	status             int
	header             http.Header
	body               []byte
	Message, Exception string
}

func (s *system) do(t testing.TB, method, path, body string, header ...string) response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(body))
	require.NoError(t, err)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := s.client.Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	out := response{status: resp.StatusCode, header: resp.Header, body: b}
	if out.status >= 400 && !strings.HasSuffix(path, "z") {
		d := json.NewDecoder(bytes.NewReader(b))
		d.DisallowUnknownFields()
		require.NoError(t, d.Decode(&out), "%s", b)
		require.NotEmpty(t, out.Message)
		require.NotEmpty(t, out.Exception)
	}
	return out
}

func (s *system) get(t testing.TB, path string) response {
	t.Helper()
	return s.do(t, http.MethodGet, path, "")
}

func (s *system) post(t testing.TB, body string) response {
	t.Helper()
	return s.do(t, http.MethodPost, "/task", body)
}

// shown is a task as a client reads it.
type shown struct {
	ID, TaskID, ProcessInstanceID, Name, Namespace, Stone, Status, QueueType string
	CreateTime, EndTime, Reason, BusinessKey, NotBefore, UpdateTime          *string
	Params, Outputs                                                          string
	Progress                                                                 *int
	Attempt                                                                  int
	Debug                                                                    bool
}

func decode[T any](t testing.TB, r response) (v T) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(r.body))
	d.DisallowUnknownFields()
	require.NoError(t, d.Decode(&v), "%s", r.body)
	return v
}

// left is what a request may leave behind.
type left struct {
	messages uint64
	rows     int
}

func (s *system) left(t testing.TB) left {
	t.Helper()
	str, err := s.js.Stream(t.Context(), queue.StreamTasks)
	require.NoError(t, err)
	page, err := s.store.Store.List(t.Context(), store.Filter{})
	require.NoError(t, err)
	return left{str.CachedInfo().State.LastSeq, page.Total}
}

func body(taskID string) string {
	return fmt.Sprintf(`{"processInstanceId":"2910431","taskId":%q,"name":"machine","namespace":"machine","stone":"MachineStone","params":{"regionId":"701"}}`, taskID)
}
