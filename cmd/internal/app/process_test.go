package app_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/cmd/internal/app"
	"github.com/riverstones/riverstones/gateway/client"
	"github.com/riverstones/riverstones/stone"
)

// works is a system whose stone Script does what its params say and keeps a
// journal of it.
type works struct {
	t       *testing.T
	c       *client.Client
	f       *client.Flowable
	journal *journal
	url     string
}

func newWorks(t *testing.T) *works {
	t.Helper()
	w := &works{t: t, journal: &journal{fail: map[string]bool{}}}
	a := start(t, settings(t), app.Hooks{Stones: func(k *stone.Worker) error {
		return errors.Join(
			k.Add(stone.Spec{Code: "Steps", Concurrency: 10, MaxAttempts: 1}, w.journal),
			k.Add(stone.Spec{Code: "Script", Concurrency: 10, Backoff: time.Millisecond}, &script{}),
		)
	}})
	w.url = a.URL()
	w.c = newClient(t, w.url)
	w.f = w.c.Flowable(client.FlowableConfig{})
	return w
}

// deploy deploys a process and returns its definition.
func (w *works) deploy(key, elements string) client.Definition {
	w.t.Helper()
	d, err := w.f.Deploy(within(w.t), client.NewDeployment{Name: key, File: client.File{Name: key + ".bpmn20.xml", Bytes: model(key, elements)}})
	require.NoError(w.t, err)
	page, err := w.f.Definitions(within(w.t), client.DefinitionFilter{DeploymentID: d.ID}, client.Paging{})
	require.NoError(w.t, err)
	require.Len(w.t, page.Data, 1)
	return page.Data[0]
}

func (w *works) start(n client.NewProcess) client.ProcessInstance {
	w.t.Helper()
	p, err := w.c.StartProcess(within(w.t), n)
	require.NoError(w.t, err)
	return p
}

// until waits for a status of a process.
func (w *works) until(id, status string) (p client.ProcessInstance) {
	w.t.Helper()
	require.Eventually(w.t, func() bool {
		var err error
		p, err = w.c.Process(within(w.t), id)
		return err == nil && p.ProcessStatus == status
	}, patience, 5*time.Millisecond, "process %s never was %s", id, status)
	return p
}

// step waits until an element has a status, and returns it.
func (w *works) step(id, element, status string) (s client.ProcessStep) {
	w.t.Helper()
	require.Eventually(w.t, func() bool {
		all, err := w.c.ProcessSteps(within(w.t), id)
		i := slices.IndexFunc(all, func(s client.ProcessStep) bool { return s.ElementID == element && s.Status == status })
		if err == nil && i >= 0 {
			s = all[i]
		}
		return err == nil && i >= 0
	}, patience, 5*time.Millisecond, "element %s never was %s", element, status)
	return s
}

// lines returns what the stone was asked, and whatever fails from now on.
func (j *journal) told() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.lines)
}

func (j *journal) failing(line string, fails bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.fail[line] = fails
}

const templates = `<extensionElements>
<riverstones:parameters>[
 {"name":"region","required":true,"allowedValues":["beijing","shanghai"]},
 {"name":"size","type":"integer","default":10,"maxValue":100},
 {"name":"backup","type":"integer","default":"Ref:size"},
 {"name":"token","noEcho":true,"default":"t0p"},
 {"name":"key","noEcho":true,"namespace":"one"}]</riverstones:parameters>
<riverstones:outputs>[{"key":"code","displayName":"Code","value":"${outputs.one.code}"},{"key":"all","value":{"region":"${region}","size":"${size}"}}]</riverstones:outputs>
</extensionElements>`

func TestProcessObject(t *testing.T) {
	t.Parallel()
	w := newWorks(t)
	d := w.deploy("p", templates+threeStones)
	p := w.start(client.NewProcess{Key: "p", ProcessName: "mine", Variables: json.RawMessage(
		`{"region":"beijing","password":"geheim","token":"verdeckt","one":{"key":"versteckt","open":1}}`)})
	require.Equal(t, p.ID, p.ProcessInstanceID)
	require.Equal(t, d.ID, p.ModelID)
	require.Equal(t, "p", p.ModelKey)
	require.Equal(t, "mine", *p.ProcessName)
	require.Equal(t, "start", p.ProcessType)
	require.JSONEq(t, `{"region":"beijing","password":"******","token":"******","one":{"key":"******","open":1}}`, p.ProcessContent)
	require.Equal(t, d.DeploymentID, *p.ActivitiFileID)
	_, err := time.Parse("2006-01-02 15:04:05", p.StartTime)
	require.NoError(t, err)

	p = w.until(p.ID, "completed")
	require.JSONEq(t, `{"code":"one-1","all":{"region":"beijing","size":10}}`, string(p.Outputs))
	require.JSONEq(t, `{"one":{"code":"one-1"},"two":{"code":"two-1"},"three":{"code":"three-1"}}`, string(p.NativeOutputs))
	require.True(t, p.Ended())
	require.Nil(t, p.RollbackProcessInstanceID)

	backup, err := w.f.HistoricInstance(within(t), p.ID)
	require.NoError(t, err)
	require.Equal(t, "e", *backup.EndActivityID)

	steps, err := w.c.ProcessSteps(within(t), p.ID)
	require.NoError(t, err)
	var ids []string
	for _, s := range steps {
		ids = append(ids, s.ElementID+" "+s.Status)
	}
	require.Equal(t, []string{"s completed", "one start.success", "two start.success", "three start.success", "e completed"}, ids)
	require.Equal(t, "Steps", *steps[1].Stone)

	m, err := w.c.Model(within(t), d.ID)
	require.NoError(t, err)
	require.Len(t, m.Parameters, 5)
	require.JSONEq(t, `"Ref:size"`, string(m.Parameters[2].Default))
	require.True(t, m.Parameters[3].NoEcho)
	require.Nil(t, m.Parameters[3].Default)
	require.Equal(t, "Code", m.Outputs[0].DisplayName)
	file, err := w.c.ModelXML(within(t), d.ID)
	require.NoError(t, err)
	require.Equal(t, model("p", templates+threeStones), file)
}

func TestProcessIsStartedByOneNameOfItsModel(t *testing.T) {
	t.Parallel()
	w := newWorks(t)
	d := w.deploy("p", templates+threeStones)
	vars := json.RawMessage(`"{\"region\":\"beijing\"}"`) // the seed's way
	for _, n := range []client.NewProcess{{ModelID: d.ID}, {DeploymentID: d.DeploymentID}, {Key: "p"}} {
		n.Variables = vars
		w.until(w.start(n).ID, "completed")
	}
	for says, n := range map[string]client.NewProcess{
		"exactly one of modelId":                 {},
		"exactly one of modelId, deploymentId":   {Key: "p", ModelID: d.ID},
		"no process definition is deployed":      {Key: "nope"},
		"tenantId goes with key only":            {ModelID: d.ID, TenantID: "t"},
		"variables must be a JSON object":        {Key: "p", Variables: json.RawMessage(`"[1]"`)},
		"variables must be a JSON object, or a ": {Key: "p", Variables: json.RawMessage(`7`)},
		"region":                                 {Key: "p", Variables: json.RawMessage(`{"region":"mars"}`)},
		"size":                                   {Key: "p", Variables: json.RawMessage(`{"region":"beijing","size":101}`)},
	} {
		_, err := w.c.StartProcess(within(t), n)
		require.ErrorIs(t, err, client.ErrBadRequest, says)
		require.ErrorContains(t, err, says)
	}
	all, total, err := w.c.Processes(within(t), client.ProcessFilter{ModelKey: "p"})
	require.NoError(t, err)
	require.Equal(t, 3, total, "what is refused leaves nothing behind")
	require.GreaterOrEqual(t, all[0].StartTime, all[2].StartTime)
	_, err = w.c.Process(within(t), "nope")
	require.ErrorIs(t, err, client.ErrNotFound)
	_, err = w.c.Model(within(t), "nope")
	require.ErrorIs(t, err, client.ErrNotFound)
}

func TestProcessLists(t *testing.T) {
	t.Parallel()
	w := newWorks(t)
	w.deploy("p", threeStones)
	w.deploy("q", threeStones)
	w.journal.failing("start three", true)
	vars := json.RawMessage(`{"region":"x"}`)
	failed := w.until(w.start(client.NewProcess{Key: "p", ProcessName: "a", Variables: vars}).ID, "failed")
	w.journal.failing("start three", false)
	good := w.until(w.start(client.NewProcess{Key: "q", ProcessName: "b", Variables: vars}).ID, "completed")
	count := func(f client.ProcessFilter, ids ...string) {
		t.Helper()
		got, total, err := w.c.Processes(within(t), f)
		require.NoError(t, err)
		var have []string
		for i := range got {
			have = append(have, got[i].ID)
		}
		require.Equal(t, ids, have)
		require.Equal(t, len(ids), total)
	}
	undo := *failed.RollbackProcessInstanceID
	count(client.ProcessFilter{Types: []string{"start"}}, good.ID, failed.ID)
	count(client.ProcessFilter{Types: []string{"start"}, Ascending: true}, failed.ID, good.ID)
	count(client.ProcessFilter{Types: []string{"rollback", "cancel"}}, undo)
	count(client.ProcessFilter{Statuses: []string{"failed"}}, failed.ID)
	count(client.ProcessFilter{ModelKey: "q"}, good.ID)
	count(client.ProcessFilter{Name: "b"}, good.ID)
	count(client.ProcessFilter{StartedAfter: time.Now().Add(time.Hour)})
	count(client.ProcessFilter{StartedBefore: time.Now().Add(time.Hour), Types: []string{"rollback"}}, undo)
	for _, f := range []client.ProcessFilter{{Statuses: []string{"odd"}}, {Types: []string{"odd"}}, {Size: 1001}} {
		_, _, err := w.c.Processes(within(t), f)
		require.ErrorIs(t, err, client.ErrBadRequest)
	}
	p, err := w.c.Process(within(t), undo)
	require.NoError(t, err)
	require.Equal(t, failed.ID, *p.OriginProcessInstanceID)
	require.Equal(t, "rollback", p.ProcessType)
}

func TestProcessRollbackStopsAtAFailedUndo(t *testing.T) {
	t.Parallel()
	w := newWorks(t)
	w.deploy("p", threeStones)
	w.journal.failing("start three", true)
	w.journal.failing("rollback two", true)
	id := w.start(client.NewProcess{Key: "p", Variables: json.RawMessage(`{"region":"x"}`)}).ID
	p := w.until(id, "rollback.failed")
	require.Contains(t, *p.Reason, "told to fail")
	require.False(t, p.Ended())
	undo := w.until(*p.RollbackProcessInstanceID, "rollback.failed")
	require.Contains(t, *undo.Reason, "rollback.failed")
	_, err := w.c.CancelProcess(within(t), id)
	require.ErrorIs(t, err, client.ErrConflict)
	_, err = w.c.DeleteProcess(within(t), id)
	require.ErrorIs(t, err, client.ErrConflict)
	before := w.journal.told()
	require.Equal(t, "rollback two", before[len(before)-1])

	w.journal.failing("rollback two", false)
	resumed, err := w.c.ResumeProcess(within(t), id)
	require.NoError(t, err)
	require.Equal(t, "rollback", resumed.ProcessStatus)
	w.until(id, "failed")
	require.Equal(t, []string{"start one", "start two", "start three", "rollback three", "rollback two", "rollback two", "rollback one"}, w.journal.told())
	_, err = w.c.ResumeProcess(within(t), id)
	require.ErrorIs(t, err, client.ErrConflict)
	require.Equal(t, "completed", w.until(undo.ID, "completed").ProcessStatus)
}

func TestProcessDeleteCleansUpInReverseOrder(t *testing.T) {
	t.Parallel()
	w := newWorks(t)
	w.deploy("p", threeStones)
	id := w.start(client.NewProcess{Key: "p", Variables: json.RawMessage(`{"region":"x"}`)}).ID
	w.until(id, "completed")
	w.journal.failing("delete two", true)
	p, err := w.c.DeleteProcess(within(t), id)
	require.NoError(t, err)
	require.Equal(t, "deleting", p.ProcessStatus)
	p = w.until(id, "delete.failed")
	require.Equal(t, "delete.failed", w.until(*p.DeleteProcessInstanceID, "delete.failed").ProcessStatus)
	_, err = w.c.DeleteProcess(within(t), id)
	require.ErrorContains(t, err, "resume it")
	w.journal.failing("delete two", false)
	_, err = w.c.ResumeProcess(within(t), *p.DeleteProcessInstanceID)
	require.NoError(t, err)
	w.until(id, "deleted")
	require.Equal(t, []string{"delete three", "delete two", "delete two", "delete one"}, w.journal.told()[3:])
	_, err = w.c.DeleteProcess(within(t), id)
	require.ErrorIs(t, err, client.ErrConflict)
}

const hangs = `<startEvent id="s"/><sequenceFlow sourceRef="s" targetRef="f"/><parallelGateway id="f"/>
<sequenceFlow sourceRef="f" targetRef="a"/><sequenceFlow sourceRef="f" targetRef="b"/>
<serviceTask id="a" riverstones:stone="Script"><extensionElements><riverstones:field name="start" value="hang"/></extensionElements></serviceTask>
<serviceTask id="b" riverstones:stone="Script"/>
<sequenceFlow sourceRef="a" targetRef="j"/><sequenceFlow sourceRef="b" targetRef="j"/><parallelGateway id="j"/>
<sequenceFlow sourceRef="j" targetRef="e"/><endEvent id="e"/>`

func TestProcessCancelStopsWhatRuns(t *testing.T) {
	t.Parallel()
	w := newWorks(t)
	w.deploy("p", hangs)
	id := w.start(client.NewProcess{Key: "p"}).ID
	task := w.step(id, "a", "start.begin")
	w.step(id, "j", "waiting")
	p, err := w.c.CancelProcess(within(t), id)
	require.NoError(t, err)
	require.Equal(t, "canceling", p.ProcessStatus)
	require.NotNil(t, p.CancelProcessInstanceID)
	p = w.until(id, "canceled")
	require.True(t, p.Ended())
	w.until(*p.CancelProcessInstanceID, "completed")
	got, err := w.c.Get(within(t), *task.TaskID)
	require.NoError(t, err)
	require.Equal(t, "cancel.success", got.Status)
	_, err = w.c.CancelProcess(within(t), id)
	require.ErrorIs(t, err, client.ErrConflict)
}

func TestProcessIsHeldInDebugMode(t *testing.T) {
	t.Parallel()
	w := newWorks(t)
	w.deploy("p", threeStones)
	w.journal.failing("start two", true)
	begin := func() (id, task string) {
		t.Helper()
		id = w.start(client.NewProcess{Key: "p", Debug: true, Variables: json.RawMessage(`{"region":"x"}`)}).ID
		p := w.until(id, "debug")
		require.True(t, p.Debug)
		require.Contains(t, *p.Reason, "told to fail")
		return id, *w.step(id, "two", "start.failed").TaskID
	}
	// Run again it goes on.
	id, task := begin()
	w.journal.failing("start two", false)
	_, err := w.c.ReRun(within(t), task, client.ReRun{QueueType: "start"})
	require.NoError(t, err)
	p := w.until(id, "completed")
	require.Nil(t, p.Reason)

	// Given up it fails, and is rolled back.
	w.journal.failing("start two", true)
	id, task = begin()
	_, err = w.c.Resume(within(t), task)
	require.NoError(t, err)
	p = w.until(id, "failed")
	require.NotNil(t, p.RollbackProcessInstanceID)
	told := w.journal.told()
	require.Equal(t, []string{"rollback two", "rollback one"}, told[len(told)-2:])

	// So it does when its debug mode is switched off.
	id, _ = begin()
	require.NoError(t, w.c.SetDebug(within(t), id, false))
	w.until(id, "failed")
	require.ErrorIs(t, w.c.SetDebug(within(t), id, true), client.ErrConflict)
	require.NoError(t, w.c.SetDebug(within(t), "of-another-orchestrator", true))
}

func TestProcessDebugReachesCalledOnes(t *testing.T) {
	t.Parallel()
	w := newWorks(t)
	w.deploy("inner", threeStones)
	w.deploy("outer", `<startEvent id="s"/><sequenceFlow sourceRef="s" targetRef="call"/>
<callActivity id="call" calledElement="inner" flowable:inheritVariables="true"/><sequenceFlow sourceRef="call" targetRef="e"/><endEvent id="e"/>`)
	w.journal.failing("start two", true)
	id := w.start(client.NewProcess{Key: "outer", Debug: true, Variables: json.RawMessage(`{"region":"x"}`)}).ID
	w.until(id, "debug")
	inner, _, err := w.c.Processes(within(t), client.ProcessFilter{SuperProcessInstanceID: id})
	require.NoError(t, err)
	require.Equal(t, "debug", inner[0].ProcessStatus)
	task := w.step(inner[0].ID, "two", "start.failed")
	w.journal.failing("start two", false)
	_, err = w.c.ReRun(within(t), *task.TaskID, client.ReRun{QueueType: "start"})
	require.NoError(t, err)
	w.until(id, "completed")
	w.until(inner[0].ID, "completed")
}

func TestProcessMockWalksTheModel(t *testing.T) {
	t.Parallel()
	w := newWorks(t)
	w.deploy("p", hangs)
	id := w.start(client.NewProcess{Key: "p", Variables: json.RawMessage(`{"SipRS::Mock":true}`)}).ID
	p := w.until(id, "completed")
	require.True(t, p.Mock)
	require.Equal(t, "mock.success", w.step(id, "a", "mock.success").Status)
	_, err := w.c.DeleteProcess(within(t), id)
	require.NoError(t, err)
	w.until(id, "deleted") // there was nothing to delete
	w.step(id, "a", "mock.success")
}

const callsInner = `<startEvent id="s"/><sequenceFlow sourceRef="s" targetRef="first"/><serviceTask id="first" riverstones:stone="Steps"/>
<sequenceFlow sourceRef="first" targetRef="call"/><callActivity id="call" calledElement="inner" flowable:inheritVariables="true"/>
<sequenceFlow sourceRef="call" targetRef="last"/><serviceTask id="last" riverstones:stone="Steps"/>
<sequenceFlow sourceRef="last" targetRef="e"/><endEvent id="e"/>`

// What a called process has done is undone in its place.
func TestProcessUndoesWhatItCalled(t *testing.T) {
	t.Parallel()
	w := newWorks(t)
	w.deploy("inner", threeStones)
	w.deploy("outer", callsInner)
	w.journal.failing("start last", true)
	id := w.start(client.NewProcess{Key: "outer", Variables: json.RawMessage(`{"region":"x"}`)}).ID
	w.until(id, "failed")
	require.Equal(t, []string{"start first", "start one", "start two", "start three", "start last",
		"rollback last", "rollback three", "rollback two", "rollback one", "rollback first"}, w.journal.told())
	_, err := w.c.DeleteProcess(within(t), id)
	require.NoError(t, err)
	w.until(id, "deleted")
	require.Equal(t, []string{"delete last", "delete three", "delete two", "delete one", "delete first"}, w.journal.told()[10:])
	inner, _, err := w.c.Processes(within(t), client.ProcessFilter{SuperProcessInstanceID: id})
	require.NoError(t, err)
	require.Equal(t, "completed", inner[0].ProcessStatus)
	_, err = w.c.DeleteProcess(within(t), inner[0].ID)
	require.ErrorContains(t, err, "was called by process "+id)
}

// A called process that fails fails its caller; an operator may undo by hand
// what the rollback stopped at.
func TestProcessFailsWithWhatItCalled(t *testing.T) {
	t.Parallel()
	w := newWorks(t)
	w.deploy("inner", threeStones)
	w.deploy("outer", callsInner)
	w.journal.failing("start two", true)
	w.journal.failing("rollback one", true)
	id := w.start(client.NewProcess{Key: "outer", Variables: json.RawMessage(`{"region":"x"}`)}).ID
	w.until(id, "rollback.failed")
	inner, _, err := w.c.Processes(within(t), client.ProcessFilter{SuperProcessInstanceID: id})
	require.NoError(t, err)
	require.Equal(t, "failed", inner[0].ProcessStatus)
	require.Contains(t, *inner[0].Reason, "told to fail")
	one := w.step(inner[0].ID, "one", "rollback.failed")
	w.journal.failing("rollback one", false)
	_, err = w.c.Rollback(within(t), *one.TaskID)
	require.NoError(t, err)
	w.until(id, "failed")
	require.Equal(t, []string{"rollback two", "rollback one", "rollback one", "rollback first"}, w.journal.told()[3:])
}

// A process is held until the last of its failed tasks has gone on.
func TestProcessIsHeldByEachFailedTask(t *testing.T) {
	t.Parallel()
	w := newWorks(t)
	w.deploy("p", `<startEvent id="s"/><sequenceFlow sourceRef="s" targetRef="f"/><parallelGateway id="f"/>
<sequenceFlow sourceRef="f" targetRef="a"/><sequenceFlow sourceRef="f" targetRef="b"/>
<serviceTask id="a" riverstones:stone="Steps"/><serviceTask id="b" riverstones:stone="Steps"/>
<sequenceFlow sourceRef="a" targetRef="j"/><sequenceFlow sourceRef="b" targetRef="j"/><parallelGateway id="j"/>
<sequenceFlow sourceRef="j" targetRef="e"/><endEvent id="e"/>`)
	w.journal.failing("start a", true)
	w.journal.failing("start b", true)
	id := w.start(client.NewProcess{Key: "p", Debug: true}).ID
	w.until(id, "debug")
	a, b := w.step(id, "a", "start.failed"), w.step(id, "b", "start.failed")
	w.journal.failing("start a", false)
	w.journal.failing("start b", false)
	_, err := w.c.ReRun(within(t), *a.TaskID, client.ReRun{QueueType: "start"})
	require.NoError(t, err)
	w.step(id, "j", "waiting")
	p, err := w.c.Process(within(t), id)
	require.NoError(t, err)
	require.Equal(t, "debug", p.ProcessStatus)
	_, err = w.c.ReRun(within(t), *b.TaskID, client.ReRun{QueueType: "start"})
	require.NoError(t, err)
	w.until(id, "completed")
}

// What is kept to be shown is masked, and bounded; the variables are whole.
func TestProcessContentOfALargeStart(t *testing.T) {
	t.Parallel()
	w := newWorks(t)
	w.people()
	large := strings.Repeat("x", 100<<10)
	in, err := w.f.StartInstance(within(t), client.NewInstance{ProcessDefinitionKey: "people", Variables: []client.Variable{
		client.StringVariable("large", large), client.StringVariable("password", "geheim"), client.StringVariable("small", "1")}})
	require.NoError(t, err)
	p, err := w.c.Process(within(t), in.ID)
	require.NoError(t, err)
	require.JSONEq(t, `{"large":"(102402 bytes)","password":"******","small":"1"}`, p.ProcessContent)
	v, err := w.f.InstanceVariables(in.ID).Get(within(t), "large", client.AnyScope)
	require.NoError(t, err)
	require.Len(t, v.Value, 100<<10+2)
}

func TestProcessRequestsThatCanNotBeMeant(t *testing.T) {
	t.Parallel()
	w := newWorks(t)
	w.deploy("p", threeStones)
	for _, c := range []struct {
		method, path, kind, body string
		status                   int
		says                     string
	}{
		{"POST", "/process", "application/json", `{"key":"p","colour":1}`, 400, `unknown field \"colour\"`},
		{"POST", "/process", "application/json", `{"key":7}`, 400, "key must be a string"},
		{"POST", "/process", "application/json", `[]`, 400, "the body must be an object"},
		{"POST", "/process", "application/json", `{"key":"p","variables":{"a":1,"a":2}}`, 400, "not valid JSON"},
		{"POST", "/process", "application/json", `{"key":"p","processName":"` + strings.Repeat("n", 256) + `"}`, 400, "processName must have at most 255"},
		{"POST", "/process", "text/plain", `{}`, 415, "application/json"},
		{"POST", "/process", "application/json", `{"key":"p","variables":{"":1}}`, 400, "name is missing"},
		{"PUT", "/process/nope/cancel", "", "", 404, "nope does not exist"},
		{"PUT", "/process/nope/delete", "", "", 404, "nope does not exist"},
		{"PUT", "/process/nope/resume", "", "", 404, "nope does not exist"},
		{"GET", "/process/nope/tasks", "", "", 404, "nope does not exist"},
		{"GET", "/process/model/nope/xml", "", "", 404, "model nope does not exist"},
		{"GET", "/process?order=up", "", "", 400, "order must be one of"},
		{"DELETE", "/process/nope", "", "", 405, "does not take the method"},
		{"PUT", "/process/nope/debug", "application/json", `{}`, 400, "debug is missing"},
	} {
		got := call(t, c.method, w.url+c.path, c.kind, []byte(c.body), c.status)
		require.Contains(t, string(got), c.says, c.body)
	}
}
