package queue_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/queuetest"
)

// Whoever takes answers elsewhere would wait for them for ever.
func TestInboxPrefix(t *testing.T) {
	t.Parallel()
	s := queuetest.Start(t)
	for prefix, fine := range map[string]bool{"": true, "_INBOX": true, "_INBOX.me": true, "_INBOXES": false, "mine": false, "rs.ask": false} {
		nc, err := queue.Connect(s.URL(), queue.ConnectConfig{InboxPrefix: prefix})
		if !fine {
			require.ErrorContains(t, err, "must be _INBOX or begin with _INBOX.", prefix)
			continue
		}
		require.NoError(t, err, prefix)
		nc.Close()
	}
}
