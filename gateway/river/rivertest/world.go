package rivertest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/river"
	"github.com/riverstones/riverstones/store"
)

// noon is when every scenario begins.
var noon = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

// Clock stands still until it is advanced.
type Clock struct {
	mu sync.Mutex
	at time.Time
}

// NewClock returns a clock that stands at 2030-01-01T00:00:00Z.
func NewClock() *Clock { return &Clock{at: noon} }

// Now is its time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

// Advance moves it on.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// world is a runtime on a store in which a scenario is played.
type world struct {
	t     *testing.T
	st    river.Store
	r     *river.Runtime
	clock *Clock

	numbers     map[string]int // of ids, as they were seen first
	ended       map[string]bool
	deployments map[string]string // id by section
	last        string            // instance that was started last
}

// Play plays a scenario on a store that is empty or was cleared, and returns what
// every command showed.
func Play(t *testing.T, st river.Store, sc *Scenario) []Step {
	t.Helper()
	clock := NewClock()
	r, err := river.New(river.Config{Now: clock.Now, Look: 5 * time.Millisecond, Lease: 2 * time.Second}, river.Deps{Store: st})
	require.NoError(t, err)
	w := &world{t: t, st: st, r: r, clock: clock, numbers: map[string]int{}, ended: map[string]bool{}, deployments: map[string]string{}}
	for _, m := range sc.Models {
		d, _, err := r.Deploy(t.Context(), river.NewDeployment{Name: m.Name, Tenant: m.Tenant, Files: []river.File{{Name: m.Name + ".bpmn", Bytes: m.XML}}})
		require.NoError(t, err, "deploy %s", m.Name)
		w.deployments[m.Name] = d.ID
		clock.Advance(time.Microsecond) // versions in order
	}
	clock.Advance(-clock.Now().Sub(noon))
	w.show() // what is history already is not shown again, nor numbered
	clear(w.numbers)
	out := make([]Step, 0, len(sc.Steps))
	for _, s := range sc.Steps {
		answer := w.do(s.Command)
		out = append(out, Step{Command: s.Command, Want: answer + w.show()})
	}
	return out
}

// Work lets a runtime do in the background what is due, until nothing is.
func Work(t testing.TB, r *river.Runtime, st store.Runtime, now func() time.Time) {
	t.Helper()
	r.Start(t.Context())
	defer r.Stop()
	require.Eventually(t, func() bool {
		ctx := context.WithoutCancel(t.Context())
		due, _, err := st.DueJobs(ctx, now(), 1)
		require.NoError(t, err)
		ends, err := st.Ends(ctx, 1)
		require.NoError(t, err)
		return len(due) == 0 && len(ends) == 0
	}, time.Minute, time.Millisecond)
}

// Clear removes all deployments with everything that came of them; instances
// that ended before their deployment was removed without them stay.
func Clear(t testing.TB, st river.Store) {
	t.Helper()
	r, err := river.New(river.Config{}, river.Deps{Store: st})
	require.NoError(t, err)
	all, _, err := st.Deployments(t.Context(), store.DeploymentFilter{Paging: store.Paging{Size: everything}})
	require.NoError(t, err)
	for i := range all {
		require.NoError(t, r.DeleteDeployment(t.Context(), all[i].ID, true))
	}
	running := false
	_, left, err := st.Instances(t.Context(), store.InstanceFilter{Ended: &running})
	require.NoError(t, err)
	require.Zero(t, left)
}
