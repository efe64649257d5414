package app_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/client"
)

const people = `<startEvent id="s"/><sequenceFlow sourceRef="s" targetRef="wait"/><receiveTask id="wait"/>
<sequenceFlow sourceRef="wait" targetRef="call"/><intermediateCatchEvent id="call"><signalEventDefinition signalRef="go"/></intermediateCatchEvent>
<sequenceFlow sourceRef="call" targetRef="ask"/><userTask id="ask" name="Ask"/>
<sequenceFlow sourceRef="ask" targetRef="work"/><serviceTask id="work" flowable:type="external-worker" flowable:topic="desk"/>
<sequenceFlow sourceRef="work" targetRef="e"/><endEvent id="e"/>`

// people deploys that model, whose signal is declared beside the process.
func (w *works) people() client.Deployment {
	w.t.Helper()
	file := []byte(`<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:flowable="http://flowable.org/bpmn" targetNamespace="t">
<signal id="go" name="go"/><process id="people">` + people + `</process></definitions>`)
	d, err := w.f.Deploy(within(w.t), client.NewDeployment{Name: "people", File: client.File{Name: "people.bpmn", Bytes: file}})
	require.NoError(w.t, err)
	return d
}

func TestFlowableClientOfRepository(t *testing.T) {
	t.Parallel()
	w := newWorks(t)
	ctx, f := within(t), w.f
	d := w.people()
	got, err := f.Deployment(ctx, d.ID)
	require.NoError(t, err)
	require.Equal(t, d, got)
	all, err := f.Deployments(ctx, client.DeploymentFilter{Name: "people", Tenants: client.Tenants{WithoutTenantID: true}}, client.Paging{Sort: "deployTime", Descending: true})
	require.NoError(t, err)
	require.Equal(t, 1, all.Total)
	none, err := f.Deployments(ctx, client.DeploymentFilter{}, client.Paging{Size: client.NoRows})
	require.NoError(t, err)
	require.Empty(t, none.Data)
	require.Equal(t, 1, none.Total)
	yes := false
	defs, err := f.Definitions(ctx, client.DefinitionFilter{Key: "people", Latest: true, Version: 1, Suspended: &yes}, client.Paging{})
	require.NoError(t, err)
	require.Len(t, defs.Data, 1)
	def, err := f.Definition(ctx, defs.Data[0].ID)
	require.NoError(t, err)
	require.Equal(t, defs.Data[0], def)

	in, err := f.StartInstance(ctx, client.NewInstance{ProcessDefinitionKey: "people"})
	require.NoError(t, err)
	require.ErrorContains(t, f.DeleteDeployment(ctx, d.ID, false), "running process instances")
	require.NoError(t, f.DeleteDeployment(ctx, d.ID, true))
	_, err = f.Deployment(ctx, d.ID)
	require.ErrorIs(t, err, client.ErrNotFound)
	_, err = f.HistoricInstance(ctx, in.ID)
	require.ErrorIs(t, err, client.ErrNotFound)
}

func TestFlowableClientOfInstances(t *testing.T) {
	t.Parallel()
	w := newWorks(t)
	ctx, f := within(t), w.f
	w.people()
	in, err := f.StartInstance(ctx, client.NewInstance{ProcessDefinitionKey: "people", BusinessKey: "b", Name: "n", ReturnVariables: true,
		Variables: []client.Variable{client.StringVariable("x", "<1>")}})
	require.NoError(t, err)
	require.Len(t, in.Variables, 1)
	in, err = f.SuspendInstance(ctx, in.ID)
	require.NoError(t, err)
	require.True(t, in.Suspended)
	_, err = f.SuspendInstance(ctx, in.ID)
	require.ErrorIs(t, err, client.ErrConflict)
	in, err = f.ActivateInstance(ctx, in.ID)
	require.NoError(t, err)
	got, err := f.Instance(ctx, in.ID)
	require.NoError(t, err)
	require.Equal(t, "b", *got.BusinessKey)
	found, err := f.Instances(ctx, client.InstanceQuery{BusinessKey: "b", Variables: []client.Condition{{Name: "x", Operation: "equals", Value: []byte(`"<1>"`)}}}, client.Paging{})
	require.NoError(t, err)
	require.Equal(t, 1, found.Total)
	require.NoError(t, f.DeleteInstance(ctx, in.ID, "no more"))
	_, err = f.Instance(ctx, in.ID)
	require.ErrorIs(t, err, client.ErrNotFound)
	yes := true
	ended, err := f.History(ctx, client.HistoricFilter{Finished: &yes, StartedAfter: time.Now().Add(-time.Hour), IncludeProcessVariables: true}, client.Paging{})
	require.NoError(t, err)
	require.Len(t, ended.Data, 1)
	require.Equal(t, "no more", *ended.Data[0].DeleteReason)
	require.Len(t, ended.Data[0].Variables, 1)
	p, err := w.c.Process(ctx, in.ID)
	require.NoError(t, err)
	require.Equal(t, "canceled", p.ProcessStatus)
	require.JSONEq(t, `{"x":"<1>"}`, p.ProcessContent)
}

func TestFlowableClientMovesAnInstance(t *testing.T) {
	t.Parallel()
	w := newWorks(t)
	ctx, f := within(t), w.f
	w.people()
	in, err := f.StartInstance(ctx, client.NewInstance{ProcessDefinitionKey: "people"})
	require.NoError(t, err)
	page, err := f.Executions(ctx, client.ExecutionQuery{ProcessInstanceID: in.ID, ActivityID: "wait"}, client.Paging{})
	require.NoError(t, err)
	e, err := f.Execution(ctx, page.Data[0].ID)
	require.NoError(t, err)
	require.Equal(t, page.Data[0], e)
	active, err := f.ActiveActivities(ctx, in.ID)
	require.NoError(t, err)
	require.Equal(t, []string{"wait"}, active)
	moved, err := f.Act(ctx, e.ID, client.ExecutionAction{Action: client.ActionTrigger})
	require.NoError(t, err)
	require.Equal(t, "call", *moved.ActivityID)
	require.NoError(t, f.Signal(ctx, client.NewSignal{SignalName: "other"}))
	require.NoError(t, f.BroadcastSignal(ctx, "go", client.StringVariable("y", "2")))

	tasks, err := f.UserTasks(ctx, client.UserTaskFilter{ProcessInstanceID: in.ID, IncludeProcessVariables: true}, client.Paging{})
	require.NoError(t, err)
	require.Len(t, tasks.Data, 1)
	id := tasks.Data[0].ID
	require.NoError(t, f.ClaimTask(ctx, id, "me"))
	require.ErrorIs(t, f.ClaimTask(ctx, id, "you"), client.ErrConflict)
	require.NoError(t, f.UnclaimTask(ctx, id))
	require.NoError(t, f.ClaimTask(ctx, id, "me"))
	require.NoError(t, f.DelegateTask(ctx, id, "you"))
	require.NoError(t, f.ResolveTask(ctx, id))
	one, err := f.UserTask(ctx, id)
	require.NoError(t, err)
	require.Equal(t, "me", *one.Assignee)
	require.NoError(t, f.CompleteTask(ctx, id, client.StringVariable("z", "3")))

	jobs, err := f.Jobs(ctx, client.JobFilter{ProcessInstanceID: in.ID, Unlocked: true}, client.Paging{})
	require.NoError(t, err)
	require.Len(t, jobs.Data, 1)
	take := client.Acquire{Topic: "desk", WorkerID: "w", LockDuration: "PT10M"}
	got, err := f.Acquire(ctx, take)
	require.NoError(t, err)
	require.Len(t, got, 1)
	require.Len(t, got[0].Variables, 2)
	require.NoError(t, f.UnacquireJob(ctx, got[0].ID, "w"))
	_, err = f.Acquire(ctx, take)
	require.NoError(t, err)
	require.NoError(t, f.UnacquireJobs(ctx, "w"))
	_, err = f.Acquire(ctx, take)
	require.NoError(t, err)
	require.NoError(t, f.FailJob(ctx, got[0].ID, client.JobFailure{WorkerID: "w", ErrorMessage: "oh"}))
	job, err := f.Job(ctx, got[0].ID)
	require.NoError(t, err)
	require.Equal(t, "oh", *job.ExceptionMessage)
	_, err = f.Acquire(ctx, take)
	require.NoError(t, err)
	require.NoError(t, f.CompleteJob(ctx, got[0].ID, "w"))
	w.until(in.ID, "completed")
}

func TestFlowableClientOfVariables(t *testing.T) {
	t.Parallel()
	w := newWorks(t)
	ctx, f := within(t), w.f
	w.people()
	in, err := f.StartInstance(ctx, client.NewInstance{ProcessDefinitionKey: "people"})
	require.NoError(t, err)
	page, err := f.Executions(ctx, client.ExecutionQuery{ProcessInstanceID: in.ID, ActivityID: "wait"}, client.Paging{})
	require.NoError(t, err)
	v := f.ExecutionVariables(page.Data[0].ID)
	made, err := v.Create(ctx, client.StringVariable("a b/ö", "1"), client.Variable{Name: "n", Value: json.RawMessage("9007199254740993")})
	require.NoError(t, err)
	require.Equal(t, "local", made[0].Scope)
	require.Equal(t, "long", made[1].Type)
	_, err = v.Create(ctx, client.StringVariable("n", "1"))
	require.ErrorIs(t, err, client.ErrConflict)
	put, err := v.Put(ctx, client.Variable{Name: "g", Value: json.RawMessage("true"), Scope: client.GlobalScope})
	require.NoError(t, err)
	require.Equal(t, "boolean", put[0].Type)
	got, err := v.Get(ctx, "a b/ö", client.LocalScope)
	require.NoError(t, err)
	require.JSONEq(t, `"1"`, string(got.Value))
	_, err = v.Update(ctx, client.StringVariable("a b/ö", "2"))
	require.NoError(t, err)
	bytes := []byte{0, 1, 0xff, '\r', '\n'}
	file, err := v.Upload(ctx, client.Variable{Name: "f"}, client.File{Name: "f.bin", Bytes: bytes})
	require.NoError(t, err)
	require.Equal(t, "binary", file.Type)
	data, err := v.Data(ctx, "f", client.AnyScope)
	require.NoError(t, err)
	require.Equal(t, bytes, data)
	_, err = v.Replace(ctx, client.Variable{Name: "f"}, client.File{Name: "f.bin", Bytes: []byte("x")})
	require.NoError(t, err)
	all, err := v.List(ctx, client.AnyScope)
	require.NoError(t, err)
	require.Len(t, all, 4)
	require.NoError(t, v.Delete(ctx, "f", client.AnyScope))
	require.NoError(t, v.DeleteAll(ctx))
	all, err = v.List(ctx, client.LocalScope)
	require.NoError(t, err)
	require.Empty(t, all)
	own, err := f.InstanceVariables(in.ID).List(ctx, client.AnyScope)
	require.NoError(t, err)
	require.Len(t, own, 1)
}
