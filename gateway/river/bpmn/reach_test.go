package bpmn_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/river/bpmn"
)

// flows writes sequence flows given as a>b.
func flows(pairs string) string {
	var b strings.Builder
	for pair := range strings.FieldsSeq(pairs) {
		from, to, _ := strings.Cut(pair, ">")
		b.WriteString(`<sequenceFlow sourceRef="` + from + `" targetRef="` + to + `"/>`)
	}
	return b.String()
}

func TestReaches(t *testing.T) {
	t.Parallel()
	for _, join := range []string{"inclusiveGateway", "parallelGateway"} { // one worked out before, one when asked
		p := model(t, `<startEvent id="start"/>
			<inclusiveGateway id="fork"/>
			<userTask id="a"/>
			<subProcess id="sub">
				<startEvent id="in"/><userTask id="work"/><endEvent id="out"/>`+flows("in>work work>out")+`
			</subProcess>
			<boundaryEvent id="timer" attachedToRef="sub"><errorEventDefinition/></boundaryEvent>
			<userTask id="late"/>
			<`+join+` id="join"/>
			<userTask id="again"/>
			<exclusiveGateway id="loop"/>
			<endEvent id="end"/>`+
			flows("start>fork fork>a fork>sub a>join timer>late late>join join>again again>loop loop>join loop>end"))
		for from, want := range map[string]bool{
			"start": true, "fork": true, "a": true, "sub": true, "work": true, "in": true, "out": true,
			"timer": true, "late": true, "again": true, "loop": true, "join": true, "end": false,
		} {
			require.Equal(t, want, bpmn.Reaches(p.Node(from), p.Node("join")), "%s to %s", from, join)
		}
		require.False(t, bpmn.Reaches(p.Node("start"), p.Node("start")), "no loop leads there")
		require.False(t, bpmn.Reaches(p.Node("start"), p.Node("work")), "another run of the subprocess")
		require.True(t, bpmn.Reaches(p.Node("in"), p.Node("work")))
		require.False(t, bpmn.Reaches(p.Node("work"), p.Node("in")))
	}
}

func TestNavigation(t *testing.T) {
	t.Parallel()
	p := model(t, `<startEvent id="start"/>
		<subProcess id="outer">
			<startEvent id="s1"/>
			<subProcess id="inner"><startEvent id="s2"/><userTask id="work"/>`+flows("s2>work")+`</subProcess>
			`+flows("s1>inner")+`
		</subProcess>`+flows("start>outer"))
	outer, inner, work := p.Node("outer"), p.Node("inner"), p.Node("work")

	require.Nil(t, p.Node("none"))
	require.Equal(t, []string{"start", "outer", "s1", "inner", "s2", "work"}, ids(p.AllNodes()))
	for i, n := range p.AllNodes() {
		require.Equal(t, i, n.Index)
		require.Same(t, p, n.Process())
	}
	for i, f := range p.AllFlows() {
		require.Equal(t, i, f.Index)
	}
	require.Same(t, inner.Inner(), work.Scope)
	require.Nil(t, work.Inner())
	require.Same(t, outer.Inner(), work.Scope.Parent())
	require.Nil(t, p.Parent())
	require.Equal(t, []int{0, 1, 2}, []int{p.Depth(), outer.Inner().Depth(), inner.Inner().Depth()})
	require.True(t, work.Within(&p.Scope))
	require.True(t, work.Within(outer.Inner()))
	require.True(t, work.Within(inner.Inner()))
	require.False(t, outer.Within(outer.Inner()))
	require.Equal(t, "s2", inner.Inner().Start.ID)
}

func ids(nodes []*bpmn.Node) []string {
	all := make([]string, len(nodes))
	for i, n := range nodes {
		all[i] = n.ID
	}
	return all
}
