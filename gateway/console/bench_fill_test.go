package console_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

const (
	fillAtOnce  = 2000                // rows of a transaction
	fillSpan    = 30 * 24 * time.Hour // that what is filled in was made in
	rareEvery   = 1000
	toldEvery   = 4
	fillPerTask = 4 // tasks of one process in four
)

// masses are the rows that a store is filled with: each has a number, from
// which all of it follows.
type masses struct {
	store store.Store
	model string // id of a deployed one
	end   time.Time
	n     int

	at store.Position
}

// fill makes n tasks with their histories, callbacks of a quarter of them, and
// n processes.
func (m *masses) fill(b *testing.B, n int) {
	b.Helper()
	m.n = n
	for from := 0; from < n; from += fillAtOnce {
		to := min(from+fillAtOnce, n)
		m.tasks(b, from, to)
		c := &store.RuntimeChanges{}
		for i := from; i < to; i++ {
			c.Instances = append(c.Instances, m.instance(i))
		}
		require.NoError(b, m.store.Step(b.Context(), func(ctx context.Context, tx store.RuntimeTx) error { return tx.Write(ctx, c) }))
	}
	m.tell(b)
}

// id is the one of a kind of row with this number: as version 7 has it, in the
// order of time.
func (m *masses) id(kind string, i int) string {
	id := uuid.NewSHA1(uuid.NameSpaceOID, fmt.Append(nil, kind, i))
	var at [8]byte
	binary.BigEndian.PutUint64(at[:], uint64(m.time(i).UnixMilli())) //nolint:gosec // after 1970
	copy(id[:6], at[2:])
	id[6] = id[6]&0x0f | 0x70
	return id.String()
}

func (m *masses) time(i int) time.Time {
	return m.end.Add(-fillSpan / time.Duration(m.n) * time.Duration(m.n-i)).Truncate(time.Microsecond)
}

func (m *masses) names(i int) task.Names {
	n := task.Names{ID: m.id("task", i), TaskID: fmt.Sprint("task-", i), ProcessInstanceID: m.id("process", i-i%fillPerTask),
		Name: "common", Namespace: "common", Stone: fmt.Sprintf("Stone%02d", i%50), BusinessKey: fmt.Sprint("key-", i)}
	if i%rareEvery == 0 {
		n.Name, n.Namespace, n.Stone = "rare", "rare", "RareStone"
	}
	return n
}

// status is what a task has come to: one of fifty has failed, one of 200 runs.
func (m *masses) status(i int) task.Status {
	switch {
	case i%rareEvery == 0 || i%50 == 1:
		return task.StartFailed
	case i%200 == 2:
		return task.StartBegin
	case i%rareEvery == 3:
		return task.Canceled
	default:
		return task.StartSuccess
	}
}

func (m *masses) instance(i int) store.Instance {
	id := m.id("process", i)
	in := store.Instance{ID: id, Root: id, Definition: m.model, Key: "tour", Kind: store.Forward, Status: store.Completed, BusinessKey: fmt.Sprint("key-", i),
		Name: "common", StartTime: m.time(i), EndTime: m.time(i).Add(time.Minute)}
	switch {
	case i%rareEvery == 0:
		in.Name, in.Tenant, in.Key, in.Status = "rare", "acme", "rare", store.Failed
	case i%rareEvery == 1:
		in.Kind, in.SuperInstance = store.Rollback, m.id("process", i-1)
	case i%50 == 2:
		in.Status = store.Failed
	}
	return in
}

// tasks records the tasks with these numbers.
func (m *masses) tasks(b *testing.B, from, to int) {
	b.Helper()
	batch := store.Batch{From: m.at, Fold: func(map[string]store.State) store.Changes { return m.changes(from, to) }}
	var wanted []store.Callback
	for i := from; i < to; i++ {
		n := m.names(i)
		batch.IDs, batch.TaskIDs = append(batch.IDs, n.ID), append(batch.TaskIDs, n.TaskID)
		if i%toldEvery == 0 {
			wanted = append(wanted, store.Callback{ID: n.ID, ProcessInstanceID: n.ProcessInstanceID, Kind: store.Flowable, URL: "https://127.0.0.1:9/" + n.TaskID})
		}
	}
	require.NoError(b, m.store.Want(b.Context(), wanted))
	m.at.Tasks++
	batch.To = m.at
	require.NoError(b, m.store.Record(b.Context(), batch))
}

func (m *masses) changes(from, to int) (c store.Changes) {
	params := json.RawMessage(`{"regionId":"701","size":10,"password":"hunter2","image":"debian-13"}`)
	for i := from; i < to; i++ {
		n, at := m.names(i), m.time(i)
		st := store.State{Names: n, Method: task.Start, Epoch: 1, Status: m.status(i), Final: m.status(i) == task.StartSuccess,
			CreateTime: at, UpdateTime: at, Worker: "worker-1"}
		for _, s := range []task.Status{task.ProduceSuccess, task.StartBegin, st.Status} {
			if st.Seen&(1<<s) != 0 {
				continue
			}
			st.Seen |= 1 << s
			c.Transitions = append(c.Transitions, store.Transition{ID: n.ID, Epoch: 1, Status: s, Final: st.Final && s == st.Status, Time: at, Delivery: 1, Worker: "worker-1"})
		}
		if st.Status.End(st.Final) {
			st.EndTime = at
		}
		c.New = append(c.New, st)
		c.Attempts = append(c.Attempts, store.Attempt{ID: n.ID, Epoch: 1, Method: task.Start, Params: params, CreateTime: at})
		if i%rareEvery == 0 {
			c.Quarantine = append(c.Quarantine, store.Quarantined{Stream: "RS_EVENTS", Sequence: uint64(i + 1), Subject: "rs.evt.RareStone.start", Time: at, Reason: "unreadable", TaskID: n.TaskID, Bytes: []byte("x")})
		}
	}
	return c
}

// tell notes what became of deliveries: one in a hundred was given up, as many
// are parked, or due later; the others are done.
func (m *masses) tell(b *testing.B) {
	b.Helper()
	for start := 0; ; start += fillAtOnce {
		p, err := m.store.ListDeliveries(b.Context(), store.DeliveryFilter{Start: start, Size: fillAtOnce})
		require.NoError(b, err)
		all := make([]store.Told, len(p.Deliveries))
		for i, d := range p.Deliveries {
			all[i] = store.Told{Number: d.Number, Since: d.Since, State: store.DeliveryDone, Due: m.end.Add(time.Hour), Problem: "the receiver answered 502"}
			if kind := d.Number % 100; kind < 3 {
				all[i].State = []store.DeliveryState{store.DeliveryDue, store.DeliveryParked, store.DeliveryGivenUp}[kind]
			}
		}
		require.NoError(b, m.store.Told(b.Context(), all))
		if len(all) < fillAtOnce {
			return
		}
	}
}
