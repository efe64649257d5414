package rivertest_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/gateway/river"
	"github.com/riverstones/riverstones/gateway/river/rivertest"
	"github.com/riverstones/riverstones/store"
)

const heard = `<startEvent id="s"/> <startEvent id="h"><signalEventDefinition signalRef="goSignal"/></startEvent> <receiveTask id="a"/> <endEvent id="e"/>
s -> a -> e
h -> a
`

// However a deployment goes while its processes are started, no instance is left
// that has lost its definition.
func TestADeploymentGoesWhileItsProcessesStart(t *testing.T) {
	t.Parallel()
	beds(t, func(b *bed) {
		t := b.t
		b.deploy("caller", `<startEvent id="s"/> <callActivity id="call" calledElement="p"/> <endEvent id="e"/>
s -> call -> e
`)
		for round := range 10 {
			d, _, err := b.r.Deploy(t.Context(), river.NewDeployment{Files: []river.File{{Name: "p.bpmn", Bytes: rivertest.XML("p", heard)}}})
			require.NoError(t, err)
			start := func(q river.Start) func() error {
				return func() error { _, err := b.r.StartInstance(t.Context(), q); return err }
			}
			err = b.deleteAmong(d.ID, round%2 == 0, start(river.Start{Key: "p"}), start(river.Start{Deployment: d.ID}), start(river.Start{Key: "caller"}),
				func() error { return b.r.Broadcast(t.Context(), river.Broadcast{Signal: "go"}) })
			if err == nil {
				require.Zero(t, b.running("p"), "round %d", round)
				continue
			}
			require.ErrorContains(t, err, "running process instances")
			require.NotZero(t, b.running("p"))
			require.NoError(t, b.r.DeleteDeployment(t.Context(), d.ID, true))
		}
	})
}

// deleteAmong deletes a deployment while its processes are started in all these
// ways, and returns what the delete answers.
func (b *bed) deleteAmong(deployment string, cascade bool, ways ...func() error) (err error) {
	b.t.Helper()
	const each = 4
	var all sync.WaitGroup
	for i := range each * len(ways) {
		if i == 2*len(ways) {
			all.Go(func() { err = b.r.DeleteDeployment(b.t.Context(), deployment, cascade) })
		}
		all.Go(func() {
			if err := ways[i%len(ways)](); err != nil {
				assert.Contains(b.t, []fault.Kind{fault.Invalid, fault.State}, fault.Of(err).Kind, err)
			}
		})
	}
	all.Wait()
	return err
}

// running counts the instances of a key that have not ended.
func (b *bed) running(key string) int {
	b.t.Helper()
	no := false
	_, total, err := b.st.Instances(b.t.Context(), store.InstanceFilter{Key: key, Ended: &no, Paging: store.Paging{Size: 1}})
	require.NoError(b.t, err)
	return total
}
