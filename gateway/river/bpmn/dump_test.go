package bpmn_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/river/bpmn"
)

// dump writes all that a model says, one line for each node and flow.
func dump(tb testing.TB, d *bpmn.Definitions) string {
	tb.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "definitions %s %q %s\n", d.ID, d.Name, d.TargetNamespace)
	for _, s := range d.Signals {
		fmt.Fprintln(&b, "signal", text(tb, s))
	}
	for _, m := range d.Messages {
		fmt.Fprintln(&b, "message", text(tb, m))
	}
	for _, e := range d.Errors {
		fmt.Fprintln(&b, "error", text(tb, e))
	}
	for _, p := range d.Processes {
		fmt.Fprintf(&b, "%d process %s %q %q category=%s graphical=%t starters=%v %v\n",
			p.Line, p.ID, p.Name, p.Documentation, p.Category, p.Graphical, p.CandidateStarterUsers, p.CandidateStarterGroups)
		for _, one := range p.Parameters {
			fmt.Fprintln(&b, "  parameter", text(tb, one), "ref="+one.Ref)
		}
		for _, one := range p.Outputs {
			fmt.Fprintln(&b, "  output", text(tb, one))
		}
		dumpScope(tb, &b, &p.Scope)
	}
	for _, w := range d.Warnings {
		fmt.Fprintln(&b, "warning", w)
	}
	return b.String()
}

func dumpScope(tb testing.TB, b *strings.Builder, s *bpmn.Scope) {
	tb.Helper()
	in := strings.Repeat("  ", s.Depth()+1)
	for _, d := range s.Data {
		fmt.Fprintln(b, in+"data", text(tb, d))
	}
	for _, n := range s.Nodes {
		fmt.Fprintf(b, "%s%d %s #%d %s %q", in, n.Line, n.Kind(), n.Index, n.ID, n.Name)
		if n == s.Start {
			b.WriteString(" START")
		}
		if n.Documentation != "" {
			fmt.Fprintf(b, " doc=%q", n.Documentation)
		}
		if n.Async {
			b.WriteString(" async")
		}
		if !n.Exclusive {
			b.WriteString(" not-exclusive")
		}
		for _, e := range n.Boundary {
			b.WriteString(" <" + e.ID + ">")
		}
		fmt.Fprintln(b, "", detail(tb, n))
		if n.Loop != nil {
			fmt.Fprintln(b, in+"  loop", text(tb, n.Loop))
		}
		for _, f := range n.Outgoing {
			fmt.Fprintf(b, "%s  %d flow #%d %s %q -> %s", in, f.Line, f.Index, f.ID, f.Name, f.Target.ID)
			if f.Default() {
				b.WriteString(" default")
			}
			fmt.Fprintln(b, "", f.Condition)
		}
		if inner := n.Inner(); inner != nil {
			dumpScope(tb, b, inner)
		}
	}
}

// detail writes what only this kind of node has.
func detail(tb testing.TB, n *bpmn.Node) string {
	tb.Helper()
	switch d := n.Detail.(type) {
	case *bpmn.SubProcess:
		return ""
	case *bpmn.BoundaryEvent:
		return fmt.Sprintf("at %s interrupting=%t %s", d.AttachedTo.ID, d.Interrupting, text(tb, d.Event))
	default:
		return text(tb, d)
	}
}

func text(tb testing.TB, v any) string {
	tb.Helper()
	durations := json.MarshalFunc(func(d time.Duration) ([]byte, error) { return json.Marshal(d.String()) })
	data, err := json.Marshal(v, json.WithMarshalers(durations), json.OmitZeroStructFields(true), json.FormatNilSliceAsNull(true))
	require.NoError(tb, err)
	return string(data)
}
