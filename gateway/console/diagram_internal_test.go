package console

import (
	"encoding/xml"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/river/bpmn"
)

const bpmnHead = `<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:flowable="http://flowable.org/bpmn" targetNamespace="t">`

// parsed reads a process from what is in it.
func parsed(t *testing.T, content string) *bpmn.Process {
	t.Helper()
	defs, err := bpmn.Parse([]byte(bpmnHead+`<process id="p" name="P">`+content+`</process></definitions>`), bpmn.Options{})
	require.NoError(t, err)
	return defs.Process("p")
}

func flowTo(from, to string) string {
	return fmt.Sprintf(`<sequenceFlow sourceRef=%q targetRef=%q/>`, from, to)
}

const everything = `<startEvent id="start" name="机器 &lt;b&gt;"/><sequenceFlow id="given" name="a &amp; b" sourceRef="start" targetRef="fork"/><parallelGateway id="fork"/>
<userTask id="ask"/><subProcess id="sub" name="Sub"><multiInstanceLoopCharacteristics isSequential="true"><loopCardinality>2</loopCardinality></multiInstanceLoopCharacteristics>
<startEvent id="s1"/><sequenceFlow sourceRef="s1" targetRef="m1"/><manualTask id="m1"/><sequenceFlow sourceRef="m1" targetRef="e1"/><endEvent id="e1"/></subProcess>
<boundaryEvent id="late" attachedToRef="sub" cancelActivity="false"><timerEventDefinition><timeDuration>PT1M</timeDuration></timerEventDefinition></boundaryEvent>
<manualTask id="remind"/><endEvent id="lateEnd"/><exclusiveGateway id="join"/><manualTask id="again"/><endEvent id="end"/>`

func everyFlow() string {
	return flowTo("fork", "ask") + flowTo("fork", "sub") + flowTo("ask", "join") + flowTo("sub", "join") + flowTo("late", "remind") + flowTo("remind", "lateEnd") +
		`<sequenceFlow sourceRef="join" targetRef="again"><conditionExpression>${again}</conditionExpression></sequenceFlow>` + flowTo("again", "ask") + flowTo("join", "end")
}

// tidy checks a layout: nodes of a scope lie apart and within what is around
// them, lines have right angles and lead from edge to edge.
func tidy(t *testing.T, p *bpmn.Process) *drawing {
	t.Helper()
	d := layout(p)
	for _, n := range p.AllNodes() {
		a, ok := d.nodes[n]
		require.True(t, ok, n.ID)
		if owner := n.Scope.Owner; owner != nil {
			around := d.nodes[owner]
			require.True(t, a.X >= around.X && a.Y >= around.Y && a.X+a.W <= around.X+around.W && a.Y+a.H <= around.Y+around.H, "%s is outside of %s", n.ID, owner.ID)
		}
		for _, m := range n.Scope.Nodes {
			b := d.nodes[m]
			attached := host(m) == n || host(n) == m
			if m == n || attached {
				continue
			}
			require.False(t, a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H, "%s is on %s", n.ID, m.ID)
		}
	}
	for _, f := range p.AllFlows() {
		way := d.flows[f]
		require.GreaterOrEqual(t, len(way), 2, f.Index)
		require.True(t, touches(d.nodes[f.Source], way[0]), "flow %d begins elsewhere", f.Index)
		require.True(t, touches(d.nodes[f.Target], way[len(way)-1]), "flow %d ends elsewhere", f.Index)
		for i := 1; i < len(way); i++ {
			require.True(t, way[i].X == way[i-1].X || way[i].Y == way[i-1].Y, "flow %d is askew: %v", f.Index, way)
		}
	}
	return d
}

func touches(b box, p point) bool {
	return p.X >= b.X && p.X <= b.X+b.W && p.Y >= b.Y && p.Y <= b.Y+b.H && (p.X == b.X || p.X == b.X+b.W || p.Y == b.Y+b.H)
}

func TestLayout(t *testing.T) {
	t.Parallel()
	p := parsed(t, everything+everyFlow())
	d := tidy(t, p)
	for _, f := range p.AllFlows() {
		if f.Source.ID != "again" && f.Source.Kind() != bpmn.KindBoundaryEvent {
			require.Less(t, d.nodes[f.Source].X+d.nodes[f.Source].W, d.nodes[f.Target].X+1, "from left to right")
		}
	}
	// A chain is drawn on one line.
	p = parsed(t, `<startEvent id="a"/><manualTask id="b"/><endEvent id="c"/>`+flowTo("a", "b")+flowTo("b", "c"))
	d = tidy(t, p)
	require.Equal(t, d.nodes[p.Node("a")].middle(), d.nodes[p.Node("c")].middle())
	require.Len(t, d.flows[p.AllFlows()[0]], 2)
}

// Whatever a model looks like, its drawing is tidy.
func TestLayoutRandom(t *testing.T) {
	t.Parallel()
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 1))
		n := 2 + r.IntN(30)
		var b strings.Builder
		b.WriteString(`<startEvent id="n0"/>`)
		for i := 1; i < n; i++ {
			fmt.Fprintf(&b, `<exclusiveGateway id="n%d"/>`, i)
		}
		seen := map[[2]int]bool{}
		for range n * 2 {
			from, to := r.IntN(n), 1+r.IntN(n-1)
			if from == 0 && to == 0 || seen[[2]int{from, to}] {
				continue
			}
			seen[[2]int{from, to}] = true
			b.WriteString(flowTo(fmt.Sprint("n", from), fmt.Sprint("n", to)))
		}
		tidy(t, parsedLoosely(t, b.String()))
	}
}

// parsedLoosely reads a process whose gateways need no conditions.
func parsedLoosely(t *testing.T, content string) *bpmn.Process {
	t.Helper()
	return parsed(t, strings.ReplaceAll(content, "exclusiveGateway", "parallelGateway"))
}

// A long model is laid out at once, and so is a wide one.
func TestLayoutLarge(t *testing.T) {
	t.Parallel()
	var long, wide strings.Builder
	long.WriteString(`<startEvent id="n0"/>`)
	wide.WriteString(`<startEvent id="n0"/><parallelGateway id="fork"/>` + flowTo("n0", "fork"))
	for i := 1; i < 1900; i++ {
		fmt.Fprintf(&long, `<manualTask id="n%d"/>%s`, i, flowTo(fmt.Sprint("n", i-1), fmt.Sprint("n", i)))
		fmt.Fprintf(&wide, `<manualTask id="n%d"/>%s`, i, flowTo("fork", fmt.Sprint("n", i)))
		if i%10 == 0 {
			long.WriteString(flowTo("n0", fmt.Sprint("n", i)))
		}
	}
	for _, content := range []string{long.String(), wide.String()} {
		p := parsed(t, content)
		require.Len(t, layout(p).nodes, len(p.AllNodes()))
	}
}

// A file with a drawing is left as it is; one without gets one of all that is in it.
func TestDrawn(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"", "<definitions/>", "no XML", bpmnHead + "</definitions>"} {
		require.Equal(t, file, string(drawn([]byte(file), "p")))
	}
	graphical, err := os.ReadFile(filepath.Join("..", "river", "bpmn", "testdata", "models", "bpmn-js.bpmn"))
	require.NoError(t, err)
	defs, err := bpmn.Parse(graphical, bpmn.Options{})
	require.NoError(t, err)
	require.Equal(t, string(graphical), string(drawn(graphical, defs.Processes[0].ID)))

	file := bpmnHead + `<process id="p">` + everything + everyFlow() + `</process></definitions>`
	got := string(drawn([]byte(file), "p"))
	shapes, edges, ids := 0, 0, map[string]bool{}
	for d := xml.NewDecoder(strings.NewReader(got)); ; {
		tok, err := d.Token()
		if err == io.EOF { //nolint:errorlint // a decoder of a string gives no other
			break
		}
		require.NoError(t, err)
		e, ok := tok.(xml.StartElement)
		if !ok {
			continue
		}
		switch e.Name.Local {
		case "BPMNShape":
			shapes++
		case "BPMNEdge":
			edges++
		}
		for _, a := range e.Attr {
			if a.Name.Local == "id" {
				require.False(t, ids[a.Value], "%s twice", a.Value)
				ids[a.Value] = true
			}
			if a.Name.Local == "bpmnElement" {
				require.True(t, ids[a.Value], "%s is not in the process", a.Value)
			}
		}
	}
	p := parsed(t, everything+everyFlow())
	require.Equal(t, len(p.AllNodes()), shapes)
	require.Equal(t, len(p.AllFlows()), edges)
	for _, want := range []string{`name="机器 &lt;b&gt;"`, `name="a &amp; b"`, "timerEventDefinition", `cancelActivity="false"`, `isSequential="true"`, `isExpanded="true"`} {
		require.Contains(t, got, want)
	}
}
