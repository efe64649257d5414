package store

import "time"

// Paging selects a part of a list.
type Paging struct {
	Start, Size int // Size 0 gives no rows and the true total
	// Sort is a name that the filter's doc lists; the first one is the default.
	// Any other is an error.
	Sort       string
	Descending bool
	// CountTo is where counting what matches ends: a total of this many says
	// that there may be more. 0 counts all, which takes the longer the more match.
	CountTo int
}

// TenantFilter selects by tenant; fields that are zero select nothing away.
type TenantFilter struct {
	Tenant  *string // equal; "" is none
	Like    string  // SQL LIKE with % and _, case-sensitive
	Without bool
}

// DeploymentFilter sorts by id, name, time, tenant.
type DeploymentFilter struct {
	Paging
	TenantFilter

	ID, Name, NameLike, Key string
}

// DefinitionFilter sorts by name, id, key, category, version, deployment, tenant.
type DefinitionFilter struct {
	Paging
	TenantFilter

	ID, Key, KeyLike, Name, NameLike, Category, Deployment, Resource string

	Version   int // 0 for all
	Latest    bool
	Suspended *bool
}

// InstanceFilter sorts by id, definition, key, start, end, duration, business, tenant.
type InstanceFilter struct {
	Paging
	TenantFilter

	ID, Key, Definition, BusinessKey, SuperInstance, SubInstance, Name, StartedBy string

	IDs           []string // any of them; nil selects nothing away
	Deployment    string
	Kinds         []InstanceKind
	Statuses      []InstanceStatus
	Suspended     *bool
	Ended         *bool
	StartedAfter  time.Time
	StartedBefore time.Time
	EndedAfter    time.Time
	EndedBefore   time.Time
	Variables     []Condition // of the root
}

// ExecutionFilter sorts by id, definition, key, tenant; only running instances
// have executions.
type ExecutionFilter struct {
	Paging
	TenantFilter

	ID, Parent, Instance, Key, Definition string

	Instances   []string // any of them; nil selects nothing away
	Activity    string   // only where it is active
	BusinessKey string   // of roots only
	Signal      string   // subscribed
	Message     string   // subscribed
	Variables   []Condition
	RootVars    []Condition // of the root of its instance
}

// Operation compares variables.
type Operation int

// The operations; see the executions contract.
const (
	Equals Operation = iota + 1
	NotEquals
	EqualsFold
	NotEqualsFold
)

// Condition is true of a variable with this name ("" for any, with Equals).
// Equals compares Type and Key, EqualsFold Fold; NotEquals finds a variable
// whose Kind or Key differs, NotEqualsFold one whose Fold does.
type Condition struct {
	Name                  string
	Operation             Operation
	Type, Kind, Key, Fold string
}

// UserTaskFilter sorts by id, name, priority, created, due, execution, instance,
// assignee, owner, tenant.
type UserTaskFilter struct {
	Paging
	TenantFilter

	ID, Name, NameLike, Assignee, Owner, CandidateUser, Execution, Instance, Key, Definition, DefinitionKey, BusinessKey string

	CandidateGroups []string // any of them; nil selects nothing away
	Unassigned      bool
	Active          *bool // not suspended
}

// JobFilter sorts by id, due, created.
type JobFilter struct {
	Paging
	TenantFilter

	ID, Instance, Execution, Definition, Activity, Topic, Owner string

	Kinds      []JobKind
	Locked     *bool // at Now
	Dead       *bool // no retries left
	Acquirable bool  // due, not locked at Now, retries left, instance not suspended
	Lapsed     bool  // of a topic, and with an owner whose lock has run out at Now
	Now        time.Time
}
