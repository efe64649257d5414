package storetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/store"
)

var gaugeTests = map[string]func(*testing.T, store.Store){
	"Gauges/heaps": testHeaps,
}

// What waits is counted by kind, and no further than asked.
func testHeaps(t *testing.T, s store.Store) {
	require.Equal(t, store.Heaps{}, heaps(t, s, 10))
	var bad []store.Quarantined
	for i := range uint64(3) {
		bad = append(bad, store.Quarantined{Stream: queue.StreamEvents, Sequence: i + 1, Subject: "x", Time: noon, Reason: "bad", Bytes: []byte("{")})
	}
	record(t, s, store.Changes{Quarantine: bad})
	told, parked := names("told"), names("parked")
	want(t, s, told, parked, names("running"))
	finish(t, s, told, parked)
	for _, d := range []struct {
		id    string
		state store.DeliveryState
	}{{told.ID, store.DeliveryDone}, {parked.ID, store.DeliveryParked}} {
		row := deliveries(t, s, d.id)[0]
		require.NoError(t, s.Told(t.Context(), []store.Told{{Number: row.Number, Since: row.Since, State: d.state}}))
	}
	mine := names("of the runtime")
	require.NoError(t, s.Want(t.Context(), []store.Callback{{ID: mine.ID, ProcessInstanceID: "i1", Kind: store.ToRuntime}}))
	finish(t, s, mine)
	job := func(id string, kind store.JobKind, due time.Time) store.Job {
		return store.Job{ID: id, Execution: "i1", Instance: "i1", Root: "i1", Kind: kind, Due: due, Retries: 1, Created: noon}
	}
	locked := job("locked", store.TimerJob, noon)
	locked.LockUntil = noon.Add(time.Hour)
	write(t, s, &store.RuntimeChanges{Instances: []store.Instance{instance("i1")}, Jobs: []store.Job{
		job("due", store.TimerJob, noon), job("async", store.AsyncJob, time.Time{}), locked,
		job("later", store.TimerJob, noon.Add(time.Second)), job("stone", store.StoneJob, noon)}})
	require.Equal(t, store.Heaps{Quarantine: 3, Deliveries: 1, Ends: 1, Jobs: 2}, heaps(t, s, 10))
	require.Equal(t, store.Heaps{Quarantine: 2, Deliveries: 1, Ends: 1, Jobs: 2}, heaps(t, s, 2))
}

func heaps(t *testing.T, s store.Store, limit int) store.Heaps {
	t.Helper()
	h, err := s.Heaps(t.Context(), noon, limit)
	require.NoError(t, err)
	return h
}
