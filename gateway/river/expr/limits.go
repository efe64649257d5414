package expr

import (
	"cmp"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Limits bound what an expression or a tree of parameters may cost. Zero
// members stand for the defaults.
type Limits struct {
	MaxText  int   // bytes of the text of one template, 16 KiB by default
	MaxNodes int   // operators, literals and names in one template, 1000 by default
	MaxDepth int   // of parentheses and operators in one another, and of a tree of parameters; 100 by default
	MaxWork  int64 // bytes that one evaluation may look at and make, 64 MiB by default
	MaxTree  int   // bytes of a tree of parameters, before and after it is resolved, 8 MiB by default
}

// withDefaults fills what is zero.
func (l Limits) withDefaults() Limits {
	l.MaxText = cmp.Or(l.MaxText, 16<<10)
	l.MaxNodes = cmp.Or(l.MaxNodes, 1000)
	l.MaxDepth = cmp.Or(l.MaxDepth, 100)
	l.MaxWork = cmp.Or(l.MaxWork, 64<<20)
	l.MaxTree = cmp.Or(l.MaxTree, 8<<20)
	return l
}

// SyntaxError says that a text is no expression that is understood.
type SyntaxError struct {
	Text   string // the whole text, shortened if it is long
	Offset int    // where, in bytes from the start
	Reason string // what is wrong and what to do
}

// Error tells where and why.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("expression %q, at %d: %s", e.Text, e.Offset+1, e.Reason)
}

// UnknownVariable says that an expression needs a variable which is not there.
type UnknownVariable struct {
	Name string
}

// Error names the variable.
func (e *UnknownVariable) Error() string { return fmt.Sprintf("unknown variable %q", e.Name) }

// LimitError says that an evaluation was about to pass a limit.
type LimitError struct {
	Reason string
}

// Error tells which limit.
func (e *LimitError) Error() string { return e.Reason }

// clip keeps a text in an error short.
func clip(s string) string {
	const most = 120
	if len(s) <= most {
		return s
	}
	cut := most
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return strings.ToValidUTF8(s[:cut], "") + "…"
}
