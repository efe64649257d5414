package storetest

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
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
		settle()
		benchLists(b, s)
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

// fill makes instances with two executions each.
func fill(b *testing.B, s store.Store) {
	b.Helper()
	for range benchInstances() / benchChunk {
		c := &store.RuntimeChanges{}
		for range benchChunk {
			id := uuid.NewString()
			i := instance(id)
			i.BusinessKey = "key " + id
			e := token(uuid.NewString(), id, "pack", 2)
			c.Instances, c.Executions = append(c.Instances, i), append(c.Executions, root(id), e)
			c.Variables = append(c.Variables, text(id, id, "city", id[:2]))
		}
		require.NoError(b, s.Step(b.Context(), func(ctx context.Context, tx store.RuntimeTx) error { return tx.Write(ctx, c) }))
	}
}

func benchLists(b *testing.B, s store.Store) {
	b.Helper()
	page := store.Paging{Size: 10}
	some, _, err := s.Executions(b.Context(), store.ExecutionFilter{Paging: page})
	require.NoError(b, err)
	for name, f := range map[string]store.ExecutionFilter{
		"all":        {Paging: page},
		"deep":       {Paging: store.Paging{Start: 99_000, Size: 10}},
		"by tenant":  {Paging: store.Paging{Size: 10, Sort: "tenant", Descending: true}},
		"definition": {Paging: page, Definition: "order:1:d1"},
		"activity":   {Paging: page, Activity: "pack"},
		"instance":   {Paging: page, Instance: some[0].Instance},
		"business":   {Paging: page, BusinessKey: "key " + some[0].Instance},
		"variable":   {Paging: page, Variables: []store.Condition{{Name: "city", Operation: store.Equals, Type: "string", Key: "a0"}}},
		"root":       {Paging: page, RootVars: []store.Condition{{Name: "city", Operation: store.Equals, Type: "string", Key: "a0"}}},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				_, total, err := s.Executions(b.Context(), f)
				require.NoError(b, err)
				require.NotZero(b, total)
			}
		})
	}
}

func benchInstances() int {
	if testing.Short() {
		return 1000
	}
	return manyInstances
}
