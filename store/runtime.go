package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/riverstones/riverstones/queue/task"
)

// Runtime keeps what the process runtime works on: deployments and definitions,
// process instances with their executions, variables, subscriptions, jobs and
// user tasks, and their history. The meaning of the columns is the runtime's:
// a store writes and finds rows.
//
// One step of the runtime is one transaction ([Runtime.Step]); everything else
// here only reads. Rows that are listed come with what a client sees of them.
type Runtime interface { //nolint:interfacebloat // one aggregate; split by the caller's roles
	// Step runs f in one transaction and commits what it wrote if it returns
	// nil. An error of f is returned as it is, and nothing is written. f may be
	// called more than once: it must not keep what it did in the first call. Steps
	// that run at once may be committed together.
	Step(ctx context.Context, f func(ctx context.Context, tx RuntimeTx) error) error

	// Ends returns ends of tasks that the runtime published and has not heard
	// ([RuntimeChanges.Heard]) yet, oldest first.
	Ends(ctx context.Context, limit int) ([]TaskEnd, error)
	// DueJobs returns timer and async jobs with retries left that are due at
	// now and not locked then, of instances that are not suspended, the earliest
	// first. next is when the earliest of those that are not due is, zero for none.
	DueJobs(ctx context.Context, now time.Time, limit int) (due []Job, next time.Time, err error)

	// Deployments, Definitions, … return one page. Page fields that are zero
	// are the defaults; what is sorted equal is sorted by id, in the same direction.
	Deployments(ctx context.Context, f DeploymentFilter) ([]Deployment, int, error)
	Definitions(ctx context.Context, f DefinitionFilter) ([]Definition, int, error)
	// Resource returns a file of a deployment; [ErrNotFound].
	Resource(ctx context.Context, deploymentID, name string) ([]byte, error)
	Instances(ctx context.Context, f InstanceFilter) ([]Instance, int, error)
	Executions(ctx context.Context, f ExecutionFilter) ([]ExecutionView, int, error)
	UserTasks(ctx context.Context, f UserTaskFilter) ([]UserTaskView, int, error)
	Jobs(ctx context.Context, f JobFilter) ([]Job, int, error)
	// Activities returns the finished activities of an instance in the order
	// they were finished.
	Activities(ctx context.Context, instanceID string) ([]Activity, error)
	// Tree returns the executions of an instance as they stand, the root
	// first, then in the order they were made; none for an ended one.
	Tree(ctx context.Context, instanceID string) ([]Execution, error)
	// Variables returns the variables of these owners, by owner and name, with
	// all their data. An ended instance keeps those of its root.
	Variables(ctx context.Context, owners ...string) ([]Variable, error)
}

// RuntimeTx is a step's transaction. Every read sees what was written before it.
type RuntimeTx interface { //nolint:interfacebloat // what one step needs
	// Lock makes this transaction the only one that holds name until it ends.
	// Locks are taken in the order of their names, or one waits for ever.
	Lock(ctx context.Context, name string) error
	// Load returns a whole instance; [ErrNotFound]. An ended one has no rows
	// but itself and its root's variables.
	Load(ctx context.Context, instanceID string) (*Process, error)
	// Open locks the trees of these instances, as Lock does with the ids of their
	// outermost ones, and loads those of them that are there as Load does, in no order.
	Open(ctx context.Context, instanceIDs ...string) ([]*Process, error)
	// Tasks returns how tasks stand, by id, and locks them as Command does. Begun,
	// Current and Grants are left out, and so are tasks that are not there.
	Tasks(ctx context.Context, ids ...string) (map[string]Standing, error)
	// Owner returns the instance of an execution, user task or job; [ErrNotFound].
	Owner(ctx context.Context, of Entity, id string) (string, error)
	// Data returns the data of a variable that was loaded without.
	Data(ctx context.Context, owner, name string) ([]byte, error)
	// Subscribed returns where a signal or a message is waited for, by root and
	// execution: executions of instances that are not suspended. tenant nil
	// selects all tenants.
	Subscribed(ctx context.Context, kind SubscriptionKind, name string, tenant *string) ([]Subscription, error)
	// Starts returns the latest definitions that a signal or message starts.
	// What it returns is not retired before the step ends.
	Starts(ctx context.Context, kind SubscriptionKind, name string, tenant *string) ([]Definition, error)
	// Definition returns a definition by id, as Starts does; [ErrNotFound].
	Definition(ctx context.Context, id string) (Definition, error)
	// Latest returns the latest definition of a key and tenant, as Starts does;
	// [ErrNotFound].
	Latest(ctx context.Context, key, tenant string) (Definition, error)
	// Retire waits for the steps that have read definitions of a deployment, and
	// lets nobody else read one before the step ends. It returns the ids of the
	// definitions' instances, by root and at most limit: only those that have not
	// ended, if running is set.
	Retire(ctx context.Context, deploymentID string, running bool, limit int) ([]string, error)
	// Activities returns the finished activities of an instance as [Runtime] does.
	Activities(ctx context.Context, instanceID string) ([]Activity, error)
	// Write writes what changed. It may be called more than once. What the
	// database finds wrong may come to light with a later call, or when the
	// step is committed; then Step returns it.
	Write(ctx context.Context, c *RuntimeChanges) error
	// Command changes a task as [Commands] does, in this transaction.
	Command(ctx context.Context, key string, decide func(Standing) (*Step, error)) (task.Task, error)
	// SetDebug is that of [Processes], in this transaction.
	SetDebug(ctx context.Context, processInstanceID string, debug bool) error
}

// Entity says what an id is of.
type Entity int

// The entities.
const (
	OfExecution Entity = iota + 1
	OfInstance
	OfUserTask
	OfJob
)

// Process is a process instance with everything that belongs to it now.
type Process struct {
	Instance      Instance
	Executions    []Execution // by Seq
	Variables     []Variable  // of executions and user tasks; Data is nil above [VariableInline]
	Subscriptions []Subscription
	Jobs          []Job
	UserTasks     []UserTask
}

// VariableInline is how many bytes of data a variable may have to be loaded
// with its instance.
const VariableInline = 64 << 10

// RuntimeChanges is what a step writes: rows are inserted or replaced by their
// keys, then those named in Drop… are removed.
type RuntimeChanges struct {
	Deployments   []Deployment
	Resources     []Resource
	Definitions   []Definition
	Instances     []Instance
	Executions    []Execution
	Variables     []Variable
	Subscriptions []Subscription
	Jobs          []Job
	UserTasks     []UserTask
	Activities    []Activity // appended

	DropExecutions    []string // ids
	DropVariables     []VariableKey
	DropSubscriptions []string // ids
	DropJobs          []string // ids
	DropUserTasks     []string // ids, with their variables
	// DropInstances removes instances with everything, history included.
	DropInstances []string
	// DropDeployments removes deployments with resources and definitions.
	DropDeployments []string

	// Publish are new tasks: recorded and put into the outbox as by Delay, where
	// NotBefore may be zero for at once; one that is known already is [ErrRejected].
	// Their ends are told by Ends, of the instance that ProcessInstanceID names.
	Publish []Delayed
	// Heard removes ends that the step has taken. One that is recorded again
	// after that is told again.
	Heard []int64
}

// TaskEnd is an end that the recorder wrote, or a command did, of a task that
// the runtime published.
type TaskEnd struct {
	Number   int64
	Task     string // id
	Instance string // process instance id
	Epoch    int
	Status   task.Status
	Occasion Occasion
	Time     time.Time
}

// Deployment is a set of files that were deployed together.
type Deployment struct {
	ID, Name, Key, Category, Tenant string // "" for none

	Parent string
	Time   time.Time
}

// Resource is a file of a deployment.
type Resource struct {
	Deployment, Name string
	Bytes            []byte
}

// Definition is one version of a process model.
type Definition struct {
	ID          string // key:version:unique
	Key         string
	Version     int // from 1 for each key and tenant
	Name        string
	Description string
	Category    string
	Tenant      string
	Deployment  string
	Resource    string // the file's name in the deployment
	Graphical   bool   // has diagram data
	StartForm   bool
	Suspended   bool
	// Signals and Messages name the events that start an instance.
	Signals, Messages []string
}

// InstanceKind says what an instance is for.
type InstanceKind int

// The kinds. They are numbers in databases: append, never reorder.
const (
	Forward  InstanceKind = iota + 1 // runs a model
	Rollback                         // undoes another instance's work
	Canceling
	Deleting
)

// InstanceStatus says how an instance stands.
type InstanceStatus int

// The statuses. They are numbers in databases: append, never reorder.
const (
	Running        InstanceStatus = iota + 1
	Debugging                     // a task failed in debug mode
	Undoing                       // failed; its rollback runs
	RollbackFailed                // an undo of its rollback failed; it can be resumed
	Completed                     // reached its end
	Failed                        // failed, and rolled back
	Canceled                      // cancelled, by an operator or a client
	CancelingNow                  // its cancel process runs
	DeletingNow                   // ended; its delete process runs
	Deleted                       // its delete process is done
	DeleteFailed                  // an undo of its delete process failed; it can be resumed
)

// Instance is a process instance. It is kept when it has ended.
type Instance struct {
	ID, Root       string // Root is the outermost instance; its own id for that
	SuperExecution string // the caller's execution; "" for none
	SuperInstance  string // the caller's instance, which is history's; "" for none
	Definition     string // id
	Key            string // of the definition
	Kind           InstanceKind
	Status         InstanceStatus
	BusinessKey    string // "" for none
	Name           string
	Tenant         string
	Suspended      bool
	Debug          bool
	Mock           bool
	StartUser      string
	StartActivity  string
	StartTime      time.Time
	EndTime        time.Time // zero while it runs
	EndActivity    string
	DeleteReason   string
	Reason         string // why it failed
	// Of is the instance that a rollback, cancel or delete process works on;
	// Rollback, Cancel and Delete are the processes that worked on this one.
	Of, Rollback, Cancel, Delete string

	Content json.RawMessage // start variables as given, nil for none
	Outputs json.RawMessage // by the output template, nil for none
	State   json.RawMessage // the runtime's own, nil for none
	Seq     int             // counts executions made
}

// Ended reports whether the instance is history.
func (i *Instance) Ended() bool { return !i.EndTime.IsZero() }

// ExecutionKind says what an execution is in the tree. Numbers in databases.
type ExecutionKind int

// The kinds.
const (
	RootExecution  ExecutionKind = iota + 1
	Token                        // walks
	ScopeExecution               // an embedded subprocess
	BoundaryExecution
	MultiRoot // of a multi-instance activity
)

// Execution is a node of an instance's tree.
type Execution struct {
	ID, Instance, Root string

	Parent   string // "" for the root
	Activity string // "" for the root
	Kind     ExecutionKind
	Active   bool
	Scope    bool
	Seq      int             // order of making in the instance
	Entered  time.Time       // the activity
	State    json.RawMessage // the runtime's own, nil for none
}

// ExecutionView is an execution as a list shows it.
type ExecutionView struct {
	Execution

	SuperExecution string // of a root that was called
	Tenant         string
	Suspended      bool
}

// VariableKey names a variable: its owner is an execution or a user task.
type VariableKey struct{ Owner, Name string }

// Variable is a variable. Type is what clients see; Kind, Key and Fold are what
// conditions compare: two values are equal if Type and Key are, and they are
// comparable if Kind is; Fold is Key without regard to case, "" for a value
// that is no text.
type Variable struct {
	VariableKey

	Instance        string
	Type, Kind      string
	Key, Fold       string // at most 300 bytes
	Size            int    // of Data, in bytes; a write with another one is [ErrRejected]
	Data            []byte
	Created, Update time.Time
}

// SubscriptionKind says what is waited for. Numbers in databases.
type SubscriptionKind int

// The kinds.
const (
	Signal SubscriptionKind = iota + 1
	Message
)

// Subscription is an execution that waits for a signal or a message.
type Subscription struct {
	ID, Execution, Instance, Root string

	Kind     SubscriptionKind
	Name     string
	Activity string
	Tenant   string
	// Inner says that only the own instance delivers it (a signal of scope processInstance).
	Inner   bool
	Created time.Time
}

// JobKind says what a job is. Numbers in databases.
type JobKind int

// The kinds.
const (
	TimerJob JobKind = iota + 1
	AsyncJob         // goes on in the background
	StoneJob         // a task of a stone; its id is the task's id and taskId
	// ExternalJob is a stone's task that workers may take over REST too.
	ExternalJob
)

// Job is something that moves an execution later.
type Job struct {
	ID, Execution, Instance, Root string

	Kind        JobKind
	Definition  string
	Activity    string
	Name        string // of the element
	Tenant      string
	Topic       string // of an external job
	Correlation string
	Exclusive   bool
	Due         time.Time // zero for none
	Repeat      string    // of a timer: what is left of its cycle
	Retries     int
	LockOwner   string
	LockUntil   time.Time
	Problem     string
	Details     string
	Created     time.Time
	State       json.RawMessage // the runtime's own, nil for none
}

// UserTask is work of a person.
type UserTask struct {
	ID, Execution, Instance, Root string

	Definition  string
	Key         string // the element's id
	Name        string
	Description string
	Assignee    string
	Owner       string
	Delegation  string // "", pending or resolved
	Priority    int
	Category    string
	FormKey     string
	Tenant      string
	Due         time.Time
	Created     time.Time
	Users       []string // candidates
	Groups      []string // candidates
}

// UserTaskView is a user task as a list shows it.
type UserTaskView struct {
	UserTask

	Suspended bool
}

// Activity is a finished activity, for history and rollback.
type Activity struct {
	Instance  string
	Number    int64 // the store's; order of finishing
	Execution string
	Activity  string
	Type      string // as in BPMN, such as serviceTask
	Name      string
	Task      string // id of the stone's or user's task, "" for none
	Called    string // instance of a call activity
	Assignee  string
	Start     time.Time
	End       time.Time
	Reason    string // why it was left other than by its end, "" for its end
}
