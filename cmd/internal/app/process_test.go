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
