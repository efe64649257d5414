package queue_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue"
)

func TestNext(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]queue.Next{
		"try 2 of 5 failed: no route; next in 5s; next in 1.5s": {Try: 2, Of: 5, Why: "no route; next in 5s", After: 1500 * time.Millisecond},
		"look failed: 502; next in 10s":                         {Why: "502", After: 10 * time.Second},
		"not done yet; next in 5m0s":                            {After: 5 * time.Minute},
	} {
		require.Equal(t, line, want.String())
		got, ok := queue.ParseNext(line)
		require.True(t, ok, line)
		require.Equal(t, want, got)
	}
	for _, line := range []string{"", "booting; next in 5s", "try 1 of 2 failed: x", "not done yet; next in soon", "not done yet; next in -5s", "try 0 of 2 failed: x; next in 5s"} {
		_, ok := queue.ParseNext(line)
		require.False(t, ok, line)
	}
}
