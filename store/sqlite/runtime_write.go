package sqlite

import (
	"context"
	"slices"

	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/internal/sqlkit"
)

var (
	putDeployments   = upsert(sqlkit.Deployments)
	putResources     = upsert(sqlkit.Resources)
	putDefinitions   = upsert(sqlkit.Definitions)
	putInstances     = upsert(sqlkit.Instances)
	putVariables     = upsert(sqlkit.Variables)
	putSubscriptions = upsert(sqlkit.Subscriptions)
	putJobs          = upsert(sqlkit.Jobs)
	putUserTasks     = upsert(sqlkit.UserTasks)
	putCandidates    = upsert(sqlkit.Candidates)
	putStarts        = upsert(sqlkit.Starts)
	insertActivities = &bulk{sql: sqlkit.Activities.Insert("values %s"), width: sqlkit.Activities.Width()}

	// SQLite names the columns of values column1 and so on.
	putExecutions = &bulk{`
insert into execution (` + sqlkit.Executions.List("") + `, definition, key, tenant)
select u.*, i.definition, i.key, i.tenant from (values %s) as u left join instance i on i.id = u.column2 where true` +
		sqlkit.Executions.OnConflict(), sqlkit.Executions.Width()}

	dropCandidates    = drop(`delete from user_task_candidate where task in (values %s)`)
	dropStarts        = drop(`delete from definition_start where definition in (values %s)`)
	dropExecutions    = drop(`delete from execution where id in (values %s)`)
	dropVariables     = &bulk{`delete from variable where (owner, name) in (values %s)`, 2}
	dropVariablesOf   = drop(`delete from variable where owner in (values %s)`)
	dropSubscriptions = drop(`delete from subscription where id in (values %s)`)
	dropJobs          = drop(`delete from job where id in (values %s)`)
	dropUserTasks     = drop(`delete from user_task where id in (values %s)`)
	dropEnds          = drop(`delete from runtime_end where number in (values %s)`)

	dropInstances = []*bulk{
		drop(`delete from user_task_candidate where task in (select id from user_task where instance in (values %s))`),
		drop(`delete from user_task where instance in (values %s)`),
		drop(`delete from job where instance in (values %s)`),
		drop(`delete from subscription where instance in (values %s)`),
		drop(`delete from variable where instance in (values %s)`),
		drop(`delete from execution where instance in (values %s)`),
		drop(`delete from activity where instance in (values %s)`),
		drop(`delete from instance where id in (values %s)`),
	}
	dropDeployments = []*bulk{
		drop(`delete from definition_start where definition in (select id from definition where deployment in (values %s))`),
		drop(`delete from definition where deployment in (values %s)`),
		drop(`delete from resource where deployment in (values %s)`),
		drop(`delete from deployment where id in (values %s)`),
	}
)

// runtimeWriting are the statements of steps, prepared on the writing connection.
var runtimeWriting = slices.Concat([]*bulk{
	loadInstance, loadExecutions, loadVariables, loadSubscriptions, loadJobs, loadUserTasks, selectStandings,
	putDeployments, putResources, putDefinitions, putInstances, putExecutions, putVariables, putSubscriptions, putJobs, putUserTasks,
	putCandidates, putStarts, insertActivities, dropCandidates, dropStarts, dropExecutions, dropVariables, dropVariablesOf,
	dropSubscriptions, dropJobs, dropUserTasks, dropEnds}, dropInstances, dropDeployments)

func upsert(t sqlkit.Table) *bulk { return &bulk{t.Upsert("values %s"), t.Width()} }

func drop(text string) *bulk { return &bulk{text, 1} }

// Write writes what changed.
func (tx *stepTx) Write(ctx context.Context, c *store.RuntimeChanges) error {
	if tx.failed != nil {
		return tx.failed
	}
	ctx, c = context.WithoutCancel(ctx), sqlkit.LastOnly(c)
	for _, write := range []func(context.Context, *store.RuntimeChanges) error{tx.writeModels, tx.writeRows, tx.drop, tx.publish} {
		if err := write(ctx, c); err != nil {
			return named("write", tx.note(err))
		}
	}
	return nil
}

// changes writes kind after kind of row, and stops at the first error.
type changes struct {
	tx  *recording
	err error
}

func change[T any](ctx context.Context, c *changes, b *bulk, rows []T, write func(sqlkit.Writer, *T) error) {
	if c.err == nil && len(rows) > 0 {
		_, c.err = put(ctx, c.tx, b, rows, write)
	}
}

// writeModels writes what deployments bring.
func (tx *stepTx) writeModels(ctx context.Context, c *store.RuntimeChanges) error {
	w := &changes{tx: tx.recording}
	change(ctx, w, putDeployments, c.Deployments, sqlkit.PutDeployment)
	change(ctx, w, putResources, c.Resources, sqlkit.PutResource)
	change(ctx, w, putDefinitions, c.Definitions, sqlkit.PutDefinition)
	change(ctx, w, dropStarts, sqlkit.DefinitionIDs(c.Definitions), sqlkit.PutKey)
	change(ctx, w, putStarts, sqlkit.StartsOf(c.Definitions), sqlkit.PutStart)
	return w.err
}

// writeRows writes instances, before their executions, and what belongs to them.
func (tx *stepTx) writeRows(ctx context.Context, c *store.RuntimeChanges) error {
	w := &changes{tx: tx.recording}
	change(ctx, w, putInstances, c.Instances, sqlkit.PutInstance)
	change(ctx, w, putExecutions, c.Executions, sqlkit.PutExecution)
	change(ctx, w, putVariables, c.Variables, sqlkit.PutVariable)
	change(ctx, w, putSubscriptions, c.Subscriptions, sqlkit.PutSubscription)
	change(ctx, w, putJobs, c.Jobs, sqlkit.PutJob)
	change(ctx, w, putUserTasks, c.UserTasks, sqlkit.PutUserTask)
	change(ctx, w, dropCandidates, sqlkit.UserTaskIDs(c.UserTasks), sqlkit.PutKey)
	change(ctx, w, putCandidates, sqlkit.CandidatesOf(c.UserTasks), sqlkit.PutCandidate)
	change(ctx, w, insertActivities, c.Activities, sqlkit.PutActivity)
	return w.err
}

func (tx *stepTx) drop(ctx context.Context, c *store.RuntimeChanges) error {
	w := &changes{tx: tx.recording}
	change(ctx, w, dropVariables, c.DropVariables, sqlkit.PutVariableKey)
	change(ctx, w, dropExecutions, c.DropExecutions, sqlkit.PutKey)
	change(ctx, w, dropSubscriptions, c.DropSubscriptions, sqlkit.PutKey)
	change(ctx, w, dropJobs, c.DropJobs, sqlkit.PutKey)
	change(ctx, w, dropEnds, c.Heard, sqlkit.PutNumber)
	for _, b := range []*bulk{dropVariablesOf, dropCandidates, dropUserTasks} {
		change(ctx, w, b, c.DropUserTasks, sqlkit.PutKey)
	}
	for _, b := range dropInstances {
		change(ctx, w, b, c.DropInstances, sqlkit.PutKey)
	}
	for _, b := range dropDeployments {
		change(ctx, w, b, c.DropDeployments, sqlkit.PutKey)
	}
	return w.err
}

// publish records new tasks whose ends the runtime is told of.
func (tx *stepTx) publish(ctx context.Context, c *store.RuntimeChanges) error {
	if len(c.Publish) == 0 {
		return nil
	}
	tasks := sqlkit.Delayed(c.Publish)
	if err := all(put(ctx, tx.recording, delayTasks, tasks.New, sqlkit.PutDelayed(c.Publish))); err != nil {
		return err
	}
	if err := tx.name(ctx, tasks.New); err != nil {
		return err
	}
	if err := some(put(ctx, tx.recording, putCallbacks, sqlkit.ToRuntime(tasks.New), sqlkit.PutCallback)); err != nil {
		return err
	}
	tasks.New = nil
	return tx.write(ctx, tasks, nil)
}
