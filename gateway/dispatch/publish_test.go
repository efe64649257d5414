package dispatch_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/dispatch"
	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
)

func TestPublish(t *testing.T) {
	t.Parallel()
	s := setup(t, options{})
	r := request("2912516")
	r.Params = []byte(`"{ \"n\": 12345678901234567890 }"`)
	r.Timeout, r.Retry = "90s", &dispatch.Retry{MaxAttempts: 5, Backoff: "2s"}
	o, err := s.Publish(t.Context(), r)
	require.NoError(t, err)
	requirePublished(t, o)
	require.True(t, queue.CheckID(o.Task.ID))

	got, err := s.store.Task(t.Context(), "2912516")
	require.NoError(t, err)
	require.Equal(t, o.Task.Names, got.Names)
	require.Equal(t, "MachineStone", got.Name)
	require.Equal(t, "MachineStone", got.Namespace)
	require.Equal(t, task.Start, got.Method)
	require.Equal(t, 1, got.Epoch)
	require.JSONEq(t, "{}", string(got.Outputs))
	require.Equal(t, `{"n":12345678901234567890}`, string(got.Params))
	require.True(t, o.Task.CreateTime.Equal(got.CreateTime))

	msg := s.server.Messages(t, queue.StreamTasks, 1)[0]
	require.Equal(t, "rs.task.MachineStone._.start", msg.Subject)
	cmd, err := queue.ParseCommand(msg.Data)
	require.NoError(t, err)
	require.Equal(t, &queue.Retry{MaxAttempts: 5, Backoff: 2 * time.Second}, cmd.Retry)
	require.Equal(t, 90*time.Second, cmd.Deadline.Sub(cmd.CreateTime))
}

func TestPublishAgain(t *testing.T) {
	t.Parallel()
	const id = "0190A6F2-5b1c-7c4e-9a57-2f6f0e3d7a11"
	for name, c := range map[string]struct {
		change   func(r *dispatch.Request)
		conflict string // "" if it is the same task
	}{
		"the same":          {func(*dispatch.Request) {}, ""},
		"white space":       {func(r *dispatch.Request) { r.Params = []byte(`{"regionId":"701"}`) }, ""},
		"as a string":       {func(r *dispatch.Request) { r.Params = []byte(`"{\"regionId\":\"701\"}"`) }, ""},
		"defaults":          {func(r *dispatch.Request) { r.Name, r.QueueType, r.Outputs = "MachineStone", "start", []byte(`{}`) }, ""},
		"without the id":    {func(r *dispatch.Request) { r.ID = "" }, ""},
		"an id of its own":  {func(r *dispatch.Request) { r.ID = "0190a6f2-0000-7c4e-9a57-2f6f0e3d7a11" }, ""},
		"id in lower case":  {func(r *dispatch.Request) { r.ID = strings.ToLower(id) }, ""},
		"other params":      {func(r *dispatch.Request) { r.Params = []byte(`{"regionId":"702"}`) }, "params differs"},
		"other number":      {func(r *dispatch.Request) { r.Outputs = []byte(`{"a":1}`) }, "outputs differs"},
		"other process":     {func(r *dispatch.Request) { r.ProcessInstanceID = "1" }, "processInstanceId differs"},
		"other name":        {func(r *dispatch.Request) { r.Name = "n" }, "name differs"},
		"other namespace":   {func(r *dispatch.Request) { r.Namespace = "n" }, "namespace differs"},
		"other stone":       {func(r *dispatch.Request) { r.Stone, r.Name, r.Namespace = "Other", "MachineStone", "MachineStone" }, "stone differs"},
		"other businessKey": {func(r *dispatch.Request) { r.BusinessKey = "k" }, "businessKey differs"},
		"other queueType":   {func(r *dispatch.Request) { r.QueueType = "mock" }, "queueType differs"},
		"other retry":       {func(r *dispatch.Request) { r.Retry = &dispatch.Retry{MaxAttempts: 2} }, "retry differs"},
		"other timeout":     {func(r *dispatch.Request) { r.Timeout = "1m1s" }, "timeout differs"},
		"same id only":      {func(r *dispatch.Request) { r.TaskID = "other" }, "id " + strings.ToLower(id) + " is taken"},
	} {
		for _, recorded := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/recorded=%v", name, recorded), func(t *testing.T) {
				t.Parallel()
				s := setup(t, options{unrecorded: !recorded, patience: 50 * time.Millisecond})
				if recorded {
					require.Eventually(t, s.checkpoint.Known, 5*time.Second, time.Millisecond)
				}
				r := request("t")
				r.ID, r.Timeout = id, "1m"
				first, err := s.Publish(t.Context(), r)
				require.NoError(t, err)
				if recorded {
					require.Eventually(t, func() bool { return s.checkpoint.Passed() == 1 }, 5*time.Second, time.Millisecond)
				}
				c.change(&r)
				again, err := s.Publish(t.Context(), r)
				if c.conflict != "" {
					requireFault(t, err, fault.Conflict, c.conflict)
				} else {
					require.NoError(t, err)
					require.True(t, again.Known)
					require.Equal(t, recorded, again.Recorded)
					require.Equal(t, first.Task.Names, again.Task.Names)
				}
				require.Equal(t, 1, s.messages(t))
			})
		}
	}
}

func TestConcurrentEqualRequestsPublishOnce(t *testing.T) {
	t.Parallel()
	s := setup(t, options{})
	const n = 20
	var mu sync.Mutex
	ids, fresh := map[string]bool{}, 0
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			o, err := s.Publish(t.Context(), request("t"))
			mu.Lock()
			defer mu.Unlock()
			if err != nil || !o.Recorded {
				t.Errorf("%+v %v", o, err)
			}
			ids[o.Task.ID] = true
			if !o.Known {
				fresh++
			}
		})
	}
	wg.Wait()
	require.Len(t, ids, 1)
	require.Equal(t, 1, fresh)
	require.Equal(t, 1, s.messages(t))
}

func TestConcurrentRequestsShareLookups(t *testing.T) {
	t.Parallel()
	s := setup(t, options{})
	s.store.gate = make(chan struct{})
	const n = 300
	var wg, begun sync.WaitGroup
	begun.Add(n)
	for i := range n {
		wg.Go(func() {
			begun.Done()
			if o, err := s.Publish(t.Context(), request(fmt.Sprint(i))); err != nil || o.Known || !o.Recorded {
				t.Errorf("%+v %v", o, err)
			}
		})
	}
	begun.Wait()
	close(s.store.gate) // the first lookup lasted until the others came
	wg.Wait()
	require.Equal(t, n, s.messages(t))
	require.Equal(t, n, s.rows(t))
	require.Less(t, s.store.lookups.Load(), int64(n))
}

func TestPublishAll(t *testing.T) {
	t.Parallel()
	s := setup(t, options{})
	out, err := s.PublishAll(t.Context(), requests(1000))
	require.NoError(t, err)
	for i, o := range out {
		requirePublished(t, o)
		require.Equal(t, fmt.Sprint("t", i), o.Task.TaskID)
	}
	require.Equal(t, 1000, s.rows(t))

	again := slices.Concat(requests(999)[990:], []dispatch.Request{request("new")})
	out, err = s.PublishAll(t.Context(), again)
	require.NoError(t, err)
	for i, o := range out {
		require.Equal(t, i < len(out)-1, o.Known, i)
	}
	require.Equal(t, 1001, s.messages(t))
}

func TestPublishAllOrNothing(t *testing.T) {
	t.Parallel()
	s := setup(t, options{})
	_, err := s.Publish(t.Context(), request("taken"))
	require.NoError(t, err)
	with := func(change func(r []dispatch.Request)) []dispatch.Request {
		r := requests(5)
		change(r)
		return r
	}
	for name, c := range map[string]struct {
		in   []dispatch.Request
		kind fault.Kind
		says []string
	}{
		"none":        {nil, fault.Invalid, []string{"1 to 1000"}},
		"too many":    {requests(1001), fault.Invalid, []string{"1 to 1000", "1001"}},
		"one invalid": {with(func(r []dispatch.Request) { r[3].Stone = "1" }), fault.Invalid, []string{"task 3: stone"}},
		"all named": {with(func(r []dispatch.Request) { r[1].Stone, r[4].TaskID, r[4].Params = "", "", []byte("[]") }), fault.Invalid,
			[]string{"task 1: stone is missing", "task 4: taskId is missing", "task 4: params must be"}},
		"one taskId twice": {with(func(r []dispatch.Request) { r[4].TaskID = "t1" }), fault.Invalid, []string{"task 4: taskId is that of task 1"}},
		"one id twice": {with(func(r []dispatch.Request) {
			r[0].ID, r[2].ID = "0190a6f2-5b1c-7c4e-9a57-2f6f0e3d7a11", "0190A6F2-5b1c-7c4e-9a57-2f6f0e3d7a11"
		}), fault.Invalid, []string{"task 2: id is that of task 0"}},
		"one conflict": {with(func(r []dispatch.Request) { r[2] = request("taken"); r[2].Name = "x" }), fault.Conflict, []string{"task 2: taskId taken"}},
		"one too large": {with(func(r []dispatch.Request) {
			r[2].Params = []byte(`{"a":"` + strings.Repeat("x", queue.MaxBlob) + `"}`)
		}), fault.TooLarge, []string{"task 2: params"}},
	} {
		t.Log(name)
		_, err := s.PublishAll(t.Context(), c.in)
		requireFault(t, err, c.kind, c.says...)
		require.Equal(t, 1, s.messages(t))
		require.Equal(t, 1, s.rows(t))
	}
	_, err = s.PublishAll(t.Context(), requests(5))
	require.NoError(t, err, "a refused array must leave nothing claimed")
}

func TestRefusedRequests(t *testing.T) {
	t.Parallel()
	s := setup(t, options{})
	deep := json.RawMessage(strings.Repeat(`{"a":`, 65) + "1" + strings.Repeat("}", 65))
	for name, c := range map[string]struct {
		change func(r *dispatch.Request)
		kind   fault.Kind
		says   []string
	}{
		"nothing": {func(r *dispatch.Request) { *r = dispatch.Request{} }, fault.Invalid,
			[]string{"processInstanceId is missing", "taskId is missing", "stone is missing"}},
		"long taskId":       {func(r *dispatch.Request) { r.TaskID = strings.Repeat("ä", 256) }, fault.Invalid, []string{"taskId must be"}},
		"control character": {func(r *dispatch.Request) { r.Name = "a\x00b" }, fault.Invalid, []string{"name must be"}},
		"no UTF-8":          {func(r *dispatch.Request) { r.Namespace = "a\xff" }, fault.Invalid, []string{"namespace must be"}},
		"stone":             {func(r *dispatch.Request) { r.Stone = "a.>*" }, fault.Invalid, []string{"stone: stone code must"}},
		"business key":      {func(r *dispatch.Request) { r.BusinessKey = "_" }, fault.Invalid, []string{"businessKey: "}},
		"id":                {func(r *dispatch.Request) { r.ID = "7" }, fault.Invalid, []string{"id must be a UUID"}},
		"queueType":         {func(r *dispatch.Request) { r.QueueType = "run" }, fault.Invalid, []string{"queueType must be one of"}},
		"params array":      {func(r *dispatch.Request) { r.Params = []byte(`[]`) }, fault.Invalid, []string{"params must be"}},
		"params number":     {func(r *dispatch.Request) { r.Params = []byte(`1`) }, fault.Invalid, []string{"params must be"}},
		"params text":       {func(r *dispatch.Request) { r.Params = []byte(`"x"`) }, fault.Invalid, []string{"params must be"}},
		"params of strings": {func(r *dispatch.Request) { r.Params = []byte(`"{\"a\":1,\"a\":2}"`) }, fault.Invalid, []string{"params must be"}},
		"params cut off":    {func(r *dispatch.Request) { r.Params = []byte(`"{"`) }, fault.Invalid, []string{"params must be"}},
		"deep params":       {func(r *dispatch.Request) { r.Params = deep }, fault.Invalid, []string{"params is nested deeper than 64"}},
		"deep outputs":      {func(r *dispatch.Request) { r.Outputs, _ = json.Marshal(string(deep)) }, fault.Invalid, []string{"outputs is nested deeper than 64"}},
		"large": {func(r *dispatch.Request) { r.Outputs = []byte(`{"a":"` + strings.Repeat("x", queue.MaxBlob) + `"}`) }, fault.TooLarge,
			[]string{"params and outputs have", "8388608"}},
		"retry":         {func(r *dispatch.Request) { r.Retry = &dispatch.Retry{MaxAttempts: -1} }, fault.Invalid, []string{"retry.maxAttempts must"}},
		"retry backoff": {func(r *dispatch.Request) { r.Retry = &dispatch.Retry{Backoff: "5"} }, fault.Invalid, []string{"retry.backoff must"}},
		"timeout":       {func(r *dispatch.Request) { r.Timeout = "-5s" }, fault.Invalid, []string{"timeout must be a duration"}},
		"delay":         {func(r *dispatch.Request) { r.Delay = "5" }, fault.Invalid, []string{"delay must be a duration"}},
		"notBefore":     {func(r *dispatch.Request) { r.NotBefore = "tomorrow" }, fault.Invalid, []string{"notBefore must be a time"}},
		"both":          {func(r *dispatch.Request) { r.Delay, r.NotBefore = "5s", "2026-01-01T00:00:00Z" }, fault.Invalid, []string{"exclude each other"}},
		"callback":      {func(r *dispatch.Request) { r.Callback = []byte(`{}`) }, fault.Invalid, []string{"callback.url is missing"}},
	} {
		t.Log(name)
		r := request("t")
		c.change(&r)
		_, err := s.Publish(t.Context(), r)
		requireFault(t, err, c.kind, c.says...)
		require.Zero(t, s.messages(t))
		require.Zero(t, s.rows(t))
	}
}

func TestQueueOutOfReach(t *testing.T) {
	t.Parallel()
	s := setup(t, options{deadline: time.Second})
	publishUntilTaken(t, s, request("before"))
	s.server.Stop(t)
	var wg sync.WaitGroup
	for range 3 { // who sends the same meanwhile shares the failure
		wg.Go(func() {
			_, err := s.Publish(t.Context(), request("t"))
			if f := fault.Of(err); f == nil || f.Kind != fault.Unavailable || f.RetryAfter == 0 || !strings.Contains(f.Detail, "task t was not published and recorded as produce.failed") {
				t.Errorf("%v", err)
			}
		})
	}
	wg.Wait()
	failed, err := s.store.Task(t.Context(), "t")
	require.NoError(t, err)
	require.Equal(t, task.ProduceFailed, failed.Status)
	require.NotEmpty(t, failed.Reason)
	other := request("t")
	other.Name = "x"
	_, err = s.Publish(t.Context(), other)
	requireFault(t, err, fault.Conflict, "name differs")

	s.server.Restart(t)
	o := publishUntilTaken(t, s, request("t"))
	require.Equal(t, failed.ID, o.Task.ID)
	require.True(t, o.Recorded)
	now, err := s.store.Task(t.Context(), "t")
	require.NoError(t, err)
	require.Equal(t, task.ProduceSuccess, now.Status)
	require.Equal(t, 2, s.messages(t))
}

func publishUntilTaken(t *testing.T, s *system, r dispatch.Request) (o dispatch.Outcome) {
	t.Helper()
	require.Eventually(t, func() bool {
		var err error
		o, err = s.Publish(t.Context(), r)
		return err == nil
	}, 20*time.Second, 10*time.Millisecond)
	return o
}

func TestQueueAndStoreOutOfReach(t *testing.T) {
	t.Parallel()
	s := setup(t, options{deadline: time.Second})
	s.server.Stop(t)
	s.store.down.Store(true)
	_, err := s.Publish(t.Context(), request("t"))
	f := requireFault(t, err, fault.Unavailable, "task t was not published")
	require.NotContains(t, f.Detail, "recorded")
	s.store.down.Store(false)
	require.Zero(t, s.rows(t))
	s.server.Restart(t)
	publishUntilTaken(t, s, request("t"))
	require.Equal(t, 1, s.rows(t))
}

func TestStoreOutOfReach(t *testing.T) {
	t.Parallel()
	s := setup(t, options{})
	s.store.down.Store(true)
	o, err := s.Publish(t.Context(), request("t"))
	require.NoError(t, err)
	require.False(t, o.Known)
	s.store.down.Store(false)
	require.Eventually(t, func() bool {
		o, err = s.Publish(t.Context(), request("t2"))
		_, read := s.store.Task(t.Context(), "t2")
		return err == nil && read == nil
	}, 10*time.Second, 10*time.Millisecond)
}

func TestQueueFull(t *testing.T) {
	t.Parallel()
	s := setup(t, options{queue: queue.ProvisionConfig{TaskBytes: 4096}})
	var err error
	for i := 0; err == nil && i < 100; i++ {
		_, err = s.Publish(t.Context(), request(fmt.Sprint(i)))
	}
	f := requireFault(t, err, fault.Unavailable, "the queue is full")
	require.NotZero(t, f.RetryAfter)
	page := s.rows(t)
	require.Equal(t, s.messages(t)+1, page, "what the queue refused is recorded too")
}

func TestNotRecordedInTime(t *testing.T) {
	t.Parallel()
	s := setup(t, options{unrecorded: true, patience: 30 * time.Millisecond})
	o, err := s.Publish(t.Context(), request("t"))
	require.NoError(t, err)
	require.False(t, o.Recorded)
	s.record(t)
	require.Eventually(t, func() bool {
		o, err = s.Publish(t.Context(), request("t"))
		return err == nil && o.Known && o.Recorded
	}, 10*time.Second, time.Millisecond)
	require.Equal(t, 1, s.messages(t))
}

// A checkpoint that was past a message before it was sent is about another
// stream, or false.
func TestACheckpointAheadOfTheStreamMakesNothingRecorded(t *testing.T) {
	t.Parallel()
	s := setup(t, options{unrecorded: true, patience: 50 * time.Millisecond})
	s.checkpoint.Advance(1 << 40)
	out, err := s.Publish(t.Context(), request("t"))
	require.NoError(t, err)
	require.False(t, out.Recorded)
}

func TestTheBarrierFindsWhatACrashLeft(t *testing.T) {
	t.Parallel()
	crashed := request("t")
	s := setup(t, options{before: func(s *system) {
		// Another gateway published the task and died; nothing is recorded yet.
		p, err := queue.NewPublisher(s.nc, queue.PublisherConfig{})
		require.NoError(t, err)
		acks := p.Publish(t.Context(), []*queue.Command{{
			Names: task.Names{ID: "0190a6f2-5b1c-7c4e-9a57-2f6f0e3d7a11", TaskID: "t", ProcessInstanceID: crashed.ProcessInstanceID,
				Name: crashed.Stone, Namespace: crashed.Stone, Stone: crashed.Stone},
			Method: task.Start, Epoch: 1, Params: []byte(`{"regionId":"701"}`), CreateTime: time.Now().UTC(),
		}})
		require.NoError(t, acks[0].Err)
	}})
	o, err := s.Publish(t.Context(), crashed)
	require.NoError(t, err)
	require.True(t, o.Known)
	require.Equal(t, 1, s.messages(t))
}

func TestTheBarrierIsBounded(t *testing.T) {
	t.Parallel()
	s := setup(t, options{unrecorded: true, patience: 20 * time.Millisecond, dispatch: dispatch.Config{Barrier: 50 * time.Millisecond},
		before: func(s *system) {
			_, err := s.js.Publish(t.Context(), "rs.task.A._.start", []byte("{}"))
			require.NoError(t, err)
		}})
	o, err := s.Publish(t.Context(), request("t"))
	require.NoError(t, err)
	require.False(t, o.Recorded)
}

func TestBacklogLimit(t *testing.T) {
	t.Parallel()
	s := setup(t, options{dispatch: dispatch.Config{BacklogLimit: 5}})
	for i := range 5 {
		_, err := s.Publish(t.Context(), request(fmt.Sprint(i)))
		require.NoError(t, err)
	}
	_, err := s.Publish(t.Context(), request("6"))
	f := requireFault(t, err, fault.TooMany, "MachineStone", "5")
	require.Equal(t, time.Second, f.RetryAfter)
	_, err = s.PublishAll(t.Context(), []dispatch.Request{request("6"), request("7")})
	requireFault(t, err, fault.TooMany)
	require.Equal(t, 5, s.messages(t))
	require.Equal(t, 5, s.rows(t))

	o, err := s.Publish(t.Context(), request("3"))
	require.NoError(t, err, "a known task takes no room")
	require.True(t, o.Known)
	other := request("8")
	other.Stone = "Other"
	_, err = s.Publish(t.Context(), other)
	require.NoError(t, err, "other stones have room")
}

func TestAGivenUpRequestIsPublishedAllTheSame(t *testing.T) {
	t.Parallel()
	s := setup(t, options{unrecorded: true})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan dispatch.Outcome, 1)
	go func() {
		o, _ := s.Publish(ctx, request("t"))
		done <- o
	}()
	require.Eventually(t, func() bool { return s.messages(t) == 1 }, 10*time.Second, time.Millisecond)
	cancel()
	require.False(t, (<-done).Recorded)
}
