package storetest

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/store"
)

const (
	benchCallers  = 32
	manyInstances = 50_000 // with two executions each, 1,000 with -short
	benchChunk    = 500
)

// RuntimeBenchmarks measures how many least steps a second a store does when
// 32 callers wait at once, each on an instance of its own, and how long lists of
// 100,000 executions take. settle does what a database does by itself after a
// while, such as taking statistics.
func RuntimeBenchmarks(b *testing.B, open func(testing.TB) (s store.Store, settle func())) {
	b.Helper()
	b.Run("step", func(b *testing.B) {
		s, _ := open(b)
		benchStepping(b, s)
	})
	b.Run("list", func(b *testing.B) {
		s, settle := open(b)
		fill(b, s)
		b.Run("unsettled", func(b *testing.B) { benchLists(b, s) })
		settle()
		b.Run("settled", func(b *testing.B) { benchLists(b, s) })
	})
}

// benchStepping moves an execution to another activity, and finishes the one it stood at.
func benchStepping(b *testing.B, s store.Store) {
	b.Helper()
	var places []string
	c := &store.RuntimeChanges{}
	for range benchCallers {
		id := newID()
		places = append(places, id)
		c.Instances, c.Executions = append(c.Instances, instance(id)), append(c.Executions, root(id), token(newID(), id, "a", 2))
	}
	require.NoError(b, s.Step(b.Context(), func(ctx context.Context, tx store.RuntimeTx) error { return tx.Write(ctx, c) }))
	var place atomic.Int32
	b.SetParallelism((benchCallers + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0))
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		id := places[int(place.Add(1))%len(places)]
		for n := 0; pb.Next(); n++ {
			err := s.Step(b.Context(), func(ctx context.Context, tx store.RuntimeTx) error { return benchStep(ctx, tx, id, n) })
			if err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "steps/s")
}

func benchStep(ctx context.Context, tx store.RuntimeTx, id string, n int) error {
	if err := tx.Lock(ctx, id); err != nil {
		return err
	}
	p, err := tx.Load(ctx, id)
	if err != nil {
		return err
	}
	e := p.Executions[1]
	done := store.Activity{Instance: id, Execution: e.ID, Activity: e.Activity, Type: "serviceTask", Start: e.Entered, End: time.Now()}
	e.Activity, e.Entered = fmt.Sprint("a", n%10), done.End
	return tx.Write(ctx, &store.RuntimeChanges{Executions: []store.Execution{e}, Activities: []store.Activity{done}})
}

func benchInstances() int {
	if testing.Short() {
		return 1000
	}
	return manyInstances
}
