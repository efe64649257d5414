package river

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/riverstones/riverstones/gateway/river/bpmn"
	"github.com/riverstones/riverstones/gateway/river/expr"
)

// lint tells what is wrong with a model beyond its form, in sentences: texts
// that do not compile, outputs that nobody gives or that are not there yet, and
// what does not fit the declarations of stones.
func (r *Runtime) lint(_ context.Context, file string, p *bpmn.Process) []string {
	l := &linter{rt: r, process: p, makers: map[string][]*bpmn.Node{}}
	for _, n := range p.AllNodes() {
		for _, ns := range makes(n) {
			l.makers[ns] = append(l.makers[ns], n)
		}
	}
	l.texts()
	l.check()
	for _, n := range p.AllNodes() {
		l.required(n)
	}
	slices.SortStableFunc(l.found, func(a, b bpmn.Problem) int { return a.Line - b.Line })
	var out []string
	for i := range l.found {
		if i == bpmn.MaxProblems {
			return append(out, fmt.Sprintf("%s: and %d more", file, len(l.found)-i))
		}
		out = append(out, file+": "+l.found[i].String())
	}
	return out
}

// linter looks at one process.
type linter struct {
	rt      *Runtime
	process *bpmn.Process
	makers  map[string][]*bpmn.Node // those whose outputs come into a namespace
	uses    []use
	found   []bpmn.Problem
}

// use is a place where outputs are taken.
type use struct {
	place

	namespace string
	key       string // "" for all of them
	optional  bool   // the text is ready for nothing
}

// place is where a text stands, and when it is worked out.
type place struct {
	node *bpmn.Node // nil for the process itself
	flow *bpmn.Flow // whose condition it is, nil for none
	line int
	what string // such as field size
	when moment
}

// moment says when a text is worked out.
type moment int

const (
	entering moment = iota // when a token comes to the node
	leaving                // when it has done it
	ending                 // when the process has ended: what is missing is null
)

func (l *linter) problem(at *place, format string, args ...any) {
	pr := bpmn.Problem{Line: at.line, Message: at.what + ": " + fmt.Sprintf(format, args...)}
	switch {
	case at.flow != nil:
		pr.Element, pr.ID, pr.Name = "sequenceFlow", at.flow.ID, at.flow.Name
	case at.node != nil:
		pr.Element, pr.ID, pr.Name = at.node.Kind().String(), at.node.ID, at.node.Name
	default:
		pr.Element, pr.ID, pr.Name, pr.Line = "process", l.process.ID, l.process.Name, l.process.Line
	}
	if pr.Line == 0 && at.node != nil {
		pr.Line = at.node.Line
	}
	l.found = append(l.found, pr)
}

// text notes what a text refers to, or that it does not compile.
func (l *linter) text(at place, text string) {
	if !strings.ContainsAny(text, "$#") {
		return
	}
	t, err := expr.Compile(text, l.rt.cfg.Limits)
	if err != nil {
		l.problem(&at, "%v", err)
		return
	}
	l.refer(at, t.References())
}

// tree is text for JSON with expressions and functions in it.
func (l *linter) tree(at place, doc string) {
	t, err := expr.CompileTree(jsontext.Value(doc), l.rt.cfg.Limits)
	if err != nil {
		for _, one := range joined(err) {
			l.problem(&at, "%v", one)
		}
		return
	}
	byParam := map[string][]expr.Ref{}
	var order []string
	for _, ref := range t.References() {
		if byParam[ref.Param] == nil {
			order = append(order, ref.Param)
		}
		byParam[ref.Param] = append(byParam[ref.Param], ref.Ref)
	}
	for _, param := range order {
		l.refer(at, byParam[param])
	}
}

// joined returns the errors that one joins.
func joined(err error) []error {
	if all, ok := errors.AsType[interface {
		error
		Unwrap() []error
	}](err); ok {
		return all.Unwrap()
	}
	return []error{err}
}

// refer notes the outputs that one text refers to. A text that asks anywhere
// whether there is something is ready for nothing everywhere.
func (l *linter) refer(at place, refs []expr.Ref) {
	optional := map[string]bool{}
	for _, ref := range refs {
		if ref.Optional && len(ref.Path) > 1 && ref.Path[0] == nameOutputs {
			optional[ref.Path[1]] = true
		}
	}
	for _, ref := range refs {
		if len(ref.Path) < 2 || ref.Path[0] != nameOutputs {
			continue
		}
		u := use{place: at, namespace: ref.Path[1], optional: optional[ref.Path[1]]}
		if len(ref.Path) > 2 {
			u.key = ref.Path[2]
		}
		l.uses = append(l.uses, u)
	}
}

// makes returns the namespaces into which the outputs of a node come.
func makes(n *bpmn.Node) []string {
	if w := workerOf(n); w != nil {
		return append(mapped(w.Out), n.ID)
	}
	if st := stoneOf(n); st != nil {
		return []string{st.Namespace}
	}
	if c, ok := n.Detail.(*bpmn.CallActivity); ok {
		return mapped(c.Out)
	}
	return nil
}

// mapped returns the namespaces that mappings fill.
func mapped(all []bpmn.Mapping) []string {
	var out []string
	for i := range all {
		if ns, ok := strings.CutPrefix(all[i].Target, OutputsPrefix); ok {
			out = append(out, ns)
		}
	}
	return out
}
