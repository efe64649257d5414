package openapi_test

import (
	"context"
	"time"

	"github.com/riverstones/riverstones/gateway/client"
)

var (
	somePage    = client.Paging{Start: 1, Size: 2, Descending: true}
	someTenants = client.Tenants{TenantID: "a", TenantIDLike: "a%", WithoutTenantID: true}
	someVars    = []client.Variable{client.StringVariable("a", "b")}
	someFile    = client.File{Name: "order.bpmn20.xml", Bytes: []byte("<definitions/>")}
	someValues  = []client.Condition{{Name: "a", Operation: "equals", Value: []byte("1")}}
)

// flowableCalls are those of Flowable's API.
var flowableCalls = map[string]func(ctx context.Context, c *client.Client, f *client.Flowable){
	"deploy": func(ctx context.Context, _ *client.Client, f *client.Flowable) {
		_, _ = f.Deploy(ctx, client.NewDeployment{Name: "n", Key: "k", Tenant: "t", File: someFile})
	},
	"listDeployments": func(ctx context.Context, _ *client.Client, f *client.Flowable) {
		_, _ = f.Deployments(ctx, client.DeploymentFilter{Tenants: someTenants, ID: "d", Name: "n", NameLike: "n%"}, somePage)
	},
	"getDeployment": func(ctx context.Context, _ *client.Client, f *client.Flowable) { _, _ = f.Deployment(ctx, "d") },
	"deleteDeployment": func(ctx context.Context, _ *client.Client, f *client.Flowable) {
		_ = f.DeleteDeployment(ctx, "d", true)
	},
	"listDefinitions": func(ctx context.Context, _ *client.Client, f *client.Flowable) {
		_, _ = f.Definitions(ctx, client.DefinitionFilter{Tenants: someTenants, Key: "k", KeyLike: "k%", Name: "n", DeploymentID: "d", Version: 1, Latest: true, Suspended: new(bool)}, somePage)
	},
	"getDefinition": func(ctx context.Context, _ *client.Client, f *client.Flowable) { _, _ = f.Definition(ctx, "k:1:a") },
	"startInstance": func(ctx context.Context, _ *client.Client, f *client.Flowable) {
		_, _ = f.StartInstance(ctx, client.NewInstance{ProcessDefinitionKey: "k", BusinessKey: "b", Variables: someVars})
	},
	"queryInstances": func(ctx context.Context, _ *client.Client, f *client.Flowable) {
		_, _ = f.Instances(ctx, client.InstanceQuery{Tenants: someTenants, ProcessDefinitionKey: "k", Variables: someValues}, somePage)
	},
	"getInstance":     func(ctx context.Context, _ *client.Client, f *client.Flowable) { _, _ = f.Instance(ctx, "i") },
	"suspendInstance": func(ctx context.Context, _ *client.Client, f *client.Flowable) { _, _ = f.SuspendInstance(ctx, "i") },
	"deleteInstance":  func(ctx context.Context, _ *client.Client, f *client.Flowable) { _ = f.DeleteInstance(ctx, "i", "why") },
	"listHistory": func(ctx context.Context, _ *client.Client, f *client.Flowable) {
		_, _ = f.History(ctx, client.HistoricFilter{Tenants: someTenants, ProcessInstanceID: "p", BusinessKey: "b", ProcessDefinitionKey: "k", ProcessDefinitionID: "d",
			SuperProcessInstanceID: "s", Finished: new(bool), StartedAfter: time.Now(), StartedBefore: time.Now(), FinishedAfter: time.Now(),
			FinishedBefore: time.Now(), IncludeProcessVariables: true}, somePage)
	},
	"getHistoricInstance": func(ctx context.Context, _ *client.Client, f *client.Flowable) { _, _ = f.HistoricInstance(ctx, "i") },
	"queryExecutions": func(ctx context.Context, _ *client.Client, f *client.Flowable) {
		_, _ = f.Executions(ctx, client.ExecutionQuery{Tenants: someTenants, ActivityID: "a", ProcessInstanceIDs: []string{"i"}, Variables: someValues, ProcessInstanceVariables: someValues}, somePage)
	},
	"getExecution": func(ctx context.Context, _ *client.Client, f *client.Flowable) { _, _ = f.Execution(ctx, "e") },
	"actOnExecution": func(ctx context.Context, _ *client.Client, f *client.Flowable) {
		_, _ = f.Act(ctx, "e", client.ExecutionAction{Action: client.ActionMessage, MessageName: "m", Variables: someVars, TransientVariables: someVars})
	},
	"listActivities": func(ctx context.Context, _ *client.Client, f *client.Flowable) { _, _ = f.ActiveActivities(ctx, "e") },
	"broadcastSignal": func(ctx context.Context, _ *client.Client, f *client.Flowable) {
		_ = f.BroadcastSignal(ctx, "go", someVars...)
	},
	"sendSignal": func(ctx context.Context, _ *client.Client, f *client.Flowable) {
		_ = f.Signal(ctx, client.NewSignal{SignalName: "go"})
	},

	"listExecutionVariables": func(ctx context.Context, _ *client.Client, f *client.Flowable) {
		_, _ = f.ExecutionVariables("e").List(ctx, "local")
	},
	"createExecutionVariables": func(ctx context.Context, _ *client.Client, f *client.Flowable) {
		_, _ = f.ExecutionVariables("e").Create(ctx, someVars...)
	},
	"putExecutionVariables": func(ctx context.Context, _ *client.Client, f *client.Flowable) {
		_, _ = f.ExecutionVariables("e").Put(ctx, someVars...)
	},
	"deleteExecutionVariables": func(ctx context.Context, _ *client.Client, f *client.Flowable) {
		_ = f.ExecutionVariables("e").DeleteAll(ctx)
	},
	"getExecutionVariable": func(ctx context.Context, _ *client.Client, f *client.Flowable) {
		_, _ = f.ExecutionVariables("e").Get(ctx, "a b", "local")
	},
	"updateExecutionVariable": func(ctx context.Context, _ *client.Client, f *client.Flowable) {
		_, _ = f.ExecutionVariables("e").Update(ctx, someVars[0])
	},
	"deleteExecutionVariable": func(ctx context.Context, _ *client.Client, f *client.Flowable) {
		_ = f.ExecutionVariables("e").Delete(ctx, "a", "local")
	},
	"getExecutionVariableData": func(ctx context.Context, _ *client.Client, f *client.Flowable) {
		_, _ = f.ExecutionVariables("e").Data(ctx, "a", "local")
	},

	"listInstanceVariables": func(ctx context.Context, _ *client.Client, f *client.Flowable) {
		_, _ = f.InstanceVariables("i").List(ctx, "")
	},
	"createInstanceVariables": func(ctx context.Context, _ *client.Client, f *client.Flowable) {
		_, _ = f.InstanceVariables("i").Upload(ctx, client.Variable{Name: "a", Type: "binary"}, someFile)
	},
	"putInstanceVariables": func(ctx context.Context, _ *client.Client, f *client.Flowable) {
		_, _ = f.InstanceVariables("i").Put(ctx, someVars...)
	},
	"deleteInstanceVariables": func(ctx context.Context, _ *client.Client, f *client.Flowable) {
		_ = f.InstanceVariables("i").DeleteAll(ctx)
	},
	"getInstanceVariable": func(ctx context.Context, _ *client.Client, f *client.Flowable) {
		_, _ = f.InstanceVariables("i").Get(ctx, "a", "")
	},
	"updateInstanceVariable": func(ctx context.Context, _ *client.Client, f *client.Flowable) {
		_, _ = f.InstanceVariables("i").Replace(ctx, client.Variable{Name: "a", Type: "binary"}, someFile)
	},
	"deleteInstanceVariable": func(ctx context.Context, _ *client.Client, f *client.Flowable) {
		_ = f.InstanceVariables("i").Delete(ctx, "a", "")
	},
	"getInstanceVariableData": func(ctx context.Context, _ *client.Client, f *client.Flowable) {
		_, _ = f.InstanceVariables("i").Data(ctx, "a", "")
	},

	"listUserTasks": func(ctx context.Context, _ *client.Client, f *client.Flowable) {
		_, _ = f.UserTasks(ctx, client.UserTaskFilter{Tenants: someTenants, ProcessInstanceID: "p", ExecutionID: "e", TaskDefinitionKey: "k", Name: "n", Assignee: "a",
			CandidateUser: "u", CandidateGroup: "g", Active: new(bool), IncludeProcessVariables: true}, somePage)
	},
	"getUserTask": func(ctx context.Context, _ *client.Client, f *client.Flowable) { _, _ = f.UserTask(ctx, "u") },
	"actOnUserTask": func(ctx context.Context, _ *client.Client, f *client.Flowable) {
		_ = f.CompleteTask(ctx, "u", someVars...)
	},

	"acquireJobs": func(ctx context.Context, _ *client.Client, f *client.Flowable) {
		_, _ = f.Acquire(ctx, client.Acquire{Topic: "t", WorkerID: "w", LockDuration: "PT10M", NumberOfTasks: 2, NumberOfRetries: 3})
	},
	"completeJob": func(ctx context.Context, _ *client.Client, f *client.Flowable) {
		_ = f.CompleteJob(ctx, "j", "w", someVars...)
	},
	"errorJob": func(ctx context.Context, _ *client.Client, f *client.Flowable) {
		_ = f.ErrorJob(ctx, "j", "w", "BAD", someVars...)
	},
	"failJob": func(ctx context.Context, _ *client.Client, f *client.Flowable) {
		_ = f.FailJob(ctx, "j", client.JobFailure{WorkerID: "w", ErrorMessage: "m", ErrorDetails: "d", Retries: new(int), RetryTimeout: "PT5M"})
	},
	"unacquireJob":  func(ctx context.Context, _ *client.Client, f *client.Flowable) { _ = f.UnacquireJob(ctx, "j", "w") },
	"unacquireJobs": func(ctx context.Context, _ *client.Client, f *client.Flowable) { _ = f.UnacquireJobs(ctx, "w") },
	"listJobs": func(ctx context.Context, _ *client.Client, f *client.Flowable) {
		_, _ = f.Jobs(ctx, client.JobFilter{Tenants: someTenants, ProcessInstanceID: "p", ExecutionID: "e", ElementID: "a", Locked: true, Unlocked: true}, somePage)
	},
	"getJob": func(ctx context.Context, _ *client.Client, f *client.Flowable) { _, _ = f.Job(ctx, "j") },
}
