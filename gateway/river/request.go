package river

import (
	"encoding/json"
	"time"

	"github.com/riverstones/riverstones/gateway/river/variable"
)

// Var is a variable as a caller gives it.
type Var struct {
	Name  string
	Value variable.Value
	// Local puts it on the entity itself, where a call knows the difference.
	Local bool
}

// File is a file to deploy.
type File struct {
	Name  string
	Bytes []byte
}

// NewDeployment is what is to be deployed.
type NewDeployment struct {
	Name, Key, Category, Tenant string // "" for none

	Files []File // those whose names end in .bpmn20.xml or .bpmn are models
}

// Start asks for a new instance. Exactly one of Definition, Key, Message and
// Deployment names the model.
type Start struct {
	Definition string // id
	Key        string // its latest version
	Message    string // the latest definition that this message starts
	Deployment string // id; it must hold one definition
	Tenant     string // with Key or Message
	// Business is the business key, "" for none.
	Business string
	Name     string
	User     string // who starts it, "" for nobody known
	// Variables are set on the root, Transient only seen until the first wait states.
	Variables, Transient []Var
	// Debug holds the process when a task fails. Mock walks the model with the
	// stones' mock method.
	Debug, Mock bool
	// Content is the object of start variables as the caller sent it, nil to
	// make one of Variables. It is kept to be shown, without secrets.
	Content json.RawMessage
}

// ActionKind says what is done to an execution.
type ActionKind int

// The actions (5.1 of the executions contract).
const (
	Trigger ActionKind = iota + 1
	SignalReceived
	MessageReceived
)

// Action moves one execution.
type Action struct {
	Kind ActionKind
	Name string // of the signal or message
	// Variables are set from the execution on; Transient are seen in this step only.
	Variables, Transient []Var
}

// Broadcast delivers a signal to everybody who waits for it.
type Broadcast struct {
	Signal    string
	Tenant    string // "" for those without
	Variables []Var
}

// Scope says whose variables are meant.
type Scope int

// The scopes (6.2 of the executions contract).
const (
	AnyScope Scope = iota // omitted by the caller
	Local
	Global
)

// WriteMode says what may be there before.
type WriteMode int

// The modes.
const (
	Create WriteMode = iota + 1 // nothing of this name in the scope, else Conflict
	Put                         // create or replace
	Update                      // it exists, else NotFound
)

// VariableWrite sets variables of an execution, all of them or none.
type VariableWrite struct {
	Mode      WriteMode
	Scope     Scope
	Variables []Var // their Local is ignored
}

// Variable is a variable as an execution sees it.
type Variable struct {
	Name  string
	Value variable.Value
	Scope Scope // Local or Global, where it was found
}

// Completion ends a user task.
type Completion struct {
	Variables, Transient []Var
	User                 string
}

// Acquire takes jobs of a topic for a worker.
type Acquire struct {
	Topic   string
	Worker  string
	Lock    time.Duration
	Tasks   int // at most, from 1
	Retries int // lost races before it gives up
	Tenant  *string
}

// JobFailure is how an external worker failed.
type JobFailure struct {
	Worker  string
	Message string
	Details string
	Retries *int          // left; nil for one less
	After   time.Duration // until it may be tried again
}
