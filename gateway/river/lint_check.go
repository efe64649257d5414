package river

import (
	"maps"
	"slices"
	"strings"

	"github.com/riverstones/riverstones/gateway/river/bpmn"
)

// check looks at every use of outputs: somebody must give them, under that key,
// before they are used.
func (l *linter) check() {
	if l.declares(nameOutputs) {
		return // a variable of that name hides them
	}
	paths := newPaths(l.process)
	for i := range l.uses {
		u := &l.uses[i]
		makers := l.makers[u.namespace]
		switch {
		case l.declares(OutputsPrefix + u.namespace): // it comes with the start variables
		case len(makers) == 0 && !u.optional:
			l.problem(&u.place, "%s: no node has the namespace %s%s", u, u.namespace, l.known())
		case len(makers) == 0:
		default:
			l.declared(u, makers)
			if !u.optional && u.when != ending && paths.without(makers, u) {
				l.problem(&u.place, "%s: %s is not done on every path that leads here; where nothing is fine, write ${empty outputs.%s ? … : …}",
					u, several(makers), u.namespace)
			}
		}
	}
}

// String writes the reference.
func (u *use) String() string {
	if u.key == "" {
		return "${outputs." + u.namespace + "}"
	}
	return "${outputs." + u.namespace + "." + u.key + "}"
}

// declares reports whether the model says that a start variable has this name.
func (l *linter) declares(name string) bool {
	return slices.ContainsFunc(l.process.Parameters, func(p bpmn.Parameter) bool { return p.Namespace == "" && p.Name == name }) ||
		slices.ContainsFunc(l.process.Data, func(d bpmn.DataObject) bool { return d.Name == name })
}

// known lists the namespaces that there are.
func (l *linter) known() string {
	if len(l.makers) == 0 {
		return "; no task of this process has a stone"
	}
	names := slices.Sorted(maps.Keys(l.makers))
	const most = 20
	if len(names) > most {
		names = append(names[:most:most], "…")
	}
	return "; there are " + strings.Join(names, ", ")
}

// several names nodes.
func several(nodes []*bpmn.Node) string {
	var ids []string
	for _, n := range nodes {
		ids = append(ids, n.Kind().String()+" "+n.ID)
	}
	return strings.Join(ids, " or ")
}

// declared compares a key with what the stones of its namespace declare. Where
// one of them has said nothing, or gives more, nothing is known.
func (l *linter) declared(u *use, makers []*bpmn.Node) {
	if u.key == "" {
		return
	}
	var all, stones []string
	for _, n := range makers {
		code := ""
		if st := stoneOf(n); st != nil {
			code = st.Code
		}
		d, known := l.rt.deps.Stone(code)
		if !known || d.Open || len(d.Outputs) == 0 {
			return
		}
		all, stones = append(all, d.Outputs...), append(stones, code)
	}
	if !slices.Contains(all, u.key) {
		slices.Sort(all)
		slices.Sort(stones)
		l.problem(&u.place, "%s: stone %s gives no output %s; it gives %s", u, strings.Join(slices.Compact(stones), " or "), u.key,
			strings.Join(slices.Compact(all), ", "))
	}
}

// required looks for parameters that a stone can not do without and that
// nobody gives: neither the model, nor, where it tells which there are, the
// start variables.
func (l *linter) required(n *bpmn.Node) {
	st := stoneOf(n)
	if st == nil || workerOf(n) != nil || l.process.Parameters == nil {
		return
	}
	d, known := l.rt.deps.Stone(st.Code)
	if !known || l.declares(st.Namespace) {
		return
	}
	for _, name := range d.Required {
		given := slices.ContainsFunc(st.Params, func(f bpmn.Field) bool { return f.Name == name }) ||
			slices.ContainsFunc(l.process.Parameters, func(p bpmn.Parameter) bool { return p.Namespace == st.Namespace && p.Name == name })
		if !given {
			l.problem(&place{node: n, line: n.Line, what: "stone " + st.Code},
				"its required parameter %s is missing: give it as a field, or as a parameter of the namespace %s", name, st.Namespace)
		}
	}
}
