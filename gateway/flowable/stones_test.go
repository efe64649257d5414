package flowable_test

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway"
	"github.com/riverstones/riverstones/gateway/flowable"
	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/stone"
	"github.com/riverstones/riverstones/store/recorder"
	"github.com/riverstones/riverstones/store/storetest"
)

// system is a whole gateway with a queue and a recorder.
type system struct {
	*world

	server *queuetest.Server
}

func whole(t *testing.T, cfg flowable.Config) *system {
	t.Helper()
	server, db := queuetest.Start(t), storetest.SQLite(t)
	rec := recorder.New(db, server.Connect(t), recorder.Config{})
	require.NoError(t, rec.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, rec.Stop(context.Background())) })
	nc := server.Connect(t)
	publisher, err := queue.NewPublisher(nc, queue.PublisherConfig{})
	require.NoError(t, err)
	g, err := gateway.New(gateway.Config{Listen: "127.0.0.1:0", RunRiver: true, Flowable: cfg}, gateway.Deps{Store: db, Publisher: publisher, NATS: nc})
	require.NoError(t, err)
	require.NoError(t, g.Start(t.Context()))
	c := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(func() {
		c.CloseIdleConnections()
		require.NoError(t, g.Stop(context.Background()))
	})
	url := "http://" + g.Addr()
	return &system{&world{client: &client{url: url, http: c}, base: url, key: "p", ahead: new(atomic.Int64)}, server}
}

// declare announces a stone that nobody serves.
func (s *system) declare(t *testing.T, code string) {
	t.Helper()
	doc, err := (&queue.Announcement{Code: code, Methods: []task.Method{task.Start}, Worker: "w", LastFetch: time.Now()}).Encode()
	require.NoError(t, err)
	js, err := jetstream.New(s.server.Connect(t))
	require.NoError(t, err)
	_, err = js.Publish(t.Context(), queue.StoneSubject(queue.StoneKey(code, "w")), doc)
	require.NoError(t, err)
	queuetest.WaitFor(t, func() bool { return s.do(t, http.MethodGet, "/stone/"+code, "").status == http.StatusOK })
}

// serve serves a stone until the test ends.
func (s *system) serve(t *testing.T, code string, f stone.Func) {
	t.Helper()
	w, err := stone.NewWorker(s.server.Connect(t), stone.Config{})
	require.NoError(t, err)
	require.NoError(t, w.Add(stone.Spec{Code: code}, f))
	require.NoError(t, w.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, w.Stop(context.Background())) })
}

// acquire asks for jobs until there is one.
func (s *system) acquire(t *testing.T, topic string) jobShown {
	t.Helper()
	var got []jobShown
	queuetest.WaitFor(t, func() bool {
		got = as[[]jobShown](t, s.post(t, jobsAPI+"/acquire/jobs", fmt.Sprintf(`{"topic":%q,"lockDuration":"PT10M","workerId":"me"}`, topic)).is(t, 200))
		return len(got) == 1
	})
	return got[0]
}

func (s *system) complete(t *testing.T, id string) {
	t.Helper()
	s.post(t, jobsAPI+"/acquire/jobs/"+id+"/complete", `{"workerId":"me","variables":[{"name":"by","value":"worker"}]}`).is(t, 204)
}

// reaches waits until an instance stands at an activity.
func (s *system) reaches(t *testing.T, instanceID, activity string) {
	t.Helper()
	queuetest.WaitFor(t, func() bool {
		return len(s.find(t, "processInstanceId="+instanceID+"&activityId="+activity)) == 1
	})
}

// The work of a topic is done by a stone or by a worker over REST, never by both.
func TestStoneOrWorker(t *testing.T) {
	t.Parallel()
	s := whole(t, flowable.Config{})
	s.declare(t, "Pack")
	s.deploy(t, line(fmt.Sprintf(worker, "Pack"), receive("after")))
	in := s.start(t, `{"name":"n","value":1}`)
	job := s.acquire(t, "Pack")
	require.Equal(t, in.ID, job.ProcessInstanceID)
	require.Equal(t, "n", job.Variables[0].Name)
	var served atomic.Int32
	s.serve(t, "Pack", func(_ context.Context, t *stone.Task) error {
		served.Add(1)
		return t.SetOutput("by", "stone")
	})
	s.complete(t, job.ID)
	s.reaches(t, in.ID, "after")
	second := s.start(t)
	s.reaches(t, second.ID, "after")
	require.EqualValues(t, 1, served.Load(), "the worker's job did not come to the stone")
	by := func(id string) string {
		return string(as[shownVariable](t, s.get(t, "/runtime/process-instances/"+id+"/variables/by").is(t, 200)).Value)
	}
	require.Equal(t, []string{`"worker"`, `"stone"`}, []string{by(in.ID), by(second.ID)})
	require.Equal(t, "[]", s.post(t, jobsAPI+"/acquire/jobs", `{"topic":"Pack","lockDuration":"PT10M","workerId":"me"}`).is(t, 200).text())
}

// Exclusive jobs of one instance are taken one after the other, and none is lost.
func TestExclusiveJobs(t *testing.T) {
	t.Parallel()
	s := whole(t, flowable.Config{})
	s.declare(t, "Pack")
	pack := func(id string) string {
		return fmt.Sprintf(`<serviceTask id=%q flowable:type="external-worker" flowable:topic="Pack"/>`, id)
	}
	s.deploy(t, `<startEvent id="s"/><parallelGateway id="f"/><parallelGateway id="j"/><endEvent id="e"/>`+pack("a")+pack("b")+receive("after")+
		flow("s", "f")+flow("f", "a")+flow("f", "b")+flow("a", "j")+flow("b", "j")+flow("j", "after")+flow("after", "e"))
	in := s.start(t)
	first := s.acquire(t, "Pack")
	for range 3 {
		require.Equal(t, "[]", s.post(t, jobsAPI+"/acquire/jobs", `{"topic":"Pack","lockDuration":"PT10M","workerId":"me","numberOfTasks":2}`).is(t, 200).text())
	}
	s.complete(t, first.ID)
	s.complete(t, s.acquire(t, "Pack").ID)
	s.reaches(t, in.ID, "after")
}
