package sqlkit

import (
	"strconv"
	"strings"

	"github.com/riverstones/riverstones/store"
)

// Table describes a table of the process runtime to both dialects: its columns
// in the order in which rows are written and read.
type Table struct {
	Name    string
	Columns string // by blanks
	Types   string // of the columns, in PostgreSQL's words
	Keys    int    // how many of the first columns are the primary key
	Kept    string // columns that stay as they were written first
}

// The tables. Numbers stand for kinds and statuses of package store.
var (
	Deployments = Table{
		Name: "deployment", Keys: 1,
		Columns: "id name key category tenant parent time",
		Types:   "text text text text text text timestamptz",
	}
	Resources = Table{
		Name: "resource", Keys: 2,
		Columns: "deployment name bytes",
		Types:   "text text bytea",
	}
	Definitions = Table{
		Name: "definition", Keys: 1,
		Columns: "id key version name description category tenant deployment resource graphical start_form suspended signals messages",
		Types:   "text text int4 text text text text text text bool bool bool bytea bytea",
	}
	Instances = Table{
		Name: "instance", Keys: 1,
		Columns: "id root super_execution super_instance definition key kind status business_key name tenant suspended debug mock " +
			"start_user start_activity start_time end_time end_activity delete_reason reason " +
			"works_on rolled_back_by canceled_by deleted_by content outputs state seq",
		Types: "text text text text text text int2 int2 text text text bool bool bool " +
			"text text timestamptz timestamptz text text text text text text text bytea bytea bytea int4",
		Kept: "root super_execution super_instance definition key kind content",
	}
	Executions = Table{
		Name: "execution", Keys: 1,
		Columns: "id instance root parent activity kind active scope seq entered state",
		Types:   "text text text text text int2 bool bool int4 timestamptz bytea",
		Kept:    "instance root seq",
	}
	Variables = Table{
		Name: "variable", Keys: 2,
		Columns: "owner name instance type kind value_key fold size created updated data",
		Types:   "text text text text text text text int8 timestamptz timestamptz bytea",
		Kept:    "instance",
	}
	Subscriptions = Table{
		Name: "subscription", Keys: 1,
		Columns: "id execution instance root kind name activity tenant inner_only created",
		Types:   "text text text text int2 text text text bool timestamptz",
		Kept:    "execution instance root",
	}
	Jobs = Table{
		Name: "job", Keys: 1,
		Columns: "id execution instance root kind definition activity name tenant topic correlation exclusive due repeats retries " +
			"lock_owner lock_until problem details created state",
		Types: "text text text text int2 text text text text text text bool timestamptz text int4 " +
			"text timestamptz text text timestamptz bytea",
		Kept: "instance root",
	}
	UserTasks = Table{
		Name: "user_task", Keys: 1,
		Columns: "id execution instance root definition element name description assignee owner delegation priority category " +
			"form_key tenant due created user_names group_names",
		Types: "text text text text text text text text text text text int4 text " +
			"text text timestamptz timestamptz bytea bytea",
		Kept: "instance root",
	}
	Activities = Table{
		Name:    "activity",
		Columns: "instance execution activity type name task called assignee start_time end_time reason",
		Types:   "text text text text text text text text timestamptz timestamptz text",
	}
	// Candidates are the users and groups who may claim a user task, to be searched.
	Candidates = Table{
		Name: "user_task_candidate", Keys: 3,
		Columns: "task kind name", // [CandidateUser] or [CandidateGroup]
		Types:   "text int2 text",
	}
	// Starts are the events that start instances of definitions, to be searched.
	Starts = Table{
		Name: "definition_start", Keys: 3,
		Columns: "definition kind name", // store.SubscriptionKind
		Types:   "text int2 text",
	}
)

// IsLatest is true of a definition d that no later version has taken over.
const IsLatest = `not exists (select 1 from definition n where n.key = d.key and n.tenant = d.tenant and n.version > d.version)`

// Kinds of [Candidates]. They are numbers in databases.
const (
	CandidateUser  = 1
	CandidateGroup = 2
)

// Width is how many columns there are.
func (t Table) Width() int { return len(strings.Fields(t.Columns)) }

// List returns the columns as a list, of the row with this alias if there is one.
func (t Table) List(alias string) string {
	names := strings.Fields(t.Columns)
	if alias != "" {
		for i := range names {
			names[i] = alias + "." + names[i]
		}
	}
	return strings.Join(names, ", ")
}

// Inline returns the columns of [Variables] with data of no more than
// [store.VariableInline] bytes, as a list.
func Inline() string {
	list := strings.TrimSuffix(Variables.List(""), "data")
	return list + "case when size <= " + strconv.Itoa(store.VariableInline) + " then data end"
}

// Insert returns the statement that appends rows.
func (t Table) Insert(rows string) string {
	return "\ninsert into " + t.Name + " (" + t.List("") + ") " + rows
}

// Upsert returns the statement that inserts rows or puts them in the place of those with their keys.
func (t Table) Upsert(rows string) string { return t.Insert(rows) + t.OnConflict() }

// OnConflict is the part of [Table.Upsert] that replaces a row. A table of
// nothing but keys leaves it alone.
func (t Table) OnConflict() string {
	names := strings.Fields(t.Columns)
	var set []string
	for _, name := range names[t.Keys:] {
		if !strings.Contains(" "+t.Kept+" ", " "+name+" ") {
			set = append(set, name+" = excluded."+name)
		}
	}
	if len(set) == 0 {
		return "\non conflict do nothing"
	}
	return "\non conflict (" + strings.Join(names[:t.Keys], ", ") + ") do update set " + strings.Join(set, ", ")
}

// LastOnly returns c with no row twice, see [Last].
func LastOnly(c *store.RuntimeChanges) *store.RuntimeChanges {
	type resource struct{ deployment, name string }
	out := *c
	out.Deployments = Last(c.Deployments, func(d *store.Deployment) string { return d.ID })
	out.Resources = Last(c.Resources, func(r *store.Resource) resource { return resource{r.Deployment, r.Name} })
	out.Definitions = Last(c.Definitions, func(d *store.Definition) string { return d.ID })
	out.Instances = Last(c.Instances, func(i *store.Instance) string { return i.ID })
	out.Executions = Last(c.Executions, func(e *store.Execution) string { return e.ID })
	out.Variables = Last(c.Variables, func(v *store.Variable) store.VariableKey { return v.VariableKey })
	out.Subscriptions = Last(c.Subscriptions, func(s *store.Subscription) string { return s.ID })
	out.Jobs = Last(c.Jobs, func(j *store.Job) string { return j.ID })
	out.UserTasks = Last(c.UserTasks, func(t *store.UserTask) string { return t.ID })
	return &out
}

// Last returns rows without those that a later one with the same key replaces:
// a statement must not write one row twice.
func Last[T any, K comparable](rows []T, key func(*T) K) []T {
	if len(rows) < 2 { //nolint:mnd // one row is its own last
		return rows
	}
	place := make(map[K]int, len(rows))
	for i := range rows {
		place[key(&rows[i])] = i
	}
	if len(place) == len(rows) {
		return rows
	}
	out := make([]T, 0, len(place))
	for i := range rows {
		if place[key(&rows[i])] == i {
			out = append(out, rows[i])
		}
	}
	return out
}
