package storetest

import (
	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/internal/sqlkit"
)

// PlannedList is a list of which a database must be able to make use of its indexes.
type PlannedList struct {
	sqlkit.Listing

	Name    string
	Covered bool // its matches are counted by indexes alone
	Ordered bool // its pages are read off an index in their order
}

// PlannedLists are lists of the runtime as a dialect asks for them. None of them
// may go through a table.
func PlannedLists(l sqlkit.RuntimeLists) (all []PlannedList, err error) {
	add := func(name string, covered, ordered bool) func(sqlkit.Listing, error) {
		return func(q sqlkit.Listing, failed error) {
			if failed != nil {
				err = failed
			}
			all = append(all, PlannedList{q, name, covered, ordered})
		}
	}
	planExecutions(l, add)
	planInstances(l, add)
	planProcesses(l, add)
	planWork(l, add)
	return all, err
}

type adder func(name string, covered, ordered bool) func(sqlkit.Listing, error)

func planExecutions(l sqlkit.RuntimeLists, add adder) {
	for _, c := range []struct {
		name             string
		covered, ordered bool
		f                store.ExecutionFilter
	}{
		{"all", true, true, store.ExecutionFilter{}},
		{"by definition", true, true, store.ExecutionFilter{Paging: sorted("definition")}},
		{"by key", true, true, store.ExecutionFilter{Paging: sorted("key")}},
		{"by tenant", true, true, store.ExecutionFilter{Paging: sorted("tenant")}},
		{"definition", true, true, store.ExecutionFilter{Definition: "d"}},
		{"key", true, true, store.ExecutionFilter{Key: "k"}},
		{"activity", true, true, store.ExecutionFilter{Activity: "a"}},
		{"activity and key", false, false, store.ExecutionFilter{Activity: "a", Key: "k"}},
		{"activity and definition", true, false, store.ExecutionFilter{Activity: "a", Definition: "d"}},
		{"tenant", true, true, store.ExecutionFilter{TenantFilter: store.TenantFilter{Tenant: new("t")}}},
		{"instance", true, false, store.ExecutionFilter{Instance: "i"}},
		{"parent", false, false, store.ExecutionFilter{Parent: "p"}},
		{"business key", false, false, store.ExecutionFilter{BusinessKey: "b"}},
		{"signal", true, true, store.ExecutionFilter{Signal: "s"}},
		{"message and key", false, false, store.ExecutionFilter{Message: "s", Key: "k"}},
		{"variable", true, true, store.ExecutionFilter{Variables: city(store.Equals)}},
		{"root", true, false, store.ExecutionFilter{RootVars: city(store.Equals)}},
		{"root and definition", false, false, store.ExecutionFilter{RootVars: city(store.Equals), Definition: "d"}},
	} {
		c.f.Size = tenPage.Size
		add("executions: "+c.name, c.covered, c.ordered)(l.Executions(&c.f))
	}
}

// planInstances are those that run, as Flowable lists them, and its history.
func planInstances(l sqlkit.RuntimeLists, add adder) {
	for _, c := range []struct {
		name    string
		covered bool
		f       store.InstanceFilter
	}{
		{"all", true, store.InstanceFilter{}},
		{"key", true, store.InstanceFilter{Key: "k"}},
		{"definition", true, store.InstanceFilter{Definition: "d"}},
		{"name", false, store.InstanceFilter{Name: "n"}},
		{"started by", false, store.InstanceFilter{StartedBy: "u"}},
		{"suspended", true, store.InstanceFilter{Suspended: new(bool)}},
		{"tenant", true, store.InstanceFilter{TenantFilter: store.TenantFilter{Tenant: new("t")}}},
	} {
		c.f.Size, c.f.Ended, c.f.Kinds = tenPage.Size, new(bool), []store.InstanceKind{store.Forward}
		add("running: "+c.name, c.covered, true)(l.Instances(&c.f))
	}
	history := store.InstanceFilter{Paging: tenPage, Kinds: []store.InstanceKind{store.Forward}}
	add("history", true, true)(l.Instances(&history))
	history.Ended = new(true)
	add("finished", true, true)(l.Instances(&history))
	history.Key = "k"
	add("finished: key", false, false)(l.Instances(&history))
}

// planProcesses are those of all kinds, the newest first.
func planProcesses(l sqlkit.RuntimeLists, add adder) {
	for _, c := range []struct {
		name             string
		covered, ordered bool
		f                store.InstanceFilter
	}{
		{"all", true, true, store.InstanceFilter{}},
		{"key", true, true, store.InstanceFilter{Key: "k"}},
		{"type", true, true, store.InstanceFilter{Kinds: []store.InstanceKind{store.Forward}}},
		{"rare type", true, true, store.InstanceFilter{Kinds: []store.InstanceKind{store.Rollback}}},
		{"status", true, true, store.InstanceFilter{Statuses: []store.InstanceStatus{store.Completed}}},
		{"rare status", true, true, store.InstanceFilter{Statuses: []store.InstanceStatus{store.Failed}}},
	} {
		c.f.Paging = sorted("start")
		c.f.CountTo = store.CountLimit + 1
		add("processes: "+c.name, c.covered, c.ordered)(l.Instances(&c.f))
	}
}

// planWork are the lists of user tasks and jobs.
func planWork(l sqlkit.RuntimeLists, add adder) {
	for _, c := range []struct {
		name             string
		covered, ordered bool
		f                store.UserTaskFilter
	}{
		{"all", true, true, store.UserTaskFilter{}},
		{"by created", true, true, store.UserTaskFilter{Paging: sorted("created")}},
		{"by due", true, true, store.UserTaskFilter{Paging: sorted("due")}},
		{"by priority", true, true, store.UserTaskFilter{Paging: sorted("priority")}},
		{"assignee", true, true, store.UserTaskFilter{Assignee: "a"}},
		{"definition key", false, false, store.UserTaskFilter{DefinitionKey: "k"}},
		{"business key", false, false, store.UserTaskFilter{BusinessKey: "b"}},
		{"active", true, false, store.UserTaskFilter{Active: new(true)}},
		{"candidate", true, false, store.UserTaskFilter{CandidateUser: "u"}},
	} {
		c.f.Size = tenPage.Size
		add("user tasks: "+c.name, c.covered, c.ordered)(l.UserTasks(&c.f))
	}
	acquired := store.JobFilter{Paging: store.Paging{Size: 10, Sort: "created", CountTo: 1}, Topic: "t", Acquirable: true, Now: noon,
		Kinds: []store.JobKind{store.ExternalJob}}
	add("jobs: acquirable", false, true)(l.Jobs(&acquired))
	add("jobs: instance", false, false)(l.Jobs(&store.JobFilter{Paging: tenPage, Instance: "i"}))
}
