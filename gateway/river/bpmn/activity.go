package bpmn

import "time"

// UserTask waits for somebody to complete it, or for its stone. Texts may hold ${…}.
type UserTask struct {
	detail

	Assignee        string
	Owner           string
	CandidateUsers  []string // split at commas
	CandidateGroups []string // split at commas
	FormKey         string
	DueDate         string
	Priority        string
	Category        string

	Stone *Stone // or nil
}

// ReceiveTask waits to be triggered, or for its stone.
type ReceiveTask struct {
	detail

	// Message is the message that the task waits for, or nil if any trigger will do.
	Message *Message
	Stone   *Stone // or nil
}

// ManualTask is done by nobody we know: a token passes.
type ManualTask struct{ detail }

// ServiceTask is work for a stone.
type ServiceTask struct {
	detail

	// Stone is never nil. Of an external worker task its code is the topic.
	Stone *Stone
	// Worker is set if external workers may take the work too.
	Worker *Worker
	// Java is what the file names as implementation, if [Options.StoneFor] mapped it to Stone.
	Java *Java
}

// Worker publishes a job for the external worker API.
type Worker struct {
	Topic string // text or ${…}

	// DoNotIncludeVariables leaves the variables out of the job.
	DoNotIncludeVariables bool
	// In are the variables that the job carries, Out those that come back. None means all.
	In  []Mapping
	Out []Mapping
}

// Mapping hands a variable from one place to another.
type Mapping struct {
	Source           string // name of a variable, or empty
	SourceExpression string // ${…}, if Source is empty
	Target           string // name of a variable, text or ${…}
	Transient        bool
	Line             int
}

// Java is an implementation within Flowable's own process.
type Java struct {
	// Type says which attribute named it: class, expression or delegateExpression.
	Type string
	// Value is the attribute.
	Value string
	// ResultVariable gets what an expression returns, or empty.
	ResultVariable string
}

// Stone is work for a stone.
type Stone struct {
	Code        string        // well formed, but for a topic, which is any text or ${…}
	Namespace   string        // the node's id unless the file says otherwise
	Method      string        // start unless the file says otherwise
	BusinessKey string        // text or ${…}, empty for none
	Timeout     time.Duration // of one command, 0 for none of the model's own
	// Retries is how often a failed command is tried again, nil for the stone's own rule.
	Retries *int
	Params  []Field
	Line    int
}

// Form says how the value of a [Field] is meant.
type Form uint8

// The forms of a field.
const (
	FieldText       Form = iota + 1 // a string, as it is
	FieldExpression                 // text with ${…}
	FieldJSON                       // a JSON value, whose strings may hold ${…} and whose objects may be functions
)

// Field is a parameter as the model writes it.
type Field struct {
	Name  string
	Form  Form
	Value string
	Line  int
}

// SubProcess is an embedded subprocess, whose scope holds what is within.
type SubProcess struct {
	detail
	Scope
}

// CallActivity runs another process and waits for its end.
type CallActivity struct {
	detail

	CalledElement string // key of the process, text or ${…}
	BusinessKey   string // of the called instance, text or ${…}, empty for none
	InstanceName  string // of the called instance, text or ${…}, empty for none

	SameDeployment          bool // take the definition out of the same deployment
	FallbackToDefaultTenant bool
	InheritVariables        bool
	InheritBusinessKey      bool

	// In go into the called instance, Out come back at its end. Nothing does by default.
	In  []Mapping
	Out []Mapping
}

// ExclusiveGateway sends a token along one flow.
type ExclusiveGateway struct{ detail }

// ParallelGateway waits for all its incoming flows, and goes on along all that go out.
type ParallelGateway struct{ detail }

// InclusiveGateway waits for all tokens that can still come, and goes on along
// every flow whose condition is true. [Reaches] tells which can.
type InclusiveGateway struct {
	detail

	sources bitset // nodes of the same scope from which a path leads here
}

// EventGateway waits for the first of the events behind it.
type EventGateway struct{ detail }
