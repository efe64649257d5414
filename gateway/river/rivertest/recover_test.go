package rivertest_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/dispatch"
	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/gateway/river"
	"github.com/riverstones/riverstones/gateway/river/rivertest"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// taking is a bed whose stone has a task that workers over REST take.
type taking struct {
	*bed

	tasks store.Store
	job   string
	// withdraw and gone are what the queue answers.
	withdraw func(cancel func()) dispatch.Taken
	gone     func() (bool, error)
	asked    atomic.Int64 // how often gone was
	rounds   atomic.Int64 // of looking for broken off takings
}

// looking counts the rounds.
type looking struct {
	river.Store

	rounds *atomic.Int64
}

func (l looking) Jobs(ctx context.Context, f store.JobFilter) ([]store.Job, int, error) {
	if f.Lapsed {
		l.rounds.Add(1)
	}
	return l.Store.Jobs(ctx, f)
}

const takeFor = 10 * time.Second

func newTaking(b *bed) *taking {
	b.t.Helper()
	tasks, ok := b.st.(store.Store)
	require.True(b.t, ok)
	k := &taking{bed: b, tasks: tasks}
	b.r = k.another()
	b.deploy("p", `<startEvent id="s"/> <serviceTask id="w" flowable:type="external-worker" flowable:topic="t"/> <endEvent id="e"/>
s -> w -> e
`)
	k.job = rivertest.LoadInstance(b.t, b.st, b.start("p")).Jobs[0].ID
	k.sent(7)
	return k
}

// another returns a runtime like that of another process.
func (k *taking) another() *river.Runtime {
	k.t.Helper()
	r, err := river.New(river.Config{Now: k.clock.Now, Look: time.Millisecond, Lease: time.Second}, river.Deps{
		Store: looking{k.st, &k.rounds}, Declared: func(string) bool { return true }, Attempts: k.tasks.Attempts,
		Withdraw: func(ctx context.Context, _ string, _ uint64) dispatch.Taken {
			cancel, ok := ctx.Value(k).(context.CancelFunc)
			require.True(k.t, ok)
			return k.withdraw(cancel)
		},
		Gone: func(context.Context, uint64) (bool, error) {
			defer k.asked.Add(1)
			return k.gone()
		},
	})
	require.NoError(k.t, err)
	return r
}

// sent is what the relay does: the newest command is stored at a sequence.
func (k *taking) sent(sequence uint64) (kinds []store.Kind) {
	k.t.Helper()
	for {
		rows, _, err := k.tasks.Outgoing(k.t.Context(), time.Now().Add(time.Hour), 10)
		require.NoError(k.t, err)
		if len(rows) == 0 {
			return kinds
		}
		kinds = append(kinds, rows[0].Kind)
		done := store.Sent{Number: rows[0].Number}
		if rows[0].Kind == store.Send {
			done.Sequence = sequence
		}
		require.NoError(k.t, k.tasks.Sent(k.t.Context(), []store.Sent{done}))
	}
}

// acquire asks for jobs as a gateway that may die while it takes one.
func (k *taking) acquire() ([]river.AcquiredJob, error) {
	k.t.Helper()
	ctx, cancel := context.WithCancel(k.t.Context())
	defer cancel()
	return k.r.AcquireJobs(context.WithValue(ctx, k, cancel), river.Acquire{Topic: "t", Worker: "me", Lock: time.Hour, Tasks: 1})
}

// recover runs the background work until f holds.
func (k *taking) recover(f func() bool) {
	k.t.Helper()
	r := k.another()
	r.Start(k.t.Context())
	defer r.Stop()
	require.Eventually(k.t, f, time.Minute, time.Millisecond)
}

func (k *taking) now() store.Job {
	k.t.Helper()
	all, _, err := k.st.Jobs(k.t.Context(), store.JobFilter{ID: k.job, Paging: store.Paging{Size: 1}})
	require.NoError(k.t, err)
	require.Len(k.t, all, 1)
	return all[0]
}

// look lets the background work look for broken off takings.
func (k *taking) look() {
	k.t.Helper()
	before := k.rounds.Load()
	k.recover(func() bool { return k.rounds.Load() > before+2 })
}

func (k *taking) unlocked() bool { return k.now().LockOwner == "" }

func (k *taking) epoch() int {
	k.t.Helper()
	all, err := k.tasks.Attempts(k.t.Context(), k.job)
	require.NoError(k.t, err)
	return len(all)
}

func dies(as dispatch.Taken) func(func()) dispatch.Taken {
	return func(cancel func()) dispatch.Taken { cancel(); return as }
}

func lives(as dispatch.Taken) func(func()) dispatch.Taken {
	return func(func()) dispatch.Taken { return as }
}

func answer(gone bool) func() (bool, error) { return func() (bool, error) { return gone, nil } }

// A gateway dies when it has taken a command out of the queue: its stone gets the
// task again, and workers may take it again.
func TestAJobThatWasTakenByNobodyIsPublishedAgain(t *testing.T) {
	t.Parallel()
	beds(t, func(b *bed) {
		k := newTaking(b)
		k.withdraw, k.gone = dies(dispatch.Out), answer(true)
		_, err := k.acquire()
		require.Equal(t, fault.Unavailable, fault.Of(err).Kind)
		require.Equal(t, "me", k.now().LockOwner)

		err = k.r.UnacquireJobs(t.Context(), "me", k.job)
		require.Equal(t, fault.Forbidden, fault.Of(err).Kind, "it never had it")
		require.NoError(t, k.r.UnacquireJobs(t.Context(), "me"))
		b.clock.Advance(takeFor)
		k.withdraw = lives(dispatch.Left)
		got, err := k.acquire()
		require.NoError(t, err)
		require.Empty(t, got)
		require.Equal(t, "me", k.now().LockOwner, "nobody forgets that it is to be looked after")

		k.recover(k.unlocked)
		require.Equal(t, 2, k.epoch())
		require.Equal(t, []store.Kind{store.Withdraw, store.Send}, k.sent(9))
		got, err = k.acquire()
		require.NoError(t, err)
		require.Empty(t, got, "the stone has it")
		require.True(t, k.unlocked())
		k.withdraw = lives(dispatch.Out)
		got, err = k.acquire()
		require.NoError(t, err)
		require.Len(t, got, 1)
		require.WithinDuration(t, b.clock.Now().Add(time.Hour), k.now().LockUntil, 0, "the worker's own lock")
		b.clock.Advance(2 * time.Hour)
		before := k.asked.Load()
		k.look()
		require.Equal(t, before, k.asked.Load(), "a worker's own lock is not looked after")
		got, err = k.acquire()
		require.NoError(t, err)
		require.Len(t, got, 1, "as any job whose lock has run out")
		require.NoError(t, k.r.CompleteJob(t.Context(), k.job, "me", nil))
		require.Zero(t, b.running("p"))
	})
}

// What is in the queue, or has come to its stone, stays as it is.
func TestAJobThatItsStoneHasIsUnlocked(t *testing.T) {
	t.Parallel()
	beds(t, func(b *bed) {
		k := newTaking(b)
		k.withdraw, k.gone = dies(dispatch.Left), answer(false)
		_, err := k.acquire()
		require.Equal(t, fault.Unavailable, fault.Of(err).Kind)
		k.look()
		require.Zero(t, k.asked.Load(), "the lock has not run out")
		b.clock.Advance(takeFor)
		k.recover(k.unlocked)
		require.Equal(t, 1, k.epoch())

		k.withdraw, k.gone = lives(dispatch.Unsure), func() (bool, error) { return false, errors.New("no queue") }
		got, err := k.acquire()
		require.NoError(t, err)
		require.Empty(t, got)
		b.clock.Advance(takeFor)
		k.look()
		require.False(t, k.unlocked(), "it is not known where it is")

		_, err = k.tasks.Command(t.Context(), k.job, func(s store.Standing) (*store.Step, error) {
			s.Status = task.StartBegin
			return &store.Step{State: s.State, Transitions: []store.Transition{{ID: s.ID, Epoch: 1, Status: task.StartBegin, Time: b.clock.Now(), Delivery: 1}}}, nil
		})
		require.NoError(t, err)
		k.gone = answer(true)
		k.recover(k.unlocked)
		require.Equal(t, 1, k.epoch(), "a worker has begun it all the same")
		require.Empty(t, k.sent(0))
	})
}
