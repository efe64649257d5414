package rivertest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/riverstones/riverstones/gateway/dispatch"
	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/gateway/river"
	"github.com/riverstones/riverstones/gateway/river/rivertest"
	"github.com/riverstones/riverstones/gateway/river/variable"
	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/storetest"
)

// bed is a store with a runtime on it.
type bed struct {
	t     *testing.T
	st    river.Store
	r     *river.Runtime
	clock *rivertest.Clock
}

// beds runs a test on both kinds of store.
func beds(t *testing.T, f func(b *bed)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, s store.Store) {
		t.Helper()
		b := &bed{t: t, st: runtimeOf(t, s), clock: rivertest.NewClock()}
		b.r = b.runtime(b.st)
		f(b)
	})
}

// runtime returns another one on a store.
func (b *bed) runtime(st river.Store) *river.Runtime {
	b.t.Helper()
	r, err := river.New(river.Config{Now: b.clock.Now, Look: 5 * time.Millisecond, Lease: time.Second}, river.Deps{Store: st})
	require.NoError(b.t, err)
	return r
}

func (b *bed) deploy(key, body string) {
	b.t.Helper()
	_, _, err := b.r.Deploy(b.t.Context(), river.NewDeployment{Files: []river.File{{Name: key + ".bpmn", Bytes: rivertest.XML(key, body)}}})
	require.NoError(b.t, err)
}

func (b *bed) start(key string, vars ...river.Var) string {
	b.t.Helper()
	in, err := b.r.StartInstance(b.t.Context(), river.Start{Key: key, Variables: vars})
	require.NoError(b.t, err)
	return in.ID
}

// at returns the executions of an instance at an activity.
func (b *bed) at(instance, activity string) (out []store.Execution) {
	b.t.Helper()
	all, err := b.st.Tree(b.t.Context(), instance)
	require.NoError(b.t, err)
	for i := range all {
		if all[i].Activity == activity {
			out = append(out, all[i])
		}
	}
	return out
}

func (b *bed) status(id string) store.InstanceStatus {
	b.t.Helper()
	return rivertest.LoadInstance(b.t, b.st, id).Instance.Status
}

// atOnce calls f n times at once, and returns how often it gave which kind of
// error; those without are under -1.
func atOnce(t *testing.T, n int, f func(i int) error) map[int]int {
	t.Helper()
	var mu sync.Mutex
	var all sync.WaitGroup
	got := map[int]int{}
	begin := make(chan struct{})
	for i := range n {
		all.Go(func() {
			<-begin
			err := f(i)
			kind := -1
			if fa := fault.Of(err); fa != nil {
				kind = int(fa.Kind)
				assert.Contains(t, []fault.Kind{fault.NotFound, fault.State, fault.Conflict}, fa.Kind, err)
			}
			mu.Lock()
			defer mu.Unlock()
			got[kind]++
		})
	}
	close(begin)
	all.Wait()
	return got
}

const callers = 200

const busy = `<startEvent id="s"/> <receiveTask id="a"/> <boundaryEvent id="n" attachedToRef="a" cancelActivity="false"><signalEventDefinition signalRef="goSignal"/></boundaryEvent>
<receiveTask id="y"/> <receiveTask id="z"/> <endEvent id="e"/>
s -> a -> z -> e
n -> y -> e
`

func TestManySignalsAtOnce(t *testing.T) {
	t.Parallel()
	beds(t, func(b *bed) {
		t := b.t
		b.deploy("p", busy)
		id := b.start("p")
		cold := b.runtime(b.st) // it has the model to read, while all wait for it
		boundary, token := b.at(id, "n")[0].ID, b.at(id, "a")[0].ID
		got := atOnce(t, callers, func(int) error {
			_, err := cold.Act(t.Context(), boundary, river.Action{Kind: river.SignalReceived, Name: "go"})
			return err
		})
		require.Equal(t, map[int]int{-1: callers}, got, "each fires the event once")
		require.Len(t, b.at(id, "y"), callers)

		got = atOnce(t, callers, func(i int) error {
			name := fmt.Sprintf("v%d", i)
			return b.r.SetVariables(t.Context(), id, river.VariableWrite{Mode: river.Create, Variables: []river.Var{
				{Name: "same", Value: variable.Integer(1)}, {Name: name, Value: variable.Integer(1)}}})
		})
		require.Equal(t, map[int]int{-1: 1, int(fault.Conflict): callers - 1}, got, "one creates the variable")
		vars, err := b.r.Variables(t.Context(), id, river.AnyScope)
		require.NoError(t, err)
		require.Len(t, vars, 2, "those who lost have written nothing")

		got = atOnce(t, callers, func(i int) error {
			_, err := b.r.Act(t.Context(), token, river.Action{Kind: river.Trigger, Variables: []river.Var{{Name: fmt.Sprintf("w%d", i), Value: variable.Integer(1)}}})
			return err
		})
		require.Equal(t, map[int]int{-1: 2, int(fault.NotFound): callers - 2}, got, "two steps lead to the end of this token")
		require.Empty(t, b.at(id, "n"))
		vars, err = b.r.Variables(t.Context(), id, river.AnyScope)
		require.NoError(t, err)
		require.Len(t, vars, 4)
	})
}

// Instances that signal one another at once wait for one another's locks.
func TestSignalsCross(t *testing.T) {
	t.Parallel()
	beds(t, func(b *bed) {
		t := b.t
		b.deploy("p", `<startEvent id="s"/> <parallelGateway id="f"/> <receiveTask id="a"/> <intermediateThrowEvent id="t"><signalEventDefinition signalRef="goSignal"/></intermediateThrowEvent>
<receiveTask id="b"/> <boundaryEvent id="n" attachedToRef="b" cancelActivity="false"><signalEventDefinition signalRef="goSignal"/></boundaryEvent> <receiveTask id="y"/> <endEvent id="e"/>
s -> f -> a -> t -> e
f -> b -> e
n -> y -> e
`)
		const n = 8
		var ids [n]string
		var tokens [n]string
		for i := range ids {
			ids[i] = b.start("p")
			tokens[i] = b.at(ids[i], "a")[0].ID
		}
		got := atOnce(t, n, func(i int) error {
			_, err := b.r.Act(t.Context(), tokens[i], river.Action{Kind: river.Trigger})
			return err
		})
		require.Equal(t, map[int]int{-1: n}, got)
		for _, id := range ids {
			require.Len(t, b.at(id, "y"), n, "everybody has heard everybody once")
		}
	})
}

// selfish believes that it holds every lease.
type selfish struct{ river.Store }

func (selfish) Lease(context.Context, string, string, time.Duration) (bool, error) { return true, nil }

const timed = `<startEvent id="s"/> <receiveTask id="a"/>
<boundaryEvent id="c" attachedToRef="a" cancelActivity="false"><timerEventDefinition><timeCycle>R3/PT1M</timeCycle></timerEventDefinition></boundaryEvent>
<receiveTask id="x" flowable:async="true"/> <endEvent id="e"/>
s -> a -> e
c -> x -> e
`

// Even where two processes both think that they have the lease, each timer and
// each continuation is run once.
func TestTimersFireOnce(t *testing.T) {
	t.Parallel()
	beds(t, func(b *bed) {
		t := b.t
		b.deploy("p", timed)
		const n = 20
		var ids [n]string
		for i := range ids {
			ids[i] = b.start("p")
		}
		other := b.runtime(selfish{b.st})
		b.r.Start(t.Context())
		other.Start(t.Context())
		for range 3 {
			b.clock.Advance(time.Minute)
			b.quiet()
		}
		b.clock.Advance(time.Hour)
		b.quiet()
		other.Stop()
		b.r.Stop()
		for _, id := range ids {
			require.Len(t, b.at(id, "x"), 3)
		}
	})
}

// quiet waits until nothing is due.
func (b *bed) quiet() {
	b.t.Helper()
	require.Eventually(b.t, func() bool {
		due, _, err := b.st.DueJobs(b.t.Context(), b.clock.Now(), 1)
		return err == nil && len(due) == 0
	}, time.Minute, time.Millisecond)
}

func TestTheLeaseMovesOver(t *testing.T) {
	t.Parallel()
	beds(t, func(b *bed) {
		t := b.t
		b.deploy("p", timed)
		id := b.start("p")
		first, second := b.runtime(b.st), b.runtime(b.st)
		first.Start(t.Context())
		b.clock.Advance(time.Minute)
		b.quiet()
		second.Start(t.Context())
		first.Stop()
		b.clock.Advance(time.Minute)
		b.quiet()
		second.Stop()
		b.clock.Advance(time.Minute) // while nobody runs
		third := b.runtime(b.st)
		third.Start(t.Context())
		b.quiet()
		third.Stop()
		require.Len(t, b.at(id, "x"), 3)
	})
}

// counting counts the instances that steps load.
type counting struct {
	river.Store

	loads *atomic.Int64
}

func (c counting) Step(ctx context.Context, f func(context.Context, store.RuntimeTx) error) error {
	return c.Store.Step(ctx, func(ctx context.Context, tx store.RuntimeTx) error { return f(ctx, countingTx{tx, c.loads}) })
}

type countingTx struct {
	store.RuntimeTx

	loads *atomic.Int64
}

func (c countingTx) Load(ctx context.Context, id string) (*store.Process, error) {
	c.loads.Add(1)
	return c.RuntimeTx.Load(ctx, id)
}

// Open loads too.
func (c countingTx) Open(ctx context.Context, ids ...string) ([]*store.Process, error) {
	opener, ok := c.RuntimeTx.(interface {
		Open(ctx context.Context, ids ...string) ([]*store.Process, error)
	})
	if !ok {
		return nil, errors.ErrUnsupported
	}
	all, err := opener.Open(ctx, ids...)
	c.loads.Add(int64(len(all)))
	return all, err
}

// A step loads its own instance, and of others only those that it moves.
func TestStepsLoadWhatTheyMove(t *testing.T) {
	t.Parallel()
	loads := &atomic.Int64{}
	b := &bed{t: t, st: counting{runtimeOf(t, storetest.SQLite(t)), loads}, clock: rivertest.NewClock()}
	b.r = b.runtime(b.st)
	b.deploy("q", `<startEvent id="s"/> <receiveTask id="a"/> <receiveTask id="b"/> <endEvent id="e"/>
s -> a -> b -> e
`)
	b.deploy("p", `<startEvent id="s"/> <callActivity id="call" calledElement="q"/> <endEvent id="e"/>
s -> call -> e
`)
	for range 5 {
		b.start("p")
	}
	require.Zero(t, loads.Load())
	all, _, err := b.st.Executions(t.Context(), store.ExecutionFilter{Activity: "a", Paging: store.Paging{Size: 10}})
	require.NoError(t, err)
	for _, want := range []int64{1, 3} { // the second one comes back to the caller
		_, err := b.r.Act(t.Context(), all[0].ID, river.Action{Kind: river.Trigger})
		require.NoError(t, err)
		require.Equal(t, want, loads.Load())
	}
}

var errLater = errors.New("the test lets this step fail")

// Of a step whose commit fails nothing is left, whatever it did before.
func TestAFailedCommitLeavesNothing(t *testing.T) {
	t.Parallel()
	beds(t, func(b *bed) {
		t := b.t
		b.deploy("p", busy)
		id := b.start("p")
		before := rivertest.LoadInstance(t, b.st, id)
		r := b.runtime(failing{b.st})
		_, err := r.Act(t.Context(), b.at(id, "a")[0].ID, river.Action{Kind: river.Trigger})
		require.Equal(t, fault.Unavailable, fault.Of(err).Kind)
		require.Equal(t, before, rivertest.LoadInstance(t, b.st, id))
	})
}

type failing struct{ river.Store }

func (s failing) Step(ctx context.Context, f func(context.Context, store.RuntimeTx) error) error {
	return s.Store.Step(ctx, func(ctx context.Context, tx store.RuntimeTx) error {
		return errors.Join(f(ctx, tx), errLater)
	})
}

// A large variable goes along, and is read where it is asked for.
func TestLargeVariables(t *testing.T) {
	t.Parallel()
	beds(t, func(b *bed) {
		t := b.t
		b.deploy("q", `<startEvent id="s"/> <receiveTask id="a"/> <endEvent id="e"/>
s -> a -> e
`)
		b.deploy("p", `<startEvent id="s"/> <exclusiveGateway id="x"/> <callActivity id="call" calledElement="q"><extensionElements><flowable:in source="big" target="inside"/><flowable:out source="inside" target="back"/></extensionElements></callActivity>
<receiveTask id="z"/> <endEvent id="e"/>
s -> x
x -> call ${big != ''}
call -> z -> e
`)
		text := strings.Repeat("0123456789abcdef", 1<<16) // 1 MiB
		id := b.start("p", river.Var{Name: "big", Value: variable.String(text)})
		all, _, err := b.st.Executions(t.Context(), store.ExecutionFilter{Activity: "a", Paging: store.Paging{Size: 1}})
		require.NoError(t, err)
		_, err = b.r.Act(t.Context(), all[0].ID, river.Action{Kind: river.Trigger})
		require.NoError(t, err)
		for _, name := range []string{"big", "back"} {
			v, err := b.r.VariableOf(t.Context(), b.at(id, "z")[0].ID, name, river.AnyScope)
			require.NoError(t, err)
			require.Equal(t, text, v.Value.Text())
		}
		_, err = b.r.Act(t.Context(), b.at(id, "z")[0].ID, river.Action{Kind: river.Trigger})
		require.NoError(t, err)
		require.Equal(t, store.Completed, b.status(id))
	})
}

// A job that was taken out of the queue for a worker, who gave it back, is no
// stone's any more; it does not keep others from theirs.
func TestAdoption(t *testing.T) {
	t.Parallel()
	beds(t, func(b *bed) {
		t := b.t
		declared := false
		core, logged := observer.New(zap.WarnLevel)
		r, err := river.New(river.Config{}, river.Deps{
			Log: zap.New(core), Store: b.st, Declared: func(string) bool { return declared },
			Attempts: func(context.Context, string) ([]store.Attempt, error) { return []store.Attempt{{Sequence: 1}}, nil },
			Withdraw: func(context.Context, string, uint64) dispatch.Taken { return dispatch.Out },
		})
		require.NoError(t, err)
		b.r = r
		b.deploy("p", `<startEvent id="s"/> <serviceTask id="w" flowable:type="external-worker" flowable:topic="t"/> <endEvent id="e"/>
s -> w -> e
`)
		declared = true
		b.start("p")
		jobs, err := r.AcquireJobs(t.Context(), river.Acquire{Topic: "t", Worker: "w", Lock: time.Minute, Tasks: 1})
		require.NoError(t, err)
		require.Len(t, jobs, 1)
		require.NoError(t, r.UnacquireJobs(t.Context(), "w"))
		declared = false
		second := b.start("p")
		require.NoError(t, r.Adopt(t.Context(), "t"))
		require.Zero(t, logged.Len(), "the first one is not tried")
		tasks, ok := b.st.(store.Tasks)
		require.True(t, ok)
		_, err = tasks.Task(t.Context(), rivertest.LoadInstance(t, b.st, second).Jobs[0].ID)
		require.NoError(t, err, "its task is published")
		jobs, err = r.AcquireJobs(t.Context(), river.Acquire{Topic: "t", Worker: "w", Lock: time.Minute, Tasks: 1})
		require.NoError(t, err)
		require.Len(t, jobs, 1, "a worker gets the first one again")
	})
}
