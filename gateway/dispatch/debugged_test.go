package dispatch_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/riverstones/riverstones/gateway/dispatch"
	"github.com/riverstones/riverstones/queue"
)

// watch returns one gateway's knowledge of debug modes.
func watch(t *testing.T, s *system, kept int) *dispatch.Debugged {
	t.Helper()
	d := dispatch.NewDebugged(s.nc, s.store, kept, zap.NewNop())
	require.NoError(t, d.Start(t.Context()))
	t.Cleanup(d.Stop)
	return d
}

func becomes(t *testing.T, d *dispatch.Debugged, process string, want bool) {
	t.Helper()
	require.Eventually(t, func() bool { return d.Has(t.Context(), process) == want }, 30*time.Second, time.Millisecond)
}

// A gateway knows at its start what the store says, at once what it was told
// itself, and soon what others were told.
func TestDebuggedIsKnownToAllGateways(t *testing.T) {
	t.Parallel()
	s := setup(t, options{unrecorded: true})
	require.NoError(t, s.store.SetDebug(t.Context(), "old", true))
	require.NoError(t, s.store.SetDebug(t.Context(), "off", false))
	one, two := watch(t, s, dispatch.KeptDebugged), watch(t, s, dispatch.KeptDebugged)
	becomes(t, one, "old", true)
	becomes(t, two, "old", true)
	require.False(t, one.Has(t.Context(), "off"))

	one.Note(t.Context(), "new", true)
	require.True(t, one.Has(t.Context(), "new"))
	becomes(t, two, "new", true)
	two.Note(t.Context(), "old", false)
	require.False(t, two.Has(t.Context(), "old"))
	becomes(t, one, "old", false)

	for _, foreign := range []string{"", "{}", "[1]", `{"processInstanceId":"\u0000","debug":true}`} {
		require.NoError(t, s.nc.Publish(queue.DebugSubject, []byte(foreign)))
	}
	require.NoError(t, dispatch.TellDebugged(s.nc, "last", true)) // as the process runtime alone does
	becomes(t, one, "last", true)
	require.True(t, one.Has(t.Context(), "new"))
}

// A note that was lost is made good after a reconnect.
func TestDebuggedIsReadAgainAfterAReconnect(t *testing.T) {
	t.Parallel()
	s := setup(t, options{unrecorded: true})
	d := watch(t, s, dispatch.KeptDebugged)
	require.NoError(t, s.store.SetDebug(t.Context(), "on", true))
	d.Note(t.Context(), "gone", true) // the store does not know it
	s.server.Stop(t)
	s.server.Restart(t)
	becomes(t, d, "on", true)
	becomes(t, d, "gone", false)
}

// With more processes in debug mode than are kept, the store is asked about
// the others.
func TestManyDebuggedProcesses(t *testing.T) {
	t.Parallel()
	s := setup(t, options{unrecorded: true})
	const many, kept = 5, 3
	for i := range many {
		require.NoError(t, s.store.SetDebug(t.Context(), fmt.Sprint("p", i+1), true))
	}
	d := watch(t, s, kept)
	for i := range many {
		becomes(t, d, fmt.Sprint("p", i+1), true)
	}
	require.False(t, d.Has(t.Context(), "p0"))
	require.NoError(t, s.store.SetDebug(t.Context(), "p0", true))
	require.True(t, d.Has(t.Context(), "p0"), "the store is asked")
}
