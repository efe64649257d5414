package bpmn_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/river/bpmn"
)

// FuzzParse checks that no file makes the parser panic, that the same file says
// the same twice, and that what loads keeps its promises to the runtime.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"models/*.bpmn", "models/*.xml", "refused/*.bpmn"} {
		for _, data := range files(f, pattern) {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := bpmn.Parse(data, bpmn.Options{StoneFor: mapped})
		again, err2 := bpmn.Parse(data, bpmn.Options{StoneFor: mapped})
		require.Equal(t, err, err2)
		if err != nil {
			var problems bpmn.Problems
			require.ErrorAs(t, err, &problems)
			require.NotEmpty(t, problems)
			require.Nil(t, d)
			return
		}
		require.Equal(t, dump(t, d), dump(t, again))
		for _, p := range d.Processes {
			sound(t, p)
		}
	})
}

// sound checks what the runtime relies on.
func sound(t *testing.T, p *bpmn.Process) {
	t.Helper()
	for i, f := range p.AllFlows() {
		require.Equal(t, i, f.Index)
		require.Same(t, f.Source.Scope, f.Target.Scope)
		require.Contains(t, f.Source.Outgoing, f)
		require.Contains(t, f.Target.Incoming, f)
	}
	for i, n := range p.AllNodes() {
		require.Equal(t, i, n.Index)
		require.Same(t, n, p.Node(n.ID))
		require.Same(t, p, n.Process())
		require.NotContains(t, n.Kind().String(), "unknown")
		for _, e := range n.Boundary {
			require.Same(t, n.Scope, e.Scope)
		}
		switch d := n.Detail.(type) {
		case *bpmn.SubProcess:
			require.NotNil(t, d.Start)
			require.Same(t, n, d.Owner)
		case *bpmn.BoundaryEvent:
			require.Contains(t, d.AttachedTo.Boundary, n)
			complete(t, &d.Event)
		case *bpmn.CatchEvent:
			complete(t, &d.Event)
		case *bpmn.ServiceTask:
			require.NotNil(t, d.Stone)
		}
	}
}

// complete checks that an event has what it waits for.
func complete(t *testing.T, e *bpmn.Event) {
	t.Helper()
	switch e.Trigger {
	case bpmn.TriggerSignal:
		require.NotEmpty(t, e.Signal.Name)
	case bpmn.TriggerMessage:
		require.NotEmpty(t, e.Message.Name)
	case bpmn.TriggerTimer:
		require.NotEmpty(t, e.Timer.Text)
	case bpmn.TriggerError:
	default:
		require.Fail(t, "a wait without a trigger")
	}
}
