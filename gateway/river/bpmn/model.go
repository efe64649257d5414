package bpmn

import "slices"

// Definitions is one BPMN file.
type Definitions struct {
	ID              string
	Name            string
	TargetNamespace string

	// Processes are the executable ones, in document order. There may be none.
	Processes []*Process

	// Signals, Messages and Errors are those declared in the file, in document order.
	Signals  []*Signal
	Messages []*Message
	Errors   []*Error

	// Warnings are findings that do not keep the file from running, such as a
	// node that no token can reach, in the order of their lines.
	Warnings []Problem
}

// Process returns the executable process of that id, or nil.
func (d *Definitions) Process(id string) *Process {
	i := slices.IndexFunc(d.Processes, func(p *Process) bool { return p.ID == id })
	if i < 0 {
		return nil
	}
	return d.Processes[i]
}

// Process is one executable process. Its embedded scope holds the nodes and flows that
// are not in a subprocess.
type Process struct {
	Scope

	ID            string
	Name          string
	Documentation string
	Category      string // the file's target namespace
	Line          int

	// CandidateStarterUsers and CandidateStarterGroups are texts or ${…}, split at commas.
	CandidateStarterUsers  []string
	CandidateStarterGroups []string

	// Graphical says that the file also holds a drawing of this process.
	Graphical bool

	// Parameters is the parameter template and Outputs the output template.
	// Nil means that the process has none, and then start variables are not checked.
	Parameters []Parameter
	Outputs    []Output

	nodes []*Node // all, by index
	flows []*Flow // all, by index
	byID  map[string]*Node
}

// Node returns the node of that id at any depth, or nil.
func (p *Process) Node(id string) *Node { return p.byID[id] }

// AllNodes returns the nodes at any depth in document order, a subprocess
// before what it holds. The slice is indexed by [Node.Index], and must not be
// written to.
func (p *Process) AllNodes() []*Node { return p.nodes }

// AllFlows returns the sequence flows at any depth in document order, indexed by
// [Flow.Index]. The slice must not be written to.
func (p *Process) AllFlows() []*Flow { return p.flows }

// Scope is what directly surrounds nodes: a process or an embedded subprocess.
type Scope struct {
	// Process is the process, also for the scope of a subprocess.
	Process *Process
	// Owner is the subprocess, nil for the scope of the process itself.
	Owner *Node

	Nodes []*Node // directly within, in document order
	Flows []*Flow // directly within, in document order

	// Start is the none start event. A subprocess has one, a process may have
	// only starts by message, signal or timer instead.
	Start *Node

	// Data are the data objects with a name, which are variables of the scope from its begin.
	Data []DataObject
}

// Parent returns the scope around the subprocess whose scope this is, nil for that of the process.
func (s *Scope) Parent() *Scope {
	if s.Owner == nil {
		return nil
	}
	return s.Owner.Scope
}

// Depth returns 0 for the scope of a process, and one more for each subprocess.
func (s *Scope) Depth() int {
	d := 0
	for s.Owner != nil {
		s, d = s.Owner.Scope, d+1
	}
	return d
}

// Node is one element of a process at which a token can stand.
type Node struct {
	ID            string
	Name          string
	Documentation string
	Line          int

	// Index is the node's position in [Process.AllNodes].
	Index int
	// Scope directly surrounds the node.
	Scope *Scope

	// Incoming and Outgoing are in document order.
	Incoming []*Flow
	Outgoing []*Flow
	// Default is the one of Outgoing that is taken if no other can be, or nil.
	Default *Flow

	// Boundary are the events attached to this activity, in document order.
	Boundary []*Node

	// Async asks for a wait state before the node: it is continued in the background.
	Async bool
	// Exclusive, true unless the file says otherwise, keeps two jobs of one instance from running at once.
	Exclusive bool

	// Loop is set on an activity that is done several times.
	Loop *MultiInstance

	// Detail is what only this kind of node has, a pointer to one of the types of [Detail].
	Detail Detail
}

// Kind returns the kind of the node.
func (n *Node) Kind() Kind { return n.Detail.Kind() }

// Process returns the process that holds the node, at whatever depth.
func (n *Node) Process() *Process { return n.Scope.Process }

// Inner returns the scope within a subprocess, and nil for any other node.
func (n *Node) Inner() *Scope {
	if s, ok := n.Detail.(*SubProcess); ok {
		return &s.Scope
	}
	return nil
}

// Within reports whether the node lies in s or in a subprocess of it.
func (n *Node) Within(s *Scope) bool {
	for at := n.Scope; at != nil; at = at.Parent() {
		if at == s {
			return true
		}
	}
	return false
}

// Flow is a sequence flow.
type Flow struct {
	// ID may be empty: a flow needs none.
	ID   string
	Name string
	Line int

	// Index is the flow's position in [Process.AllFlows].
	Index  int
	Source *Node
	Target *Node

	// Condition is ${…}, or empty if the flow has none, and then it is true.
	Condition string
}

// Default reports whether the flow is its source's default.
func (f *Flow) Default() bool { return f.Source.Default == f }

// DataObject is a variable with a value that the model gives.
type DataObject struct {
	ID    string
	Name  string // of the variable
	Type  string // as in xsd:int, without prefix: string, boolean, datetime, double, int or long
	Value string // as text, empty for none
	Line  int
}

// MultiInstance says how often an activity is done, all at once or one after the other.
type MultiInstance struct {
	Sequential bool

	// Cardinality is a number or ${…}; it is empty if Collection is set.
	Cardinality string
	// Collection is the name of a variable or ${…}.
	Collection string
	// ElementVariable gets the element of the collection, ElementIndexVariable its position from 0.
	// An empty ElementIndexVariable means loopCounter.
	ElementVariable      string
	ElementIndexVariable string

	// CompletionCondition is ${…}, asked each time that one of them is done; empty for none.
	CompletionCondition string

	Line int
}
