package storetest

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// benchParams is the size of the params of each task, in bytes.
const benchParams = 2 << 10

var benchSteps = []task.Status{task.ProduceSuccess, task.StartBegin, task.StartSuccess, task.MonitorBegin, task.MonitorSuccess}

// Bench measures how many transitions a second s records, in batches of this
// many. Each task has five, and params of 2 KiB; window tasks are under way at
// a time, so that with a small one most batches see all of a task, and with a
// large one each transition is an update of its own.
func Bench(b *testing.B, s store.Store, batch, window int) {
	b.Helper()
	tape := &tape{window: window, params: append(append([]byte(`{"k":"`), bytes.Repeat([]byte("qwertyuiopasdfgh"), benchParams/16)...), `"}`...)}
	var pos store.Position
	count := 0
	b.ReportAllocs()
	for b.Loop() {
		next := tape.batch(batch)
		next.From, pos.Tasks = pos, pos.Tasks+1
		next.To = pos
		require.NoError(b, s.Record(b.Context(), next))
		count += batch
	}
	b.ReportMetric(float64(count)/b.Elapsed().Seconds(), "transitions/s")
}

// tape yields transitions: step by step, for the tasks of one window after the other.
type tape struct {
	window int
	params []byte
	names  []task.Names
	at     int // within the window's steps
}

type played struct {
	task.Names
	first, last int // steps
}

func (p *tape) batch(n int) store.Batch {
	place := map[string]int{}
	var tasks []played
	for range n {
		if p.at == 0 {
			p.rewind()
		}
		step, names := p.at/p.window, p.names[p.at%p.window]
		if i, ok := place[names.ID]; ok {
			tasks[i].last = step
		} else {
			place[names.ID] = len(tasks)
			tasks = append(tasks, played{names, step, step})
		}
		p.at = (p.at + 1) % (p.window * len(benchSteps))
	}
	b := store.Batch{Fold: func(states map[string]store.State) store.Changes { return p.fold(tasks, states) }}
	for i := range tasks {
		b.IDs = append(b.IDs, tasks[i].ID)
		b.TaskIDs = append(b.TaskIDs, tasks[i].TaskID)
	}
	return b
}

func (p *tape) rewind() {
	p.names = p.names[:0]
	for range p.window {
		id := uuid.Must(uuid.NewV7()).String()
		p.names = append(p.names, task.Names{ID: id, TaskID: "task-" + id, ProcessInstanceID: "process-" + id[:13],
			Name: "granite", Namespace: "granite", Stone: "GraniteStone"})
	}
}

func (p *tape) fold(tasks []played, states map[string]store.State) store.Changes {
	now := time.Now()
	var c store.Changes
	for _, t := range tasks {
		st, known := states[t.ID]
		if !known {
			st = store.State{Names: t.Names, Method: task.Start, Epoch: 1, CreateTime: now}
			c.Attempts = append(c.Attempts, store.Attempt{ID: t.ID, Epoch: 1, Method: task.Start, Params: p.params, CreateTime: now})
		}
		for step := t.first; step <= t.last; step++ {
			st.Status, st.UpdateTime, st.Worker = benchSteps[step], now, "worker-1"
			st.Seen |= 1 << st.Status
			c.Transitions = append(c.Transitions, store.Transition{ID: t.ID, Epoch: 1, Status: st.Status, Time: now, Delivery: 1, Worker: "worker-1"})
		}
		if st.Status.End(false) {
			st.EndTime = now
		}
		if known {
			c.Changed = append(c.Changed, st)
		} else {
			c.New = append(c.New, st)
		}
	}
	return c
}

// Benchmarks runs [Bench] for the usual sizes.
func Benchmarks(b *testing.B, open func(testing.TB) store.Store) {
	b.Helper()
	for _, batch := range []int{500, 2000} {
		for _, window := range []int{100, 5000} {
			b.Run(fmt.Sprintf("batch=%d/window=%d", batch, window), func(b *testing.B) { Bench(b, open(b), batch, window) })
		}
	}
}
