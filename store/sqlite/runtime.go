package sqlite

import (
	"context"
	"errors"
	"fmt"

	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/internal/sqlkit"
)

// stepTx is a step's part of a transaction.
type stepTx struct {
	*recording

	failed error // what the database refused: the step can not go on
}

var _ store.RuntimeTx = (*stepTx)(nil)

var (
	loadInstance = &bulk{`
select ` + sqlkit.Instances.List("") + ` from instance where id in (values %s)`, 1}
	loadExecutions = &bulk{`
select ` + sqlkit.Executions.List("") + ` from execution where instance in (values %s) order by seq`, 1}
	loadVariables = &bulk{`
select ` + sqlkit.Inline() + ` from variable where instance in (values %s) order by owner, name`, 1}
	loadSubscriptions = &bulk{`
select ` + sqlkit.Subscriptions.List("") + ` from subscription where instance in (values %s) order by id`, 1}
	loadJobs = &bulk{`
select ` + sqlkit.Jobs.List("") + ` from job where instance in (values %s) order by id`, 1}
	loadUserTasks = &bulk{`
select ` + sqlkit.UserTasks.List("") + ` from user_task where instance in (values %s) order by id`, 1}

	selectStandings = &bulk{`
select ` + sqlkit.StateColumns + `, coalesce((select p.debug from process p where p.id = task.process_id), 0)
from task where id in (values %s)`, 1}

	selectData = `
select data from variable where owner = ? and name = ?`

	selectSubscribed = `
select ` + sqlkit.Subscriptions.List("s") + ` from subscription s join instance i on i.id = s.instance
where s.kind = ?1 and s.name = ?2 and (?3 is null or s.tenant = ?3) and not i.suspended
order by s.root, s.execution, s.id`
)

// ownerOf are the queries of Owner.
var ownerOf = map[store.Entity]string{
	store.OfInstance:  `select id from instance where id = ?`,
	store.OfExecution: `select instance from execution where id = ?`,
	store.OfUserTask:  `select instance from user_task where id = ?`,
	store.OfJob:       `select instance from job where id = ?`,
}

// stepping are prepared on the writing connection.
var stepping = []string{savepoint, releaseSavepoint, rollbackSavepoint,
	selectData, selectSubscribed,
	ownerOf[store.OfInstance], ownerOf[store.OfExecution], ownerOf[store.OfUserTask], ownerOf[store.OfJob],
	selectDefinition, selectLatest, selectStarts, selectUsers, selectActivities,
	putDebug, selectWanted}

// note keeps an error of the database, so that the step is not committed.
func (tx *stepTx) note(err error) error {
	if err != nil {
		tx.failed = err
	}
	return err
}

// all runs a query of which every row is wanted.
func (tx *stepTx) all(ctx context.Context, query string, read func(*row), args ...any) error {
	if tx.failed != nil {
		return tx.failed
	}
	return tx.note(tx.ask(context.WithoutCancel(ctx), query, read, args...))
}

// one runs a query of one row; [store.ErrNotFound].
func (tx *stepTx) one(ctx context.Context, query string, read func(*row), args ...any) error {
	found := false
	err := tx.all(ctx, query, func(r *row) { found = true; read(r) }, args...)
	if err == nil && !found {
		return store.ErrNotFound
	}
	return err
}

// Lock does nothing: there is no other transaction.
func (tx *stepTx) Lock(context.Context, string) error { return nil }

// Owner returns the instance.
func (tx *stepTx) Owner(ctx context.Context, of store.Entity, id string) (instance string, err error) {
	err = tx.one(ctx, ownerOf[of], func(r *row) { instance = r.Text() }, sqlkit.Text(id))
	return instance, named("owner", err)
}

// Load returns a whole instance.
func (tx *stepTx) Load(ctx context.Context, instanceID string) (*store.Process, error) {
	all, err := tx.Open(ctx, instanceID)
	if err == nil && len(all) == 0 {
		err = named("load instance", store.ErrNotFound)
	}
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// Open loads instances.
func (tx *stepTx) Open(ctx context.Context, instanceIDs ...string) ([]*store.Process, error) {
	var all sqlkit.Loading
	var ids values
	for _, id := range instanceIDs {
		ids.Text(sqlkit.Text(id))
	}
	for _, part := range []struct {
		query *bulk
		read  func(*row)
	}{
		{loadInstance, func(r *row) { all.Instance(r) }},
		{loadExecutions, func(r *row) { all.Execution(r) }},
		{loadVariables, func(r *row) { all.Variable(r) }},
		{loadSubscriptions, func(r *row) { all.Subscription(r) }},
		{loadJobs, func(r *row) { all.Job(r) }},
		{loadUserTasks, func(r *row) { all.UserTask(r) }},
	} {
		if err := tx.any(ctx, part.query, ids, part.read); err != nil {
			return nil, named("load instance", err)
		}
	}
	return all.Processes(), nil
}

// Tasks returns how tasks stand.
func (tx *stepTx) Tasks(ctx context.Context, ids ...string) (map[string]store.Standing, error) {
	out := make(map[string]store.Standing, len(ids))
	err := tx.any(ctx, selectStandings, idValues(sqlkit.Keys(ids)), func(r *row) {
		st := sqlkit.Standing(r)
		out[st.ID] = st
	})
	return out, named("tasks", err)
}

// any is [stepTx.all] for a set of keys.
func (tx *stepTx) any(ctx context.Context, b *bulk, keys values, read func(*row)) error {
	if tx.failed != nil {
		return tx.failed
	}
	return tx.note(tx.query(context.WithoutCancel(ctx), b, keys, read))
}

// Data returns the data of a variable.
func (tx *stepTx) Data(ctx context.Context, owner, name string) (data []byte, err error) {
	err = tx.one(ctx, selectData, func(r *row) { data = r.Raw() }, sqlkit.Text(owner), sqlkit.Text(name))
	return data, named("variable", err)
}

// Subscribed returns where a signal or a message is waited for.
func (tx *stepTx) Subscribed(ctx context.Context, kind store.SubscriptionKind, name string, tenant *string) (out []store.Subscription, err error) {
	err = tx.all(ctx, selectSubscribed, func(r *row) { out = append(out, sqlkit.Subscription(r)) },
		int(kind), sqlkit.Text(name), textOrNull(tenant))
	return out, named("subscribed", err)
}

// Activities returns the finished activities of an instance.
func (tx *stepTx) Activities(ctx context.Context, instanceID string) (out []store.Activity, err error) {
	err = tx.all(ctx, selectActivities, func(r *row) { out = append(out, sqlkit.Activity(r)) }, sqlkit.Text(instanceID))
	return out, named("activities", err)
}

// Command changes a task as [Store.Command] does.
func (tx *stepTx) Command(ctx context.Context, key string, decide func(store.Standing) (*store.Step, error)) (task.Task, error) {
	if tx.failed != nil {
		return task.Task{}, tx.failed
	}
	ctx = context.WithoutCancel(ctx)
	was, err := tx.standing(ctx, key)
	if err != nil {
		return task.Task{}, named("command", tx.noteUnlessMissing(err))
	}
	step, err := decide(was)
	if err != nil {
		return task.Task{}, err
	}
	if err := tx.step(ctx, &was, step); err != nil {
		return task.Task{}, named("command", tx.note(err))
	}
	t, err := tx.task(ctx, was.ID)
	return t, named("command", tx.note(err))
}

func (tx *stepTx) noteUnlessMissing(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return err
	}
	return tx.note(err)
}

// SetDebug sets the debug mode of a process.
func (tx *stepTx) SetDebug(ctx context.Context, processInstanceID string, debug bool) error {
	if tx.failed != nil {
		return tx.failed
	}
	return named("set debug", tx.note(tx.run(context.WithoutCancel(ctx), putDebug, sqlkit.Text(processInstanceID), debug)))
}

func textOrNull(s *string) any {
	if s == nil {
		return nil
	}
	return sqlkit.Text(*s)
}

// named says of which operation an error is; nil for nil.
func named(op string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", op, err)
}
