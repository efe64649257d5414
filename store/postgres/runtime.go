package postgres

import (
	"context"
	"encoding/binary"
	"errors"
	"maps"
	"slices"

	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/internal/sqlkit"
)

var (
	// The rows are sorted before the locks are taken.
	lockTrees = statement{"rs_lock_trees", `
select pg_advisory_xact_lock(hashtextextended(r.root, 0))
from (select distinct root from instance where id = any(%s) order by root) r`, "text"}

	loadInstance = statement{"rs_load_instance", `
select ` + sqlkit.Instances.List("") + ` from instance where id = any(%s)`, "text"}
	loadExecutions = statement{"rs_load_executions", `
select ` + sqlkit.Executions.List("") + ` from execution where instance = any(%s) order by seq`, "text"}
	loadVariables = statement{"rs_load_variables", `
select ` + sqlkit.Inline() + ` from variable where instance = any(%s) order by owner, name`, "text"}
	loadSubscriptions = statement{"rs_load_subscriptions", `
select ` + sqlkit.Subscriptions.List("") + ` from subscription where instance = any(%s) order by id`, "text"}
	loadJobs = statement{"rs_load_jobs", `
select ` + sqlkit.Jobs.List("") + ` from job where instance = any(%s) order by id`, "text"}
	loadUserTasks = statement{"rs_load_user_tasks", `
select ` + sqlkit.UserTasks.List("") + ` from user_task where instance = any(%s) order by id`, "text"}

	selectStandings = statement{"rs_select_standings", `
select ` + sqlkit.StateColumns + `, coalesce((select p.debug from process p where p.id = task.process_id), false)
from task where id = any(%s) order by id for update of task`, "uuid"}

	selectData = statement{"rs_select_data", `
select data from variable where owner = $1 and name = $2`, ""}

	selectSubscribed = statement{"rs_select_subscribed", `
select ` + sqlkit.Subscriptions.List("s") + ` from subscription s join instance i on i.id = s.instance
where s.kind = $1 and s.name = $2 and ($3::text is null or s.tenant = $3) and not i.suspended
order by s.root, s.execution, s.id`, ""}
)

// ownerOf are the queries of Owner.
var ownerOf = map[store.Entity]statement{
	store.OfInstance:  {"rs_owner_of_instance", `select id from instance where id = $1`, ""},
	store.OfExecution: {"rs_owner_of_execution", `select instance from execution where id = $1`, ""},
	store.OfUserTask:  {"rs_owner_of_usertask", `select instance from user_task where id = $1`, ""},
	store.OfJob:       {"rs_owner_of_job", `select instance from job where id = $1`, ""},
}

// runtimeStatements are prepared on each connection of the writing pool.
var runtimeStatements = slices.Concat([]statement{lockName, lockTrees, selectStandings,
	loadInstance, loadExecutions, loadVariables, loadSubscriptions, loadJobs, loadUserTasks, selectData, selectSubscribed,
	selectDefinition, selectLatest, selectStarts, selectUsers, keepKey, retireKeys, stepActivities,
	putDeployments, putResources, putDefinitions, putInstances, putExecutions, putVariables, putSubscriptions, putJobs, putUserTasks,
	putCandidates, putStarts, insertActivities, dropCandidates, dropStarts, dropExecutions, dropVariables, dropVariablesOf,
	dropSubscriptions, dropJobs, dropUserTasks, dropEnds, publishTasks},
	slices.Collect(maps.Values(ownerOf)), dropInstances, dropDeployments)

// Owner returns the instance.
func (tx *stepTx) Owner(ctx context.Context, of store.Entity, id string) (instance string, err error) {
	err = tx.one(ctx, ownerOf[of], func(r *row) { instance = r.Text() }, textParam(id))
	return instance, named("owner", err)
}

// Load returns a whole instance, in one round trip.
func (tx *stepTx) Load(ctx context.Context, instanceID string) (*store.Process, error) {
	all, err := tx.load(ctx, instanceID)
	if err == nil && len(all) == 0 {
		err = store.ErrNotFound
	}
	if err != nil {
		return nil, named("load instance", err)
	}
	return all[0], nil
}

// Open locks trees and loads instances, in one round trip.
func (tx *stepTx) Open(ctx context.Context, instanceIDs ...string) ([]*store.Process, error) {
	tx.queue(lockTrees, textsParam(instanceIDs))
	all, err := tx.load(ctx, instanceIDs...)
	return all, named("open instances", err)
}

func (tx *stepTx) load(ctx context.Context, ids ...string) ([]*store.Process, error) {
	var all sqlkit.Loading
	param := textsParam(ids)
	for _, st := range []statement{loadInstance, loadExecutions, loadVariables, loadSubscriptions, loadJobs, loadUserTasks} {
		tx.queue(st, param)
	}
	err := tx.ask(ctx, func(r *row) { all.Instance(r) }, func(r *row) { all.Execution(r) }, func(r *row) { all.Variable(r) },
		func(r *row) { all.Subscription(r) }, func(r *row) { all.Job(r) }, func(r *row) { all.UserTask(r) })
	return all.Processes(), err
}

// Tasks locks tasks in the order of their ids, and returns how they stand.
func (tx *stepTx) Tasks(ctx context.Context, ids ...string) (map[string]store.Standing, error) {
	out := make(map[string]store.Standing, len(ids))
	err := tx.all(ctx, selectStandings, func(r *row) {
		st := sqlkit.Standing(r)
		out[st.ID] = st
	}, uuidParam(sqlkit.Keys(ids)))
	return out, named("tasks", err)
}

// Data returns the data of a variable.
func (tx *stepTx) Data(ctx context.Context, owner, name string) (data []byte, err error) {
	err = tx.one(ctx, selectData, func(r *row) { data = r.Raw() }, textParam(owner), textParam(name))
	return data, named("variable", err)
}

// Subscribed returns where a signal or a message is waited for.
func (tx *stepTx) Subscribed(ctx context.Context, kind store.SubscriptionKind, name string, tenant *string) (out []store.Subscription, err error) {
	err = tx.all(ctx, selectSubscribed, func(r *row) { out = append(out, sqlkit.Subscription(r)) },
		int2Param(int(kind)), textParam(name), textOrNull(tenant))
	return out, named("subscribed", err)
}

// Activities returns the finished activities of an instance.
func (tx *stepTx) Activities(ctx context.Context, instanceID string) (out []store.Activity, err error) {
	err = tx.all(ctx, stepActivities, func(r *row) { out = append(out, sqlkit.Activity(r)) }, textParam(instanceID))
	return out, named("activities", err)
}

// Command changes a task as [Store.Command] does.
func (tx *stepTx) Command(ctx context.Context, key string, decide func(store.Standing) (*store.Step, error)) (task.Task, error) {
	if tx.failed != nil {
		return task.Task{}, tx.failed
	}
	before := tx.queued
	was, err := tx.standing(ctx, tx.take(), before, key)
	if errors.Is(err, store.ErrNotFound) {
		return task.Task{}, named("command", err)
	}
	if err != nil {
		return task.Task{}, named("command", tx.note(refusal(err)))
	}
	step, err := decide(was)
	if err != nil {
		return task.Task{}, err
	}
	if err := tx.step(ctx, &was, step); err != nil {
		return task.Task{}, named("command", tx.note(err))
	}
	id, err := sqlkit.ParseID(was.ID)
	if err != nil {
		return task.Task{}, named("command", err)
	}
	var t task.Task
	err = tx.one(ctx, selectByOneID, func(r *row) { t = sqlkit.Task(r) }, id[:])
	return t, named("command", err)
}

// SetDebug sets the debug mode of a process.
func (tx *stepTx) SetDebug(_ context.Context, processInstanceID string, debug bool) error {
	if tx.failed == nil {
		tx.queue(putDebug, textParam(processInstanceID), boolParam(debug))
	}
	return tx.failed
}

func textsParam(all []string) []byte {
	a := newArrays("text", len(all))
	for _, s := range all {
		a.Text(sqlkit.Text(s))
	}
	return a.params()[0]
}

func int2Param(v int) []byte {
	return binary.BigEndian.AppendUint16(nil, uint16(v)) //nolint:gosec // two's complement is meant
}
