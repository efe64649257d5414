package bench

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// model is a process that is measured.
type model struct {
	stones   []string // ids of the tasks of stones; empty for one that waits for a signal
	parallel bool     // all at once, then a join
}

// waits is the activity where a process without stones waits.
const waits = "wait"

// models are the processes by name.
var models = map[string]model{
	"receive":  {},
	"sequence": {stones: []string{"one", "two", "three"}},
	"fork":     {stones: []string{"one", "two", "three", "four", "five"}, parallel: true},
}

// Processes returns the names of the models that can be measured.
func Processes() []string { return slices.Sorted(maps.Keys(models)) }

// plain is how many tasks do what one instance does.
func (m model) plain() int { return max(1, len(m.stones)) }

// file is the model in BPMN. Its tasks have params of paramsSize bytes, like
// those that are published without a process.
func (m model) file(key string, stones int) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:riverstones="http://riverstones.io/bpmn"`+
		` targetNamespace="bench"><process id=%q isExecutable="true"><startEvent id="start"/><endEvent id="end"/>`, key)
	if len(m.stones) == 0 {
		fmt.Fprintf(&b, `<receiveTask id=%q/>`, waits)
	}
	for i, id := range m.stones {
		fmt.Fprintf(&b, `<serviceTask id=%q riverstones:stone=%q><extensionElements>`+
			`<riverstones:field name="group" expression="${group}"/><riverstones:field name="template" stringValue=%q/>`+
			`</extensionElements></serviceTask>`, id, stoneCode(i%stones), strings.Repeat("0123456789abcdef", (paramsSize-64)/16))
	}
	if m.parallel {
		b.WriteString(`<parallelGateway id="fork"/><parallelGateway id="join"/>`)
	}
	for i, f := range m.flows() {
		fmt.Fprintf(&b, `<sequenceFlow id="flow%d" sourceRef=%q targetRef=%q/>`, i, f[0], f[1])
	}
	b.WriteString(`</process></definitions>`)
	return b.Bytes()
}

func (m model) flows() (all [][2]string) {
	if m.parallel {
		all = append(all, [2]string{"start", "fork"}, [2]string{"join", "end"})
		for _, id := range m.stones {
			all = append(all, [2]string{"fork", id}, [2]string{id, "join"})
		}
		return all
	}
	path := []string{"start", waits, "end"}
	if len(m.stones) > 0 {
		path = append(append([]string{"start"}, m.stones...), "end")
	}
	for i := range path[1:] {
		all = append(all, [2]string{path[i], path[i+1]})
	}
	return all
}

// newStart makes the request that starts an instance. Its business key is its
// number, by which its end is found; 50 of them share a variable.
func newStart(prefix, key string) *body {
	b := &body{}
	var json bytes.Buffer
	zeros := strings.Repeat("0", digits)
	fmt.Fprintf(&json, `{"processDefinitionKey":%q,"variables":[{"name":"group","type":"string","value":"%sp%s`, key, prefix, zeros)
	b.processes = append(b.processes, json.Len())
	fmt.Fprintf(&json, `"}],"businessKey":"%s%s`, prefix, zeros)
	b.tasks = append(b.tasks, json.Len())
	json.WriteString(`"}`)
	b.finish("POST /runtime/process-instances", json.Bytes())
	return b
}

// signals are the requests that trigger waiting executions.
type signals struct{ ids []string }

// number implements requests.
func (s *signals) number(first int) []byte {
	const action = `{"action":"trigger"}`
	return append([]byte(head("PUT /runtime/executions/"+s.ids[first], len(action))), action...)
}
