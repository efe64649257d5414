package bpmn

import (
	"fmt"
	"strings"
)

// Problem is one finding in a file.
type Problem struct {
	Line    int    // of the element, from 1
	Element string // name of the XML element, such as userTask
	ID      string // of the element, or empty
	Name    string // of the element, or empty
	Message string // what is wrong and what to do
}

// String returns one line, such as
// line 12: scriptTask "calc" (Calculate price): is not supported.
func (p Problem) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "line %d: ", p.Line)
	if p.Element != "" {
		b.WriteString(p.Element)
		if p.ID != "" {
			fmt.Fprintf(&b, " %q", p.ID)
		}
		if name := strings.Join(strings.Fields(p.Name), " "); name != "" && name != p.ID { // a drawn name may have several lines
			fmt.Fprintf(&b, " (%s)", name)
		}
		b.WriteString(": ")
	}
	b.WriteString(p.Message)
	return b.String()
}

// Problems is the error of [Parse]: all that keeps a file from being deployed, in the
// order of the lines. There are at most [MaxProblems].
type Problems []Problem

// MaxProblems bounds how many findings are listed of one file.
const MaxProblems = 100

// Error returns the problems, separated by semicolons.
func (p Problems) Error() string {
	s := make([]string, len(p))
	for i, one := range p {
		s[i] = one.String()
	}
	return strings.Join(s, "; ")
}
