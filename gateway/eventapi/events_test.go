package eventapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/eventapi"
	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/storetest"
)

func TestWhatIsRecordedIsTold(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db store.Store) {
		s := setup(t, db, eventapi.Config{})
		s.record(t)
		s.run(t, names(1, machine)) // before anybody listens
		c := s.open(t, "processInstanceId=p2", "").opened()
		byTask, byStone := s.open(t, "taskId=t2", "").opened(), s.open(t, "processInstanceId=p2&stone="+volume, "").opened()
		s.publish(t, names(3, machine))
		n := names(2, machine)
		s.publish(t, n)
		percent := 40
		e := event(n, 1, task.StartBegin)
		e.Progress = &percent
		e.Log = []queue.LogLine{{Time: time.Now(), Level: "info", Line: "one\ntwo"}, {Time: time.Now(), Level: "info", Line: `{"password":"hunter2"}`}}
		s.report(t, e)
		failed := event(n, 1, task.StartFailed)
		failed.Transitions[0].Reason = `{"token":"hunter2"}`
		s.report(t, failed)
		want := []string{
			"transition t2 produce.success", "transition t2 start.begin", "progress t2 40", "log t2 one\ntwo", `log t2 {"password":"******"}`,
			`transition t2 start.failed {"token":"******"}`,
		}
		byTask.expect(want...)
		first := c.next()
		require.Equal(t, want[0], first.String())
		require.Equal(t, n.ID+" p2 MachineStone key", fmt.Sprint(*first.ID, " ", *first.ProcessInstanceID, " ", *first.Stone, " ", *first.BusinessKey))
		require.Equal(t, 1, *first.Attempt)
		require.WithinDuration(t, time.Now(), first.Time, time.Minute)
		require.Nil(t, first.Worker)
		begin := c.next()
		require.Equal(t, want[1], begin.String())
		require.Equal(t, "w1", *begin.Worker)
		c.expect(want[2:]...)

		s.run(t, names(12, volume))
		byStone.expect("transition t12 produce.success", "transition t12 start.begin", "transition t12 start.success")
	})
}

// What changed nothing is not told: late results, repeats, forgeries.
func TestNotesAreNotTold(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db store.Store) {
		s := setup(t, db, eventapi.Config{})
		s.record(t)
		c := s.open(t, "processInstanceId=p1", "").opened()
		n := names(1, machine)
		s.run(t, n)
		s.report(t, event(n, 1, task.StartFailed)) // after the end
		s.report(t, event(n, 2, task.StartBegin))
		other := n
		other.Name = "other"
		forged := event(other, 1)
		forged.Log = []queue.LogLine{{Time: time.Now(), Line: "forged"}}
		s.report(t, forged)
		monitor := queue.Command{Names: n, Method: task.Monitor, Epoch: 1, CreateTime: time.Now()} // of a worker
		_, err := s.js.Publish(t.Context(), monitor.Subject(), monitor.Append(nil))
		require.NoError(t, err)
		_, err = s.js.Publish(t.Context(), queue.EventSubject(machine, task.Start), []byte("?"))
		require.NoError(t, err)
		last := names(11, machine)
		s.publish(t, last)
		want := map[string]bool{}
		for range 4 {
			want[c.next().String()] = true
		}
		require.Equal(t, map[string]bool{"transition t1 produce.success": true, "transition t1 start.begin": true,
			"transition t1 start.success": true, "transition t11 produce.success": true}, want)
		s.report(t, event(last, 1, task.StartBegin))
		c.expect("transition t11 start.begin")
	})
}

// Nothing is told before it is recorded.
func TestRecordedFirst(t *testing.T) {
	t.Parallel()
	s := setup(t, storetest.SQLite(t), eventapi.Config{Heartbeat: 20 * time.Millisecond})
	c := s.open(t, "processInstanceId=p1", "").opened()
	s.run(t, names(1, machine))
	for c.beats < 20 {
		e, err := c.read()
		require.NoError(t, err)
		require.Nil(t, e)
	}
	s.record(t)
	c.expect("transition t1 produce.success", "transition t1 start.begin", "transition t1 start.success")
}

// Whoever comes back to any id gets what was behind it, each once, whether
// others listen or not.
func TestComingBack(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db store.Store) {
		s := setup(t, db, eventapi.Config{})
		s.record(t)
		c := s.open(t, "processInstanceId=p1", "").opened()
		var ids, all []string
		ids = append(ids, c.last)
		take := func(n int) {
			for range n {
				e := c.next()
				all, ids = append(all, e.String()), append(ids, e.id)
			}
		}
		a, b := names(1, machine), names(11, machine)
		s.publish(t, a)
		s.publish(t, b)
		take(2)
		s.report(t, event(a, 1, task.StartBegin, task.StartSuccess), event(names(2, machine), 1, task.StartBegin), event(b, 1, task.StartBegin))
		s.publish(t, names(5, machine))
		take(3)
		s.report(t, event(b, 1, task.StartSuccess))
		take(1)
		require.Len(t, all, 6)
		for i, id := range ids {
			again := s.open(t, "processInstanceId=p1", id).opened()
			require.Equal(t, all[i:], strip(again, len(all)-i), "behind %s", id)
			again.close()
		}
		c.close()
		for i, id := range ids {
			again := s.open(t, "processInstanceId=p1", id).opened()
			require.Equal(t, all[i:], strip(again, len(all)-i), "behind %s, with nobody listening", id)
			next := names(101+10*i, machine)
			s.publish(t, next)
			again.expect("transition " + next.TaskID + " produce.success")
			again.close()
			all = append(all, "transition "+next.TaskID+" produce.success")
		}
	})
}

func strip(c *client, n int) []string {
	out := make([]string, 0, n)
	for range n {
		out = append(out, c.next().String())
	}
	return out
}

// Many tasks while listeners come and go: each event comes once.
func TestNothingIsLostBetweenConnections(t *testing.T) {
	t.Parallel()
	s := setup(t, storetest.SQLite(t), eventapi.Config{})
	s.record(t)
	const tasks = 200
	c := s.open(t, "stone="+machine, "").opened()
	other := s.open(t, "stone="+machine, "").opened()
	published := make(chan struct{})
	go func() {
		defer close(published)
		for i := range tasks {
			n := names(i, machine)
			s.publish(t, n)
			s.report(t, event(n, 1, task.StartBegin, task.StartSuccess))
		}
	}()
	told := make(chan int, 1)
	go func() {
		n := 0
		for n < 3*tasks {
			s, err := other.read()
			if err != nil {
				break
			}
			if s != nil {
				n++
			}
		}
		told <- n
	}()
	got := map[string]int{}
	for i := 1; i <= 3*tasks; i++ {
		got[c.next().String()]++
		if i%37 == 0 {
			c.close()
			c = s.open(t, "stone="+machine, c.last).opened()
		}
	}
	<-published
	require.Len(t, got, 3*tasks)
	require.Equal(t, 3*tasks, <-told, "one that is read all the time")
}

func TestGap(t *testing.T) {
	t.Parallel()
	s := setup(t, storetest.SQLite(t), eventapi.Config{})
	s.record(t)
	c := s.open(t, "processInstanceId=p1", "").opened()
	old := c.last
	s.run(t, names(1, machine))
	c.expect("transition t1 produce.success", "transition t1 start.begin", "transition t1 start.success")
	str, err := s.js.Stream(t.Context(), queue.StreamEvents)
	require.NoError(t, err)
	require.NoError(t, str.Purge(t.Context(), jetstream.WithPurgeSequence(2)))
	for _, id := range []string{old, "999999-0-0-0", "0-999999-0-0"} {
		again := s.open(t, "processInstanceId=p1", id)
		e := again.next()
		require.Equal(t, "gap", e.kind, id)
		require.Nil(t, e.TaskID)
		require.Contains(t, *e.Reason, "read the tasks anew")
		if id == old {
			again.expect("transition t1 produce.success", "transition t1 start.success")
		}
		s.open(t, "processInstanceId=p1", again.last).opened()
	}
}

// A heartbeat moves the place to come back to, so that a quiet listener does
// not fall behind what is kept.
func TestHeartbeat(t *testing.T) {
	t.Parallel()
	s := setup(t, storetest.SQLite(t), eventapi.Config{Heartbeat: 20 * time.Millisecond})
	s.record(t)
	c := s.open(t, "taskId=quiet", "").opened()
	s.run(t, names(1, machine))
	for !strings.HasPrefix(c.last, "1-2-0-") {
		e, err := c.read()
		require.NoError(t, err)
		require.Nil(t, e)
	}
	require.Positive(t, c.beats)
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	s := setup(t, storetest.SQLite(t), eventapi.Config{Listeners: 1})
	get := func(query, from string) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/events?"+query, http.NoBody)
		require.NoError(t, err)
		if from != "" {
			req.Header.Set("Last-Event-ID", from)
		}
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		defer func() { _ = resp.Body.Close() }()
		require.Equal(t, "application/json", resp.Header.Get("Content-Type"))
		return resp.StatusCode
	}
	require.Equal(t, 400, get("", ""))
	require.Equal(t, 400, get("size=1", ""))
	require.Equal(t, 400, get("processInstanceId=", ""))
	require.Equal(t, 400, get("stone=a+b", ""))
	for _, id := range []string{"x", "1", "1-2-3", "1-2-3-4-5", "-1-2-3-4", "01-2-3-4", "1-2-99999999-4", "99999999999999999999-1-0-0"} {
		require.Equal(t, 400, get("taskId=t1", id), id)
	}
	c := s.open(t, "taskId=t1", "").opened()
	require.Equal(t, 429, get("taskId=t1", ""))
	c.close()
	require.Eventually(t, func() bool { return s.tryOpen(t) }, patience, 5*time.Millisecond)
	s.service.Stop()
	require.Equal(t, 503, get("taskId=t1", ""))
}

func (s *system) tryOpen(t *testing.T) bool {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/events?taskId=t1", http.NoBody)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	return resp.StatusCode == 200
}

// The server's time limits do not end a stream, its stop does, at once.
func TestStreamsEndWithTheServer(t *testing.T) {
	t.Parallel()
	s := setup(t, storetest.SQLite(t), eventapi.Config{Heartbeat: 50 * time.Millisecond})
	s.record(t)
	c := s.open(t, "processInstanceId=p1", "").opened()
	for c.beats < 20 { // three times the server's limits
		_, err := c.read()
		require.NoError(t, err)
	}
	s.run(t, names(1, machine))
	c.expect("transition t1 produce.success", "transition t1 start.begin", "transition t1 start.success")
	s.service.Stop()
	c.ended()
}

// NATS may go and come.
func TestOutage(t *testing.T) {
	t.Parallel()
	s := setup(t, storetest.SQLite(t), eventapi.Config{})
	s.record(t)
	c := s.open(t, "processInstanceId=p1", "").opened()
	s.run(t, names(1, machine))
	c.expect("transition t1 produce.success", "transition t1 start.begin", "transition t1 start.success")
	s.server.Restart(t)
	require.Eventually(t, func() bool {
		_, err := s.js.Stream(t.Context(), queue.StreamTasks)
		return err == nil
	}, patience, 5*time.Millisecond)
	s.run(t, names(11, machine))
	c.expect("transition t11 produce.success", "transition t11 start.begin", "transition t11 start.success")
}

// One that reads too slowly is dropped, others are not held up, and it may come
// back to where it was.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	s := setup(t, storetest.SQLite(t), eventapi.Config{Write: time.Second, Listeners: 2})
	s.record(t)
	slow, fast := s.open(t, "stone="+machine, "").opened(), s.open(t, "stone="+machine, "").opened()
	n := names(1, machine)
	s.publish(t, n)
	fast.expect("transition t1 produce.success")
	const messages = 15
	line := strings.Repeat("x", 100<<10)
	for range messages {
		e := event(n, 1)
		e.Log = []queue.LogLine{{Time: time.Now(), Level: "info", Line: line}}
		s.report(t, e)
		require.Equal(t, "log", fast.next().kind)
	}
	require.Eventually(t, func() bool { return s.tryOpen(t) }, patience, 5*time.Millisecond, "its place is free again")
	logs := 0
	for {
		e, err := slow.read()
		if err != nil {
			break
		}
		if e != nil && e.kind == "log" {
			logs++
		}
	}
	require.Less(t, logs, messages, "it was dropped")
	fast.close()
	again := s.open(t, "stone="+machine, slow.last)
	for logs < messages {
		if again.next().kind == "log" {
			logs++
		}
	}
}
