package letters_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/storetest"
)

func TestQuarantine(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db store.Store) {
		rows := []store.Quarantined{
			{Stream: queue.StreamEvents, Sequence: 1, Subject: "rs.evt.MachineStone.start", Reason: `{"token":"hunter2"}`, Bytes: []byte("hunter2")},
			{Stream: queue.StreamEvents, Sequence: 2, Index: 7, Subject: "rs.evt.MachineStone.batch", TaskID: "t2", Reason: "no time", Bytes: []byte(`{"outputs":{"token":"hunter2"}}`)},
		}
		for i := range 10 {
			rows = append(rows, store.Quarantined{Stream: queue.StreamTasks, Sequence: uint64(i + 1), Subject: "rs.task.M._.start", TaskID: "t3", Reason: "odd", Bytes: []byte("[]")})
		}
		begin := time.Date(2026, 11, 21, 9, 0, 0, 123456000, time.UTC)
		for i := range rows {
			rows[i].Time = begin.Add(time.Duration(i) * time.Second)
		}
		require.NoError(t, db.Record(t.Context(), store.Batch{To: store.Position{Events: 2, Tasks: 10},
			Fold: func(map[string]store.State) store.Changes { return store.Changes{Quarantine: rows} }}))
		q, ok := db.(store.Quarantine)
		require.True(t, ok)
		s := setup(t, q)

		list, total, exact := s.get(t, "/quarantine")
		require.Len(t, list, 12)
		require.Equal(t, "12", total)
		require.True(t, exact)
		require.Equal(t, rows[11].Time, list[0].Time, "newest first")
		var seqs []uint64
		for start := 0; start < 12; start += 5 {
			list, total, exact = s.get(t, fmt.Sprintf("/quarantine?size=5&start=%d", start))
			require.Equal(t, start == 10, exact)
			require.Equal(t, fmt.Sprint(min(12, start+6)), total, "as many as are known to be there")
			for _, l := range list {
				seqs = append(seqs, l.Seq)
			}
		}
		require.Equal(t, []uint64{10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 2, 1}, seqs)

		list, _, _ = s.get(t, "/quarantine?taskId=t2")
		require.Len(t, list, 1)
		one := list[0]
		require.Equal(t, "RS_EVENTS 2 7 rs.evt.MachineStone.batch t2", fmt.Sprint(one.Stream, " ", one.Seq, one.Index, " ", one.Subject, " ", *one.TaskID))
		require.JSONEq(t, `{"outputs":{"token":"******"}}`, decoded(t, one))
		list, _, _ = s.get(t, "/quarantine?start=11")
		require.Nil(t, list[0].Bytes)
		require.Equal(t, 7, list[0].Size)
		require.NotNil(t, list[0].Digest)
		_, _, body := s.raw(t, "/quarantine")
		require.NotContains(t, body, "hunter2")
	})
}
