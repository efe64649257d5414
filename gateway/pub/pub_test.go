package pub_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/riverstones/riverstones/gateway"
	"github.com/riverstones/riverstones/gateway/pub"
	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/recorder"
	"github.com/riverstones/riverstones/store/storetest"
	"github.com/riverstones/riverstones/store/storetest/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m, goleak.IgnoreCurrent()) }

const patience = 30 * time.Second

// system is a gateway, and an orchestrator that is connected to NATS only.
type system struct {
	server *queuetest.Server
	nc     *nats.Conn
	stop   func()
}

func setup(t *testing.T, db store.Store, cfg gateway.Config) *system {
	t.Helper()
	s := &system{server: queuetest.Start(t)}
	s.nc = s.server.Connect(t)
	rec := recorder.New(db, s.server.Connect(t), recorder.Config{})
	require.NoError(t, rec.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, rec.Stop(context.Background())) })
	nc := s.server.Connect(t)
	publisher, err := queue.NewPublisher(nc, queue.PublisherConfig{})
	require.NoError(t, err)
	cfg.Listen, cfg.Patience = "127.0.0.1:0", patience
	g, err := gateway.New(cfg, gateway.Deps{Store: db, Publisher: publisher, NATS: nc})
	require.NoError(t, err)
	require.NoError(t, g.Start(t.Context()))
	s.stop = func() { require.NoError(t, g.Stop(context.Background())) }
	t.Cleanup(s.stop)
	return s
}

// ask sends a request and returns the status and the body of its answer.
func (s *system) ask(t *testing.T, body string) (status, answer string) {
	t.Helper()
	m, err := s.nc.Request(queue.PubSubject, []byte(body), patience)
	require.NoError(t, err)
	return m.Header.Get(queue.HeaderStatus), string(m.Data)
}

func body(taskID string) string {
	return fmt.Sprintf(`{"processInstanceId":"p","taskId":%q,"stone":"MachineStone","params":{"password":"hunter2"}}`, taskID)
}

func TestPublish(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db store.Store) {
		s := setup(t, db, gateway.Config{MaxBody: 100 << 10})
		status, answer := s.ask(t, body("t1"))
		require.Equal(t, "201", status, answer)
		var one map[string]any
		require.NoError(t, json.Unmarshal([]byte(answer), &one))
		require.Equal(t, "t1", one["taskId"])
		require.Equal(t, "produce.success", one["status"])
		require.JSONEq(t, `{"password":"******"}`, one["params"].(string))
		status, answer = s.ask(t, body("t1"))
		require.Equal(t, "200", status, answer)
		status, answer = s.ask(t, "["+body("t1")+","+body("t2")+"]")
		require.Equal(t, "201", status, answer)
		require.True(t, strings.HasPrefix(answer, "["))
		require.Len(t, s.server.Messages(t, queue.StreamTasks, 2), 2)

		for given, want := range map[string][2]string{
			strings.Replace(body("t1"), "hunter2", "other", 1): {"409", "Conflict"},
			`{"taskId":"t3"}`:                        {"400", "processInstanceId"},
			`{"taskId":`:                             {"400", "not valid JSON"},
			``:                                       {"400", "the body is empty"},
			`[]`:                                     {"400", "1 to 1000"},
			`{"a":1,"a":2}`:                          {"400", "duplicate"},
			`"` + strings.Repeat("x", 101<<10) + `"`: {"413", "102400"},
		} {
			status, answer := s.ask(t, given)
			require.Equal(t, want[0], status, answer)
			require.Contains(t, answer, want[1])
			var shape struct{ Message, Exception string }
			require.NoError(t, json.Unmarshal([]byte(answer), &shape), answer)
			require.NotEmpty(t, shape.Message)
			require.NotEmpty(t, shape.Exception)
		}
		require.Len(t, s.server.Messages(t, queue.StreamTasks, 2), 2, "nothing more was published")
	})
}

// An answer goes to an inbox only: NATS lets anybody name any subject.
func TestAnswersGoToInboxesOnly(t *testing.T) {
	t.Parallel()
	s := setup(t, storetest.SQLite(t), gateway.Config{})
	all, err := s.nc.SubscribeSync("rs.ctl.*")
	require.NoError(t, err)
	require.NoError(t, s.nc.PublishRequest(queue.PubSubject, queue.CtlSubject("MachineStone"), []byte(body("t1"))))
	require.NoError(t, s.nc.Publish(queue.PubSubject, []byte(body("t2"))))
	status, _ := s.ask(t, body("t3"))
	require.Equal(t, "201", status)
	require.Len(t, s.server.Messages(t, queue.StreamTasks, 1), 1, "what nobody would hear of is not published")
	n, _, err := all.Pending()
	require.NoError(t, err)
	require.Zero(t, n)
}

// Of several gateways one answers.
func TestOneGatewayAnswers(t *testing.T) {
	t.Parallel()
	server := queuetest.Start(t)
	served := make(chan int, 100)
	for i := range 3 {
		p := pub.New(server.Connect(t), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			served <- i
			w.WriteHeader(http.StatusAccepted)
			_, _ = w.Write([]byte("{}"))
		}), pub.Config{}, zap.NewNop())
		require.NoError(t, p.Start(t.Context()))
		require.Error(t, p.Start(t.Context()), "once only")
		t.Cleanup(func() { require.NoError(t, p.Stop(context.Background())) })
	}
	nc := server.Connect(t)
	for range 20 {
		m, err := nc.Request(queue.PubSubject, nil, patience)
		require.NoError(t, err)
		require.Equal(t, "202", m.Header.Get(queue.HeaderStatus))
	}
	require.Len(t, served, 20)
}

func TestBounds(t *testing.T) {
	t.Parallel()
	server := queuetest.Start(t)
	entered, leave := make(chan struct{}, 10), make(chan struct{})
	p := pub.New(server.Connect(t), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Request-Id") == "large" {
			_, _ = w.Write(make([]byte, 2<<20))
			return
		}
		entered <- struct{}{}
		<-leave
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write([]byte("{}"))
	}), pub.Config{Concurrent: 1}, zap.NewNop())
	require.NoError(t, p.Start(t.Context()))
	nc := server.Connect(t)

	large := nats.NewMsg(queue.PubSubject)
	large.Header.Set("X-Request-Id", "large")
	m, err := nc.RequestMsg(large, patience)
	require.NoError(t, err)
	require.Equal(t, "200 null\n", m.Header.Get(queue.HeaderStatus)+" "+string(m.Data), "it does not fit, but it happened")

	inbox := nc.NewInbox()
	answers, err := nc.SubscribeSync(inbox)
	require.NoError(t, err)
	require.NoError(t, nc.PublishRequest(queue.PubSubject, inbox, nil))
	<-entered
	m, err = nc.Request(queue.PubSubject, nil, patience)
	require.NoError(t, err)
	require.Equal(t, "429", m.Header.Get(queue.HeaderStatus))
	require.Equal(t, "1", m.Header.Get("Retry-After"))
	require.JSONEq(t, `{"message":"Too many requests","exception":"too many requests are being served: send again later"}`, string(m.Data))

	stopped := make(chan error, 1)
	go func() { stopped <- p.Stop(context.Background()) }()
	require.Eventually(t, func() bool {
		_, err := nc.Request(queue.PubSubject, nil, patience)
		return err != nil // nobody serves it any more
	}, patience, 5*time.Millisecond)
	require.Empty(t, stopped, "the one at work is waited for")
	close(leave)
	require.NoError(t, <-stopped)
	m, err = answers.NextMsg(patience)
	require.NoError(t, err)
	require.Equal(t, "201", m.Header.Get(queue.HeaderStatus))
	require.NoError(t, p.Stop(context.Background()), "twice does no harm")
}

func TestStopGivesUp(t *testing.T) {
	t.Parallel()
	server := queuetest.Start(t)
	entered := make(chan struct{}, 1)
	p := pub.New(server.Connect(t), http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		entered <- struct{}{}
		<-r.Context().Done()
	}), pub.Config{}, zap.NewNop())
	require.NoError(t, p.Start(t.Context()))
	nc := server.Connect(t)
	require.NoError(t, nc.PublishRequest(queue.PubSubject, nc.NewInbox(), nil))
	<-entered
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, p.Stop(ctx), context.DeadlineExceeded)
}

func TestStopWhileTheQueueIsAway(t *testing.T) {
	t.Parallel()
	server := queuetest.Start(t)
	nc := server.Connect(t)
	p := pub.New(nc, http.NotFoundHandler(), pub.Config{}, zap.NewNop())
	require.NoError(t, p.Start(t.Context()))
	server.Stop(t)
	queuetest.WaitFor(t, func() bool { return !nc.IsConnected() })
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second) // the library waits for 10 s
	defer cancel()
	require.NoError(t, p.Stop(ctx))
}
