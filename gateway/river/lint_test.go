package river_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/gateway/river"
	"github.com/riverstones/riverstones/store/sqlite"
)

// declared is what stones say of themselves: Disk gives size and id, and must
// have region; the others say nothing.
func declared(code string) (river.Declaration, bool) {
	if code != "Disk" {
		return river.Declaration{}, false
	}
	return river.Declaration{Params: []string{"region", "size"}, Required: []string{"region"}, Outputs: []string{"size", "id"}}, true
}

// linter returns what deploys processes and answers what is wrong with them.
func linter(t *testing.T) func(process string) string {
	t.Helper()
	st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "river.db"), sqlite.Config{Migrate: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, st.Close()) })
	r, err := river.New(river.Config{}, river.Deps{Store: st, Stone: declared})
	require.NoError(t, err)
	return func(process string) string {
		t.Helper()
		_, _, err := r.Deploy(t.Context(), river.NewDeployment{Name: "test", Files: []river.File{
			{Name: "p.bpmn", Bytes: fmt.Appendf(nil, frame, process)}}})
		if err == nil {
			return ""
		}
		require.Equal(t, fault.Invalid, kind(err), "%v", err)
		return fault.Of(err).Detail
	}
}

// draw makes a process of a few words: "a>b" is a flow, "a>b?" one with a
// condition, "a>b!" the default one. What a node is says its first letter: s
// start, e end, x p o gateways, u a user task of nobody, U a subprocess, which
// brackets draw, and others stones; b^a is a boundary event b at a.
func draw(words string) string {
	var b strings.Builder
	seen := map[string]bool{}
	node := func(id string) {
		if seen[id] {
			return
		}
		seen[id] = true
		b.WriteString(element(id))
	}
	b.WriteString(`<process id="p">`)
	for n, word := range strings.Fields(words) {
		switch {
		case strings.HasSuffix(word, "["):
			fmt.Fprintf(&b, `<subProcess id=%q>`, strings.TrimSuffix(word, "["))
		case word == "]":
			b.WriteString(`</subProcess>`)
		case strings.Contains(word, "^"):
			id, at, _ := strings.Cut(word, "^")
			seen[id] = true
			b.WriteString(boundary(id, at))
		default:
			from, to, _ := strings.Cut(word, ">")
			condition := ""
			if strings.HasSuffix(to, "?") {
				condition = "<conditionExpression>${go}</conditionExpression>"
			}
			to = strings.TrimRight(to, "?!")
			node(from)
			node(to)
			fmt.Fprintf(&b, `<sequenceFlow id="f%d" sourceRef=%q targetRef=%q>%s</sequenceFlow>`, n, from, to, condition)
		}
	}
	b.WriteString(`</process>`)
	return b.String()
}

func element(id string) string {
	kinds := map[byte]string{'s': "startEvent", 'e': "endEvent", 'x': "exclusiveGateway", 'p': "parallelGateway", 'o': "inclusiveGateway", 'u': "userTask"}
	switch {
	case id[0] == 'U': // a subprocess, which its brackets draw
		return ""
	case strings.HasPrefix(id, "eBAD"):
		return fmt.Sprintf(`<endEvent id=%q><errorEventDefinition errorRef="bad"/></endEvent>`, id)
	case strings.HasPrefix(id, "eALL"):
		return fmt.Sprintf(`<endEvent id=%q><terminateEventDefinition/></endEvent>`, id)
	case kinds[id[0]] != "":
		return fmt.Sprintf(`<%s id=%q/>`, kinds[id[0]], id)
	case strings.HasPrefix(id, "take"): // takes the output of a
		return fmt.Sprintf(`<serviceTask id=%q riverstones:stone="S"><extensionElements><riverstones:field name="v" value="${outputs.a.v}"/></extensionElements></serviceTask>`, id)
	case strings.HasPrefix(id, "a"): // each alternative of a
		return fmt.Sprintf(`<serviceTask id=%q riverstones:stone="S" riverstones:namespace="a"/>`, id)
	default:
		return fmt.Sprintf(`<serviceTask id=%q riverstones:stone="S"/>`, id)
	}
}

// boundary draws a boundary event: its name begins with timer, aside (which does
// not interrupt) or caught, which is of an error.
func boundary(id, at string) string {
	definition, cancel := `<timerEventDefinition><timeDuration>PT1H</timeDuration></timerEventDefinition>`, true
	switch {
	case strings.HasPrefix(id, "aside"):
		cancel = false
	case strings.HasPrefix(id, "caught"):
		definition = `<errorEventDefinition errorRef="bad"/>`
	}
	return fmt.Sprintf(`<boundaryEvent id=%q attachedToRef=%q cancelActivity="%t">%s</boundaryEvent>`, id, at, cancel, definition)
}

func TestLintOfPaths(t *testing.T) {
	t.Parallel()
	lint := linter(t)
	const late = "is not done on every path"
	for name, c := range map[string]struct{ draw, says string }{
		"one after the other":                   {"s>a a>take take>e", ""},
		"too early":                             {"s>take take>a a>e", late},
		"only on one way":                       {"s>x1 x1>a? x1>b a>x2 b>x2 x2>take take>e", late},
		"on each way":                           {"s>x1 x1>a1? x1>a2 a1>x2 a2>x2 x2>take take>e", ""},
		"before the choice":                     {"s>a a>x1 x1>b? x1>c b>x2 c>x2 x2>take take>e", ""},
		"behind a join":                         {"s>p1 p1>a p1>b a>p2 b>p2 p2>take take>e", ""},
		"beside, in a fork":                     {"s>p1 p1>a p1>take a>p2 take>p2 p2>e", late},
		"behind a merge that does not wait":     {"s>p1 p1>a p1>b a>x2 b>x2 x2>take take>e", late},
		"behind an inclusive join":              {"s>o1 o1>a? o1>b? a>o2 b>o2 o2>take take>e", late},
		"always taken by an inclusive fork":     {"s>o1 o1>a o1>b? a>o2 b>o2 o2>take take>e", ""},
		"inclusive join behind a parallel fork": {"s>p1 p1>a p1>b a>o2 b>o2 o2>take take>e", ""},
		"inclusive join with a way around":      {"s>p1 p1>x1 p1>b x1>a? x1>c a>o2 c>o2 b>o2 o2>take take>e", late},
		"a fork without a gateway":              {"s>u u>a u>b a>p2 b>p2 p2>take take>e", ""},
		"loop back before":                      {"s>x1 x1>a a>x2 x2>x1? x2>take take>e", ""},
		"loop around it":                        {"s>x1 x1>b b>x2 x2>a? a>x1 x2>take take>e", late},
		"its own, in a loop":                    {"s>x1 x1>take1 take1>a a>x2 x2>x1? x2>e", late},
		"in a subprocess":                       {"s>U1 U1[ s2>a a>e2 ] U1>take take>e", ""},
		"within, from without":                  {"s>a a>U1 U1[ s2>take take>e2 ] U1>e", ""},
		"in a subprocess with two ends":         {"s>U1 U1[ s2>p1 p1>a a>e2 p1>b b>e3 ] U1>take take>e", ""},
		"in a subprocess, only on one way":      {"s>U1 U1[ s2>x1 x1>a? a>e2 x1>e3 ] U1>take take>e", late},
		"terminated beside":                     {"s>U1 U1[ s2>p1 p1>a a>e2 p1>b b>eALL ] U1>take take>e", late},
		"terminated after":                      {"s>U1 U1[ s2>a a>eALL ] U1>take take>e", ""},
		"behind a timer that interrupts it":     {"s>a timer^a a>e timer>take take>e", late},
		"merged with a timer's way":             {"s>a timer^a a>x1 timer>x1 x1>take take>e", late},
		"timer at a later one":                  {"s>a a>b timer^b b>e timer>take take>e", ""},
		"behind a timer beside it":              {"s>a aside^a a>e aside>take take>e", late},
		"the normal way beside a timer":         {"s>a aside^a a>take take>e aside>b b>e4", ""},
		"an error that comes after":             {"s>U1 U1[ s2>a a>eBAD ] caught^U1 U1>e caught>take take>e", ""},
		"an error that comes before":            {"s>U1 U1[ s2>x1 x1>eBAD? x1>a a>e2 ] caught^U1 U1>e caught>take take>e", late},
		"subprocess left by an error or done":   {"s>U1 U1[ s2>a a>x1 x1>eBAD? x1>e2 ] caught^U1 U1>x2 caught>x2 x2>take take>e", ""},
		"nobody comes there":                    {"s>a a>e b>take take>e4", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := lint(draw(c.draw))
			if c.says == "" {
				require.Empty(t, got, draw(c.draw))
				return
			}
			require.Contains(t, got, c.says, draw(c.draw))
			require.Contains(t, got, `p.bpmn: line`)
		})
	}
}

// lintBehindDisk makes a process s > a > b > e in which a is the stone Disk, and b is what
// is given.
func lintBehindDisk(b, more string) string {
	return `<process id="p">` + more + `<startEvent id="s"/><sequenceFlow sourceRef="s" targetRef="a"/>
<serviceTask id="a" riverstones:stone="Disk"><extensionElements><riverstones:field name="region" value="r"/></extensionElements></serviceTask>
<sequenceFlow sourceRef="a" targetRef="b"/>` + b + `<sequenceFlow sourceRef="b" targetRef="e"/><endEvent id="e"/></process>`
}

func fieldOfB(kind, value string) string {
	return `<serviceTask id="b" name="The b" riverstones:stone="Free"><extensionElements><riverstones:field name="f"><riverstones:` + kind + `>` +
		value + `</riverstones:` + kind + `></riverstones:field></extensionElements></serviceTask>`
}

func TestLintOfTexts(t *testing.T) {
	t.Parallel()
	lint := linter(t)
	condition := func(text string) string {
		return `<exclusiveGateway id="b"/><sequenceFlow sourceRef="b" targetRef="e2"><conditionExpression>` + text +
			`</conditionExpression></sequenceFlow><endEvent id="e2"/>`
	}
	templates := func(s string) string {
		return "<extensionElements><riverstones:parameters>" + s + "</riverstones:parameters></extensionElements>"
	}
	for name, c := range map[string]struct{ b, more, says string }{
		"declared key":               {b: fieldOfB("expression", "${outputs.a.size}")},
		"all of them":                {b: fieldOfB("expression", "${outputs.a}")},
		"undeclared key":             {b: fieldOfB("expression", "${outputs.a.colour}"), says: `line 6: serviceTask "b" (The b): field f: ${outputs.a.colour}: stone Disk gives no output colour; it gives id, size`},
		"unknown namespace":          {b: fieldOfB("expression", "${outputs.A.size}"), says: "${outputs.A.size}: no node has the namespace A; there are a, b"},
		"unknown but optional":       {b: fieldOfB("expression", "${empty outputs.A.size ? 1 : outputs.A.size}")},
		"unknown but compared":       {b: fieldOfB("expression", "${outputs.A == null}")},
		"declared as a start value":  {b: fieldOfB("expression", "${outputs.A.size}"), more: templates(`[{"name":"outputs.A","type":"object"}]`)},
		"in a tree":                  {b: fieldOfB("json", `{"x":[{"y":"${outputs.a.colour}"}]}`), says: "gives no output colour"},
		"in a function":              {b: fieldOfB("json", `{"Fn::GetAtt":["${outputs.B}","x"]}`), says: "no node has the namespace B"},
		"wrong function":             {b: fieldOfB("json", `{"Fn::GetAt":[1,2]}`), says: `function "Fn::GetAt" is not known`},
		"wrong use of a function":    {b: fieldOfB("json", `{"a":{"Fn::GetAtt":[1]},"b":{"Fn::GetAtt":{}}}`), says: "Fn::GetAtt takes an array"},
		"no expression":              {b: fieldOfB("expression", "${1 +}"), says: `serviceTask "b" (The b): field f: expression "${1 +}"`},
		"condition":                  {b: condition("${outputs.a.size &gt; 1}")},
		"condition, undeclared":      {b: condition("${outputs.a.width &gt; 1}"), says: "sequenceFlow: the condition: ${outputs.a.width}: stone Disk gives no output width"},
		"condition, no expression":   {b: condition("${outputs.a.size &gt;}"), says: "sequenceFlow: the condition: expression"},
		"timer":                      {b: `<intermediateCatchEvent id="b"><timerEventDefinition><timeDuration>${outputs.c.x}</timeDuration></timerEventDefinition></intermediateCatchEvent>`, says: "the timer: ${outputs.c.x}: no node"},
		"user task":                  {b: `<userTask id="b" flowable:assignee="${outputs.c.who}"/>`, says: "assignee: ${outputs.c.who}: no node"},
		"collection by its name":     {b: `<userTask id="b"><multiInstanceLoopCharacteristics flowable:collection="outputs.c.all"/></userTask>`, says: "the collection: ${outputs.c.all}: no node"},
		"call, in":                   {b: `<callActivity id="b" calledElement="q"><extensionElements><flowable:in sourceExpression="${outputs.c.x}" target="y"/></extensionElements></callActivity>`, says: "the mapping to y: ${outputs.c.x}"},
		"call, out, of the other":    {b: `<callActivity id="b" calledElement="q"><extensionElements><flowable:out sourceExpression="${outputs.c.x}" target="y"/></extensionElements></callActivity>`},
		"output of what never comes": {b: `<userTask id="b"/>`, more: `<extensionElements><riverstones:outputs>[{"key":"k","value":"${outputs.c.x}"}]</riverstones:outputs></extensionElements>`, says: `process "p": output k: ${outputs.c.x}: no node has the namespace c`},
		"required, missing":          {b: `<serviceTask id="b" riverstones:stone="Disk"/>`, more: templates(`[{"name":"x"}]`), says: "stone Disk: its required parameter region is missing"},
		"required, of its namespace": {b: `<serviceTask id="b" riverstones:stone="Disk"/>`, more: templates(`[{"name":"region","namespace":"b"}]`)},
		"required, in an object":     {b: `<serviceTask id="b" riverstones:stone="Disk"/>`, more: templates(`[{"name":"b","type":"object"}]`)},
		"required, start unknown":    {b: `<serviceTask id="b" riverstones:stone="Disk"/>`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := lint(lintBehindDisk(c.b, c.more))
			if c.says == "" {
				require.Empty(t, got)
				return
			}
			require.Contains(t, got, c.says)
		})
	}
}

func TestLintListsAllProblemsAtOnce(t *testing.T) {
	t.Parallel()
	got := linter(t)(lintBehindDisk(fieldOfB("json", `{"a":"${outputs.a.x}","b":"${outputs.q.x}","c":"${outputs.b.x}"}`), "") +
		`<process id="p2"><startEvent id="s3"/><sequenceFlow sourceRef="s3" targetRef="t"/><userTask id="t" flowable:owner="${"/></process>`)
	for _, says := range []string{"stone Disk gives no output x", "no node has the namespace q", "serviceTask b is not done on every path", `userTask "t": owner: expression`} {
		require.Contains(t, got, says)
	}
	require.Equal(t, 4, strings.Count(got, "p.bpmn: line"))
}

// Each task takes from the one before, the first one from itself.
func TestLintOfALongModel(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(`<process id="p"><startEvent id="s"/><sequenceFlow sourceRef="s" targetRef="n0"/>`)
	const nodes = 300
	for i := range nodes {
		fmt.Fprintf(&b, `<serviceTask id="n%d" riverstones:stone="S"><extensionElements><riverstones:field name="f" value="${outputs.n%d.x}"/></extensionElements></serviceTask>`, i, max(i-1, 0))
		fmt.Fprintf(&b, `<sequenceFlow sourceRef="n%d" targetRef="n%d"/>`, i, i+1)
	}
	fmt.Fprintf(&b, `<endEvent id="n%d"/></process>`, nodes)
	got := linter(t)(b.String())
	require.Contains(t, got, "n0 is not done on every path")
	require.Equal(t, 1, strings.Count(got, "p.bpmn: line"))
}
