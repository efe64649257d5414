package expr

import (
	"slices"
	"strings"
)

// Ref is a place where an expression takes a value: a variable and the path
// into it.
type Ref struct {
	Path     []string // the name of the variable, then members and array positions
	Partial  bool     // what follows the path is only known at run time, as in a[b]
	Optional bool     // there may be nothing, as in vars:get(a), empty a, a == null, a ? b : c
}

// String writes the path with dots.
func (r Ref) String() string { return strings.Join(r.Path, ".") }

// References lists what the template refers to, each once, in the order of the
// text. What stands in a branch that is not taken counts too.
func (t *Template) References() []Ref { return unique(t.refs) }

// unique drops what is there already.
func unique(refs []Ref) []Ref {
	var out []Ref
	for _, r := range refs {
		same := func(o Ref) bool {
			return slices.Equal(o.Path, r.Path) && o.Partial == r.Partial && o.Optional == r.Optional
		}
		if !slices.ContainsFunc(out, same) {
			out = append(out, r)
		}
	}
	return out
}
