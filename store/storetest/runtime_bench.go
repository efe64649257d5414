package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/store"
)

const (
	benchCallers   = 32
	benchInstances = 50_000 // with two executions each
	benchChunk     = 500
)

// RuntimeBenchmarks measures how many least steps a second a store does when
// 32 callers wait at once, each on an instance of its own, and how long lists of
// 100,000 executions take.
func RuntimeBenchmarks(b *testing.B, open func(testing.TB) store.Store) {
	b.Helper()
	b.Run("step", func(b *testing.B) { benchStepping(b, open(b)) })
	b.Run("list", func(b *testing.B) { benchLists(b, open(b)) })
}

// benchStepping moves an execution to another activity, and finishes the one it stood at.
func benchStepping(b *testing.B, s store.Store) {
	b.Helper()
	b.SetParallelism(benchCallers)
	b.RunParallel(func(pb *testing.PB) {
		id := newID()
		c := &store.RuntimeChanges{Instances: []store.Instance{instance(id)}, Executions: []store.Execution{root(id), token(newID(), id, "a", 2)}}
		err := s.Step(b.Context(), func(ctx context.Context, tx store.RuntimeTx) error { return tx.Write(ctx, c) })
		for n := 0; err == nil && pb.Next(); n++ {
			err = s.Step(b.Context(), func(ctx context.Context, tx store.RuntimeTx) error { return benchStep(ctx, tx, id, n) })
		}
		if err != nil {
			b.Error(err)
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

func benchLists(b *testing.B, s store.Store) {
	b.Helper()
	for range benchInstances / benchChunk {
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
