package river_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/gateway/river"
	"github.com/riverstones/riverstones/gateway/river/variable"
	"github.com/riverstones/riverstones/store"
)

// gated is a store whose steps wait until the gate is opened.
type gated struct {
	river.Store

	open  chan struct{}
	steps *atomic.Int32
}

func (g gated) Step(ctx context.Context, f func(context.Context, store.RuntimeTx) error) error {
	g.steps.Add(1)
	select {
	case <-g.open:
		return g.Store.Step(ctx, f)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Calls that come while the database is busy are started together, each as if
// it were alone: with its own variables, its own error, and once.
func TestStartsShareSteps(t *testing.T) {
	t.Parallel()
	for name, bad := range map[string]struct {
		key   string
		kind  fault.Kind
		steps int32
	}{
		"all start":                {"p", 0, 4},
		"one names no model":       {"none", fault.Invalid, 4},
		"one never comes to rest":  {"loop", fault.State, 40}, // the others have to be kept from it
		"one has a wrong variable": {"q", fault.State, 40},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			startTogether(t, bad.key, bad.kind, bad.steps)
		})
	}
}

func startTogether(t *testing.T, bad string, kind fault.Kind, steps int32) {
	t.Helper()
	b := setup(t)
	b.deployAll(`<process id="p"><startEvent id="s"/><sequenceFlow sourceRef="s" targetRef="a"/><receiveTask id="a"/></process>
<process id="q"><startEvent id="qs"/><sequenceFlow sourceRef="qs" targetRef="qx"/><exclusiveGateway id="qx"/>
 <sequenceFlow sourceRef="qx" targetRef="qa"><conditionExpression>${unknown &gt; 1}</conditionExpression></sequenceFlow><receiveTask id="qa"/></process>
<process id="loop"><startEvent id="ls"/><sequenceFlow sourceRef="ls" targetRef="x"/><exclusiveGateway id="x"/><sequenceFlow sourceRef="x" targetRef="y"/>
 <exclusiveGateway id="y"/><sequenceFlow sourceRef="y" targetRef="x"/></process>`)
	g := gated{b.st, make(chan struct{}), &atomic.Int32{}}
	r, err := river.New(river.Config{}, river.Deps{Store: g})
	require.NoError(t, err)
	const calls, odd, late = 40, 20, 30
	ids, errs := make([]string, calls), make([]error, calls)
	canceled, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for i := range calls {
		ctx, key := t.Context(), "p"
		switch i {
		case odd:
			key = bad
		case late:
			ctx = canceled
		}
		all.Go(func() {
			in, err := r.StartInstance(ctx, river.Start{Key: key, Variables: []river.Var{num("n", int32(i))}}) //nolint:gosec // below 40
			ids[i], errs[i] = in.ID, err
		})
		require.Eventually(t, func() bool { return int(g.steps.Load())+r.Starting() == i+1 }, 20*time.Second, time.Millisecond)
	}
	require.EqualValues(t, 2, g.steps.Load())
	cancel()
	require.Eventually(t, func() bool { return r.Starting() == calls-3 }, 20*time.Second, time.Millisecond)
	close(g.open)
	all.Wait()

	require.Error(t, errs[late], "it was called off before its turn")
	started := 0
	for i := range calls {
		switch {
		case i == late:
		case i == odd && bad != "p":
			assert.Equal(t, kind, fault.Of(errs[i]).Kind, errs[i])
		case assert.NoError(t, errs[i]):
			started++
			b.at(ids[i], "a")
			vars, err := b.r.Variables(t.Context(), ids[i], river.AnyScope)
			require.NoError(t, err)
			require.Len(t, vars, 1)
			assert.True(t, vars[0].Value.Equal(variable.Integer(int32(i))), fmt.Sprint(i)) //nolint:gosec // below 40
		}
	}
	_, total, err := b.st.Instances(t.Context(), store.InstanceFilter{Paging: store.Paging{Size: 1}})
	require.NoError(t, err)
	require.Equal(t, started, total, "each once")
	require.LessOrEqual(t, g.steps.Load(), steps)
}
