package postgres

import (
	"context"

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
	insertActivities = statement{"rs_insert_activities", sqlkit.Activities.Insert("select * from unnest(%s)"), sqlkit.Activities.Types}

	putExecutions = statement{"rs_put_executions", `
insert into execution (` + sqlkit.Executions.List("") + `, definition, key, tenant)
select u.*, i.definition, i.key, i.tenant from unnest(%s) as u(` + sqlkit.Executions.List("") + `) left join instance i on i.id = u.instance` +
		sqlkit.Executions.OnConflict(), sqlkit.Executions.Types}

	// It ends the transaction if one of the tasks is known.
	publishTasks = statement{"rs_publish_tasks", `
with written as (
  insert into task (` + sqlkit.NewColumns + `, not_before, timeout) select * from unnest(%s) on conflict do nothing returning 1)
select expect_rows((select count(*) from written), %d)`, delayTasks.types}

	dropCandidates = drop("rs_drop_candidates", `delete from user_task_candidate where task = any(%s)`)
	dropStarts     = drop("rs_drop_starts", `delete from definition_start where definition = any(%s)`)
	dropExecutions = drop("rs_drop_executions", `delete from execution where id = any(%s)`)
	dropVariables  = statement{"rs_drop_variables", `
delete from variable v using unnest(%s) as u(owner, name) where v.owner = u.owner and v.name = u.name`, "text text"}
	dropVariablesOf   = drop("rs_drop_variables_of", `delete from variable where owner = any(%s)`)
	dropSubscriptions = drop("rs_drop_subscriptions", `delete from subscription where id = any(%s)`)
	dropJobs          = drop("rs_drop_jobs", `delete from job where id = any(%s)`)
	dropUserTasks     = drop("rs_drop_user_tasks", `delete from user_task where id = any(%s)`)
	dropEnds          = statement{"rs_drop_ends", `
delete from runtime_end where number = any(%s)`, "int8"}

	dropInstances = []statement{
		drop("rs_drop_instances_user_task_candidate", `delete from user_task_candidate where task in (select id from user_task where instance = any(%s))`),
		drop("rs_drop_instances_user_task", `delete from user_task where instance = any(%s)`),
		drop("rs_drop_instances_job", `delete from job where instance = any(%s)`),
		drop("rs_drop_instances_subscription", `delete from subscription where instance = any(%s)`),
		drop("rs_drop_instances_variable", `delete from variable where instance = any(%s)`),
		drop("rs_drop_instances_execution", `delete from execution where instance = any(%s)`),
		drop("rs_drop_instances_activity", `delete from activity where instance = any(%s)`),
		drop("rs_drop_instances_instance", `delete from instance where id = any(%s)`),
	}
	dropDeployments = []statement{
		drop("rs_drop_deployments_definition_start", `delete from definition_start where definition in (select id from definition where deployment = any(%s))`),
		drop("rs_drop_deployments_definition", `delete from definition where deployment = any(%s)`),
		drop("rs_drop_deployments_resource", `delete from resource where deployment = any(%s)`),
		drop("rs_drop_deployments_deployment", `delete from deployment where id = any(%s)`),
	}
)

func upsert(t sqlkit.Table) statement {
	return statement{"rs_put_" + t.Name, t.Upsert("select * from unnest(%s)"), t.Types}
}

// drop deletes by one set of texts.
func drop(name, text string) statement { return statement{name, text, "text"} }

// Write writes what changed. It goes along with what is asked next, or with
// the commit.
func (tx *stepTx) Write(_ context.Context, c *store.RuntimeChanges) error {
	c = sqlkit.LastOnly(c)
	tx.writeModels(c)
	tx.writeRows(c)
	tx.drop(c)
	tx.publish(c)
	return named("write", tx.failed)
}

// writeModels writes what deployments bring.
func (tx *stepTx) writeModels(c *store.RuntimeChanges) {
	add(tx, putDeployments, c.Deployments, sqlkit.PutDeployment)
	add(tx, putResources, c.Resources, sqlkit.PutResource)
	add(tx, putDefinitions, c.Definitions, sqlkit.PutDefinition)
	add(tx, dropStarts, sqlkit.DefinitionIDs(c.Definitions), sqlkit.PutKey)
	add(tx, putStarts, sqlkit.StartsOf(c.Definitions), sqlkit.PutStart)
}

// writeRows writes instances, before their executions, and what belongs to them.
func (tx *stepTx) writeRows(c *store.RuntimeChanges) {
	add(tx, putInstances, c.Instances, sqlkit.PutInstance)
	add(tx, putExecutions, c.Executions, sqlkit.PutExecution)
	add(tx, putVariables, c.Variables, sqlkit.PutVariable)
	add(tx, putSubscriptions, c.Subscriptions, sqlkit.PutSubscription)
	add(tx, putJobs, c.Jobs, sqlkit.PutJob)
	add(tx, putUserTasks, c.UserTasks, sqlkit.PutUserTask)
	add(tx, dropCandidates, sqlkit.UserTaskIDs(c.UserTasks), sqlkit.PutKey)
	add(tx, putCandidates, sqlkit.CandidatesOf(c.UserTasks), sqlkit.PutCandidate)
	add(tx, insertActivities, c.Activities, sqlkit.PutActivity)
}

func (tx *stepTx) drop(c *store.RuntimeChanges) {
	add(tx, dropVariables, c.DropVariables, sqlkit.PutVariableKey)
	add(tx, dropExecutions, c.DropExecutions, sqlkit.PutKey)
	add(tx, dropSubscriptions, c.DropSubscriptions, sqlkit.PutKey)
	add(tx, dropJobs, c.DropJobs, sqlkit.PutKey)
	add(tx, dropEnds, c.Heard, sqlkit.PutNumber)
	for _, b := range []statement{dropVariablesOf, dropCandidates, dropUserTasks} {
		add(tx, b, c.DropUserTasks, sqlkit.PutKey)
	}
	for _, b := range dropInstances {
		add(tx, b, c.DropInstances, sqlkit.PutKey)
	}
	for _, b := range dropDeployments {
		add(tx, b, c.DropDeployments, sqlkit.PutKey)
	}
}

// publish records new tasks whose ends the runtime is told of.
func (tx *stepTx) publish(c *store.RuntimeChanges) {
	tasks := sqlkit.Delayed(c.Publish)
	unknown := tx.stones.Unknown(tasks.New)
	tx.named = append(tx.named, unknown...)
	add(tx, publishTasks, tasks.New, sqlkit.PutDelayed(c.Publish))
	add(tx, insertAttempts, tasks.Attempts, sqlkit.PutAttempt)
	add(tx, insertTransitions, tasks.Transitions, sqlkit.PutTransition)
	add(tx, insertOutbox, tasks.Outbox, sqlkit.PutOutgoing)
	add(tx, insertStones, unknown, sqlkit.PutCode)
	add(tx, putCallbacks, sqlkit.ToRuntime(tasks.New), sqlkit.PutCallback)
}
