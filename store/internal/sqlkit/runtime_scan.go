package sqlkit

import (
	"encoding/json"
	"time"

	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// EndFields are what [TaskEnd] reads, of table runtime_end.
const EndFields = `number, task, instance, epoch, status, occasion, time`

// TaskEnd reads an end.
func TaskEnd(r Row) store.TaskEnd {
	return store.TaskEnd{Number: int64(r.Int()), Task: r.ID(), Instance: r.Text(), Epoch: r.Int(),
		Status: task.Status(r.Int()), Occasion: store.Occasion(r.Int()), Time: r.Time()} //nolint:gosec // a status that was written
}

// Deployment reads the columns of [Deployments].
func Deployment(r Row) store.Deployment {
	return store.Deployment{ID: r.Text(), Name: r.Text(), Key: r.Text(), Category: r.Text(), Tenant: r.Text(), Parent: r.Text(), Time: r.Time()}
}

// Definition reads the columns of [Definitions].
func Definition(r Row) store.Definition {
	d := store.Definition{ID: r.Text(), Key: r.Text(), Version: r.Int(), Name: r.Text(), Description: r.Text(), Category: r.Text(),
		Tenant: r.Text(), Deployment: r.Text(), Resource: r.Text()}
	d.Graphical, d.StartForm, d.Suspended = r.Bool(), r.Bool(), r.Bool()
	d.Signals, d.Messages = nameList(r), nameList(r)
	return d
}

// Instance reads the columns of [Instances].
func Instance(r Row) store.Instance {
	i := store.Instance{ID: r.Text(), Root: r.Text(), SuperExecution: r.Text(), SuperInstance: r.Text(), Definition: r.Text(), Key: r.Text(),
		Kind: store.InstanceKind(r.Int()), Status: store.InstanceStatus(r.Int()), BusinessKey: r.Text(), Name: r.Text(), Tenant: r.Text()}
	i.Suspended, i.Debug, i.Mock = r.Bool(), r.Bool(), r.Bool()
	i.StartUser, i.StartActivity, i.StartTime, i.EndTime = r.Text(), r.Text(), r.Time(), r.Time()
	i.EndActivity, i.DeleteReason, i.Reason = r.Text(), r.Text(), r.Text()
	i.Of, i.Rollback, i.Cancel, i.Delete = r.Text(), r.Text(), r.Text(), r.Text()
	i.Content, i.Outputs, i.State, i.Seq = r.Raw(), r.Raw(), r.Raw(), r.Int()
	return i
}

// Execution reads the columns of [Executions].
func Execution(r Row) store.Execution {
	return store.Execution{ID: r.Text(), Instance: r.Text(), Root: r.Text(), Parent: r.Text(), Activity: r.Text(),
		Kind: store.ExecutionKind(r.Int()), Active: r.Bool(), Scope: r.Bool(), Seq: r.Int(), Entered: r.Time(), State: r.Raw()}
}

// ExecutionView reads the columns of [Executions], and of the instance
// super_execution, tenant and suspended.
func ExecutionView(r Row) store.ExecutionView {
	v := store.ExecutionView{Execution: Execution(r), SuperExecution: r.Text(), Tenant: r.Text(), Suspended: r.Bool()}
	if v.ID != v.Instance {
		v.SuperExecution = ""
	}
	return v
}

// Variable reads the columns of [Variables].
func Variable(r Row) store.Variable {
	return store.Variable{VariableKey: store.VariableKey{Owner: r.Text(), Name: r.Text()}, Instance: r.Text(), Type: r.Text(), Kind: r.Text(),
		Key: r.Text(), Fold: r.Text(), Size: r.Int(), Created: r.Time(), Update: r.Time(), Data: r.Raw()}
}

// Subscription reads the columns of [Subscriptions].
func Subscription(r Row) store.Subscription {
	return store.Subscription{ID: r.Text(), Execution: r.Text(), Instance: r.Text(), Root: r.Text(), Kind: store.SubscriptionKind(r.Int()),
		Name: r.Text(), Activity: r.Text(), Tenant: r.Text(), Inner: r.Bool(), Created: r.Time()}
}

// Job reads the columns of [Jobs].
func Job(r Row) store.Job {
	j := store.Job{ID: r.Text(), Execution: r.Text(), Instance: r.Text(), Root: r.Text(), Kind: store.JobKind(r.Int()), Definition: r.Text(),
		Activity: r.Text(), Name: r.Text(), Tenant: r.Text(), Topic: r.Text(), Correlation: r.Text(), Exclusive: r.Bool()}
	j.Due, j.Repeat, j.Retries, j.LockOwner, j.LockUntil = laterTime(r), r.Text(), r.Int(), r.Text(), laterTime(r)
	j.Problem, j.Details, j.Created, j.State = r.Text(), r.Text(), r.Time(), r.Raw()
	return j
}

// UserTask reads the columns of [UserTasks].
func UserTask(r Row) store.UserTask {
	t := store.UserTask{ID: r.Text(), Execution: r.Text(), Instance: r.Text(), Root: r.Text(), Definition: r.Text(), Key: r.Text(),
		Name: r.Text(), Description: r.Text(), Assignee: r.Text(), Owner: r.Text(), Delegation: r.Text(), Priority: r.Int()}
	t.Category, t.FormKey, t.Tenant, t.Due, t.Created = r.Text(), r.Text(), r.Text(), r.Time(), r.Time()
	t.Users, t.Groups = nameList(r), nameList(r)
	return t
}

// UserTaskView reads the columns of [UserTasks], and whether the instance is suspended.
func UserTaskView(r Row) store.UserTaskView {
	return store.UserTaskView{UserTask: UserTask(r), Suspended: r.Bool()}
}

// Activity reads the number and the columns of [Activities].
func Activity(r Row) store.Activity {
	return store.Activity{Number: int64(r.Int()), Instance: r.Text(), Execution: r.Text(), Activity: r.Text(), Type: r.Text(), Name: r.Text(),
		Task: r.Text(), Called: r.Text(), Assignee: r.Text(), Start: r.Time(), End: r.Time(), Reason: r.Text()}
}

// laterTime reads what timeOrFirst wrote.
func laterTime(r Row) time.Time {
	t := r.Time()
	if t.Equal(AtOnce()) {
		return time.Time{}
	}
	return t
}

func nameList(r Row) (names []string) {
	if raw := r.Raw(); raw != nil {
		_ = json.Unmarshal(raw, &names) // it was written from names
	}
	return names
}
