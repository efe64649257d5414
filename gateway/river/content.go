package river

import (
	"encoding/json"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/gateway/river/bpmn"
	"github.com/riverstones/riverstones/queue/jsonvalue"
	"github.com/riverstones/riverstones/queue/task"
)

// content makes what is kept of the start variables to be shown: as the caller
// gave them, or else as they were read, without secrets.
func (r *Runtime) content(q *Start, p *bpmn.Process) (json.RawMessage, error) {
	doc := q.Content
	if len(doc) == 0 {
		doc = contentOf(q.Variables)
	}
	if len(doc) == 0 {
		return nil, nil
	}
	all, err := jsonvalue.Scan(doc)
	if err != nil {
		return nil, fault.New(fault.Invalid, "variables must be a JSON object: %v", err)
	}
	secrets := r.secrets(p)
	out := make(json.RawMessage, 0, len(doc))
	at := 0
	for _, m := range all.Members { // a variable named like a namespace holds that node's parameters
		if names := secrets[m.Name]; len(names) > 0 && m.Name != "" {
			out = append(append(out, doc[at:m.Start]...), task.RedactWith(m.Value, names)...)
			at = m.End
		}
	}
	return shorten(task.RedactWith(append(out, doc[at:]...), secrets[""])), nil
}

// What is kept to be shown is read with every step of the instance, so it is
// bounded: of more than maxContent bytes, members of more than maxMember are
// only named with their size. The variables themselves are kept whole.
const (
	maxContent = 64 << 10
	maxMember  = 1 << 10
)

func shorten(doc json.RawMessage) json.RawMessage {
	if len(doc) <= maxContent {
		return doc
	}
	all, err := jsonvalue.Scan(doc)
	if err != nil {
		return doc
	}
	out := json.RawMessage{'{'}
	for i, m := range all.Members {
		if i > 0 {
			out = append(out, ',')
		}
		name, err := jsontext.AppendQuote(nil, m.Name)
		if err != nil {
			return doc
		}
		value := m.Value
		if len(value) > maxMember {
			value = jsontext.Value(fmt.Sprintf(`"(%d bytes)"`, len(value)))
		}
		out = append(append(append(out, name...), ':'), value...)
	}
	return append(out, '}')
}

// contentOf makes an object of variables; files are left out.
func contentOf(vars []Var) json.RawMessage {
	last := make(map[string]int, len(vars))
	for i := range vars {
		last[vars[i].Name] = i
	}
	var out []byte
	for i := range vars {
		if vars[i].Value.IsBytes() || last[vars[i].Name] != i {
			continue
		}
		name, err := jsontext.AppendQuote(nil, vars[i].Name)
		if err != nil {
			continue
		}
		if out == nil {
			out = append(out, '{')
		} else {
			out = append(out, ',')
		}
		out = vars[i].Value.AppendJSON(append(append(out, name...), ':'))
	}
	if out == nil {
		return nil
	}
	return append(out, '}')
}

// secrets returns the names of parameters that are never shown, by namespace:
// those of the template, and those that the stones of a model declare.
func (r *Runtime) secrets(p *bpmn.Process) map[string][]string {
	out := map[string][]string{}
	for i := range p.Parameters {
		if one := &p.Parameters[i]; one.NoEcho {
			out[one.Namespace] = append(out[one.Namespace], one.Name)
		}
	}
	for _, n := range p.AllNodes() {
		st := stoneOf(n)
		if st == nil {
			continue
		}
		if d, known := r.deps.Stone(st.Code); known {
			out[st.Namespace] = append(out[st.Namespace], d.NoEcho...)
		}
	}
	return out
}

// stoneOf returns the stone that a node hands its work to, nil for none.
func stoneOf(n *bpmn.Node) *bpmn.Stone {
	switch d := n.Detail.(type) {
	case *bpmn.ServiceTask:
		return d.Stone
	case *bpmn.UserTask:
		return d.Stone
	case *bpmn.ReceiveTask:
		return d.Stone
	default:
		return nil
	}
}
