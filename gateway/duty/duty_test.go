package duty_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/riverstones/riverstones/gateway/duty"
	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/storetest"
	"github.com/riverstones/riverstones/store/storetest/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m, goleak.IgnoreCurrent()) }

// switched is a real store that can be cut off.
type switched struct {
	store.Leases

	off atomic.Bool
}

func (s *switched) Lease(ctx context.Context, name, holder string, ttl time.Duration) (bool, error) {
	if s.off.Load() {
		return false, errors.New("database is away")
	}
	return s.Leases.Lease(ctx, name, holder, ttl)
}

// office counts who works.
type office struct {
	sync.WaitGroup

	atWork, most atomic.Int32
}

// hire runs a duty of one process, and returns what ends it and how often it
// has begun to work.
func (o *office) hire(t *testing.T, st store.Leases, name string) (end func(), begun *atomic.Int32) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	begun = new(atomic.Int32)
	d := &duty.Duty{Name: "tests", Holder: name, Lease: 400 * time.Millisecond, Store: st, Log: zap.NewNop()}
	o.Go(func() {
		d.Run(ctx, func(ctx context.Context) {
			n := o.atWork.Add(1)
			o.most.Store(max(o.most.Load(), n))
			begun.Add(1)
			<-ctx.Done()
			o.atWork.Add(-1)
		})
	})
	t.Cleanup(o.Wait)
	t.Cleanup(cancel)
	return cancel, begun
}

func TestOneWorksAtATime(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, st store.Store) {
		var o office
		near, far := &switched{Leases: st}, &switched{Leases: st}
		_, a := o.hire(t, near, "a")
		queuetest.WaitFor(t, func() bool { return a.Load() == 1 })
		endB, b := o.hire(t, far, "b")

		near.off.Store(true) // its lease runs out, and it has stopped before that
		queuetest.WaitFor(t, func() bool { return b.Load() == 1 })
		near.off.Store(false)

		endB() // gives it back
		queuetest.WaitFor(t, func() bool { return a.Load() == 2 })
		require.EqualValues(t, 1, o.most.Load(), "two at the same time")
	})
}
