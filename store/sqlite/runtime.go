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
	loadInstance = `
select ` + sqlkit.Instances.List("") + ` from instance where id = ?`
	loadExecutions = `
select ` + sqlkit.Executions.List("") + ` from execution where instance = ? order by seq`
	loadVariables = `
select ` + sqlkit.Inline() + ` from variable where instance = ? order by owner, name`
	loadSubscriptions = `
select ` + sqlkit.Subscriptions.List("") + ` from subscription where instance = ? order by id`
	loadJobs = `
select ` + sqlkit.Jobs.List("") + ` from job where instance = ? order by id`
	loadUserTasks = `
select ` + sqlkit.UserTasks.List("") + ` from user_task where instance = ? order by id`

	selectData = `
select data from variable where owner = ? and name = ?`

	selectSubscribed = `
select ` + sqlkit.Subscriptions.List("s") + ` from subscription s join instance i on i.id = s.instance
where s.kind = ?1 and s.name = ?2 and (?3 is null or s.tenant = ?3) and not i.suspended
order by s.root, s.execution, s.id`
)

// ownerOf and rootOf are the queries of Owner and Root.
var (
	ownerOf = map[store.Entity]string{
		store.OfInstance:  `select id from instance where id = ?`,
		store.OfExecution: `select instance from execution where id = ?`,
		store.OfUserTask:  `select instance from user_task where id = ?`,
		store.OfJob:       `select instance from job where id = ?`,
	}
	rootOf = map[store.Entity]string{
		store.OfInstance:  `select root from instance where id = ?`,
		store.OfExecution: `select root from execution where id = ?`,
		store.OfUserTask:  `select root from user_task where id = ?`,
		store.OfJob:       `select root from job where id = ?`,
	}
)

// stepping are prepared on the writing connection.
var stepping = []string{savepoint, releaseSavepoint, rollbackSavepoint,
	loadInstance, loadExecutions, loadVariables, loadSubscriptions, loadJobs, loadUserTasks, selectData, selectSubscribed,
	ownerOf[store.OfInstance], ownerOf[store.OfExecution], ownerOf[store.OfUserTask], ownerOf[store.OfJob],
	rootOf[store.OfInstance], rootOf[store.OfExecution], rootOf[store.OfUserTask], rootOf[store.OfJob],
	selectDefinition, selectLatest, selectStarts, selectActivities,
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

// Root returns the outermost instance.
func (tx *stepTx) Root(ctx context.Context, of store.Entity, id string) (root string, err error) {
	err = tx.one(ctx, rootOf[of], func(r *row) { root = r.Text() }, sqlkit.Text(id))
	return root, named("root", err)
}

// Owner returns the instance.
func (tx *stepTx) Owner(ctx context.Context, of store.Entity, id string) (instance string, err error) {
	err = tx.one(ctx, ownerOf[of], func(r *row) { instance = r.Text() }, sqlkit.Text(id))
	return instance, named("owner", err)
}

// Load returns a whole instance.
func (tx *stepTx) Load(ctx context.Context, instanceID string) (*store.Process, error) {
	var p store.Process
	id := sqlkit.Text(instanceID)
	if err := tx.one(ctx, loadInstance, func(r *row) { p.Instance = sqlkit.Instance(r) }, id); err != nil {
		return nil, named("load instance", err)
	}
	for query, read := range map[string]func(*row){
		loadExecutions:    func(r *row) { p.Executions = append(p.Executions, sqlkit.Execution(r)) },
		loadVariables:     func(r *row) { p.Variables = append(p.Variables, sqlkit.Variable(r)) },
		loadSubscriptions: func(r *row) { p.Subscriptions = append(p.Subscriptions, sqlkit.Subscription(r)) },
		loadJobs:          func(r *row) { p.Jobs = append(p.Jobs, sqlkit.Job(r)) },
		loadUserTasks:     func(r *row) { p.UserTasks = append(p.UserTasks, sqlkit.UserTask(r)) },
	} {
		if err := tx.all(ctx, query, read, id); err != nil {
			return nil, named("load instance", err)
		}
	}
	return &p, nil
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
