package postgres_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/postgres"
	"github.com/riverstones/riverstones/store/storetest/pgtest"
)

// The outbox is empty at one moment and large at the next: what it was when the
// relay's query was planned must not make each row cost a look at all.
func TestTheOutboxIsReadByIndexHoweverSmallItWas(t *testing.T) {
	t.Parallel()
	url := pgtest.Postgres(t)
	s, db := open(t, url, postgres.Config{}), raw(t, url)
	_, err := db.Exec(t.Context(), "vacuum analyze outbox")
	require.NoError(t, err)
	for range 10 {
		rows, _, err := s.Outgoing(t.Context(), time.Now(), 1000)
		require.NoError(t, err)
		require.Empty(t, rows)
	}
	const n = 1000
	var all []store.Delayed
	for i := range n {
		all = append(all, store.Delayed{Command: queue.Command{Names: task.Names{ID: uuid.Must(uuid.NewV7()).String(), TaskID: fmt.Sprint(i), ProcessInstanceID: "p",
			Name: "n", Namespace: "ns", Stone: "S"}, Method: task.Start, Epoch: 1, Params: []byte("{}"), Outputs: []byte("{}"), CreateTime: time.Now()}})
	}
	_, err = s.Delay(t.Context(), all)
	require.NoError(t, err)
	rows, _, err := s.Outgoing(t.Context(), time.Now().Add(time.Hour), n)
	require.NoError(t, err)
	require.Len(t, rows, n)
	require.NoError(t, s.Close()) // its connections tell what they have read
	var read int
	queuetest.WaitFor(t, func() bool {
		err := db.QueryRow(t.Context(), `select sum(idx_tup_read) from pg_stat_user_indexes where relname = 'outbox'`).Scan(&read)
		return err == nil && read >= n
	})
	require.Less(t, read, 20*n)
}
