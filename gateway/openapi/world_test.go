package openapi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/flowable"
	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/param"
	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/queue/task"
)

// What the examples of the document name.
const (
	exampleTask       = "2912516"
	exampleProcess    = "2910431"
	exampleInstance   = "01a1ff54-585f-789e-96d7-c7b2ffb22bb0"
	exampleExecution  = "01a1ff54-585f-7ad5-8c57-07d9b4c0a1ee"
	exampleUserTask   = "01a1ff54-5860-7c01-9d4e-3b8a60c1d201"
	exampleJob        = "01a1ff54-5860-7c02-9d4e-3b8a60c1d202"
	exampleDeployment = "01a1ff54-5860-7c03-9d4e-3b8a60c1d203"
	exampleDefinition = "order:1:01a1ff54-5860-7c04-9d4e-3b8a60c1d204"

	machine = "MachineStone"
)

// named tells what names of the examples stand for.
type named map[string]string

// replacer puts in what the names stand for.
func (n named) replacer() *strings.Replacer {
	pairs := make([]string, 0, 2*len(n))
	for from, to := range n {
		pairs = append(pairs, from, to)
	}
	return strings.NewReplacer(pairs...)
}

// world is a system in which there is something of everything.
type world struct {
	*system

	publisher *queue.Publisher
	count     int
	order     named // deployment and definition of the model order
}

const models = `<?xml version="1.0" encoding="UTF-8"?>
<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:flowable="http://flowable.org/bpmn"
  xmlns:riverstones="http://riverstones.io/bpmn" targetNamespace="http://example.com/order">
  <error id="lost" errorCode="LOST"/><signal id="go" name="go"/>
  %s
</definitions>`

const order = `<process id="order" name="Order">
  <extensionElements>
    <riverstones:parameters>[{"name": "amount", "type": "integer", "default": 1, "maxValue": 100},
      {"name": "pin", "noEcho": true, "default": "hunter2"}, {"name": "again", "type": "integer", "default": "Ref:amount"}]</riverstones:parameters>
    <riverstones:outputs>[{"key": "amount", "displayName": "Amount", "value": "${amount}"}]</riverstones:outputs>
  </extensionElements>
  <startEvent id="start"/><parallelGateway id="fork"/><receiveTask id="answer"/><userTask id="check" name="Check"/>
  <serviceTask id="pack" name="Pack" flowable:type="external-worker" flowable:topic="parcels"/>
  <boundaryEvent id="missing" attachedToRef="pack"><errorEventDefinition errorRef="lost"/></boundaryEvent>
  <intermediateCatchEvent id="hear"><signalEventDefinition signalRef="go"/></intermediateCatchEvent>
  <endEvent id="end"/>
  <sequenceFlow sourceRef="start" targetRef="fork"/><sequenceFlow sourceRef="fork" targetRef="answer"/>
  <sequenceFlow sourceRef="fork" targetRef="check"/><sequenceFlow sourceRef="fork" targetRef="pack"/>
  <sequenceFlow sourceRef="fork" targetRef="hear"/><sequenceFlow sourceRef="answer" targetRef="end"/>
  <sequenceFlow sourceRef="check" targetRef="end"/><sequenceFlow sourceRef="pack" targetRef="end"/>
  <sequenceFlow sourceRef="missing" targetRef="end"/><sequenceFlow sourceRef="hear" targetRef="end"/>
</process>`

const others = `<process id="brief"><startEvent id="a"/><sequenceFlow sourceRef="a" targetRef="b"/><endEvent id="b"/></process>
<process id="build"><startEvent id="c"/><sequenceFlow sourceRef="c" targetRef="make"/>
  <serviceTask id="make" riverstones:stone="MachineStone"/><sequenceFlow sourceRef="make" targetRef="d"/><endEvent id="d"/></process>`

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{system: setup(t, flowable.Config{})}
	var err error
	w.publisher, err = queue.NewPublisher(w.nc, queue.PublisherConfig{})
	require.NoError(t, err)
	w.announce(t)
	w.order = named{exampleDeployment: w.deploy(t, "order", order)}
	found := as[struct{ Data []struct{ ID string } }](t, w.do(t, http.MethodGet, "/repository/process-definitions?key=order", ""))
	w.order[exampleDefinition] = found.Data[0].ID
	w.deploy(t, "others", others)

	letter := nats.NewMsg(queue.DLQSubject(machine))
	letter.Header.Set(queue.HeaderReason, "no such member")
	letter.Data = []byte(`{"id":"0190f6a0-0c1d-7b52-9c1f-0d6b8b6f2a11","taskId":"2912516","params":{"password":"hunter2"}}`)
	_, err = w.js.PublishMsg(t.Context(), letter)
	require.NoError(t, err)
	for _, bad := range []string{`{"id":1}`, "no JSON"} {
		_, err = w.js.Publish(t.Context(), queue.EventSubject(machine, task.Start), []byte(bad))
		require.NoError(t, err)
	}
	w.until(t, "/quarantine", func(a answer) bool { return a.header.Get("X-Total-Count") == "2" })
	return w
}

// until waits for an answer.
func (w *world) until(t testing.TB, path string, good func(answer) bool) answer {
	t.Helper()
	var a answer
	queuetest.WaitFor(t, func() bool {
		a = w.do(t, http.MethodGet, path, "")
		return good(a)
	})
	return a
}

// announce declares MachineStone and makes its durables, as a worker does.
func (w *world) announce(t testing.TB) {
	t.Helper()
	doc, err := (&queue.Announcement{
		Code: machine, DisplayName: "Machine", Version: "1", Methods: task.Methods(), Worker: "host-1", Host: "host", Concurrency: 4, LastFetch: time.Now(),
		Params: []param.Param{
			{Name: "regionId", Type: param.String, AllowedPattern: "[0-9]+", Description: "where"},
			{Name: "size", Type: param.Integer, Default: json.RawMessage("10"), MinValue: new(float64), AllowedValues: []json.RawMessage{[]byte("10"), []byte("20")}},
			{Name: "password", Type: param.String, NoEcho: true},
		},
		Outputs: []param.Output{{Name: "machineId"}},
	}).Encode()
	require.NoError(t, err)
	_, err = w.js.Publish(t.Context(), queue.StoneSubject(queue.StoneKey(machine, "host-1")), doc)
	require.NoError(t, err)
	_, err = queue.EnsureConsumers(t.Context(), w.js, machine, "")
	require.NoError(t, err)
	queuetest.WaitFor(t, func() bool { return string(w.do(t, http.MethodGet, "/stone", "").body) != "[]\n" })
}

// deploy deploys processes, and returns the id of the deployment.
func (w *world) deploy(t testing.TB, name, processes string) string {
	t.Helper()
	return as[struct{ ID string }](t, w.form(t, http.MethodPost, "/repository/deployments", nil, name+".bpmn20.xml", fmt.Sprintf(models, processes))).ID
}

// form sends a form with a file.
func (w *world) form(t testing.TB, method, path string, fields map[string]string, name, content string) answer {
	t.Helper()
	body, contentType := multipartBody(t, fields, name, content)
	req, err := http.NewRequestWithContext(t.Context(), method, w.url+path, body)
	require.NoError(t, err)
	req.Header.Set("Content-Type", contentType)
	a := w.send(t, req)
	require.Less(t, a.status, 300, "%s %s: %s", method, path, a.body)
	return a
}

func multipartBody(t testing.TB, fields map[string]string, name, content string) (body *bytes.Buffer, contentType string) {
	t.Helper()
	body = &bytes.Buffer{}
	form := multipart.NewWriter(body)
	for field, value := range fields {
		require.NoError(t, form.WriteField(field, value))
	}
	part, err := form.CreateFormFile("file", name)
	require.NoError(t, err)
	_, err = part.Write([]byte(content))
	require.NoError(t, err)
	require.NoError(t, form.Close())
	return body, form.FormDataContentType()
}

// fresh names what no other example has named.
func (w *world) fresh() named {
	w.count++
	out := named{exampleTask: fmt.Sprint("t-", w.count), exampleProcess: fmt.Sprint("p-", w.count), "2910432": fmt.Sprint("q-", w.count)}
	for _, id := range []string{"2912517", "2912518", "2912519", "2912520"} {
		out[id] = fmt.Sprint(id, "-", w.count)
	}
	return out
}

// publish publishes a task of more members.
func (w *world) publish(t testing.TB, more string) named {
	t.Helper()
	n := w.fresh()
	w.do(t, http.MethodPost, "/task", fmt.Sprintf(`{"processInstanceId":%q,"taskId":%q,"name":"machine","namespace":"machine","stone":%q,`+
		`"businessKey":"eu-west","params":{"regionId":"701","size":10}%s}`, n[exampleProcess], n[exampleTask], machine, more))
	return n
}

// report tells what a worker did with the command that a task stands at.
func (w *world) report(t testing.TB, taskID string, statuses ...task.Status) {
	t.Helper()
	shown := as[struct {
		ID, TaskID, ProcessInstanceID, Name, Namespace, Stone string
		BusinessKey                                           *string
		Attempt                                               int
	}](t, w.do(t, http.MethodGet, "/task/"+url.PathEscape(taskID), ""))
	half, now := 50, time.Now().UTC()
	e := queue.Event{Names: task.Names{ID: shown.ID, TaskID: shown.TaskID, ProcessInstanceID: shown.ProcessInstanceID, Name: shown.Name,
		Namespace: shown.Namespace, Stone: shown.Stone}, Method: statuses[0].Method(), Epoch: shown.Attempt, Delivery: 1, Worker: "host-1", Progress: &half,
		Outputs: []byte(`{"machineId":"d39c06db"}`), Log: []queue.LogLine{{Time: now, Level: "info", Line: "booting"}}}
	if shown.BusinessKey != nil {
		e.BusinessKey = *shown.BusinessKey
	}
	for _, s := range statuses {
		tr := queue.Transition{Status: s, Time: now}
		if s.Failed() {
			tr.Reason = "no capacity"
		}
		tr.Final = s == task.StartSuccess
		e.Transitions = append(e.Transitions, tr)
	}
	require.NoError(t, w.publisher.PublishEvents(t.Context(), shown.Stone, []queue.Event{e}))
	last := statuses[len(statuses)-1].String() // what follows it may be there too
	w.until(t, "/task/"+url.PathEscape(taskID)+"/history", func(a answer) bool { return strings.Contains(string(a.body), `"status":"`+last+`"`) })
}

// failed publishes a task that fails in debug mode.
func (w *world) failed(t testing.TB) named {
	t.Helper()
	n := w.publish(t, `,"debug":true`)
	w.report(t, n[exampleTask], task.StartBegin, task.StartFailed)
	return n
}

// ended publishes a task that ends well.
func (w *world) ended(t testing.TB, more string) named {
	t.Helper()
	n := w.publish(t, more)
	w.report(t, n[exampleTask], task.StartBegin, task.StartSuccess)
	return n
}

// rerun publishes a task that has failed and runs again.
func (w *world) rerun(t testing.TB) named {
	t.Helper()
	n := w.failed(t)
	w.do(t, http.MethodPut, "/task/"+n[exampleTask]+"/reRun", `{"queueType":"start","parameters":{"regionId":"702","size":10},"outputs":{}}`)
	return n
}

// start starts an order, and names all that is of it.
func (w *world) start(t testing.TB) named {
	t.Helper()
	n := named{exampleDeployment: w.order[exampleDeployment], exampleDefinition: w.order[exampleDefinition]}
	id := as[struct{ ID string }](t, w.do(t, http.MethodPost, "/runtime/process-instances",
		`{"processDefinitionKey":"order","businessKey":"order-4711","name":"Order 4711","variables":[{"name":"amount","value":3}]}`)).ID
	n[exampleInstance] = id
	type page struct{ Data []struct{ ID string } }
	for name, path := range map[string]string{
		exampleExecution: "/runtime/executions?activityId=answer&processInstanceId=",
		exampleUserTask:  "/runtime/tasks?processInstanceId=",
		exampleJob:       "/external-job-api/jobs?processInstanceId=",
	} {
		found := as[page](t, w.do(t, http.MethodGet, path+id, ""))
		require.Len(t, found.Data, 1, path)
		n[name] = found.Data[0].ID
	}
	w.do(t, http.MethodPost, "/runtime/executions/"+n[exampleExecution]+"/variables", `[{"name":"amount","value":3}]`)
	return n
}

// process starts a process of a model with more members.
func (w *world) process(t testing.TB, more string) (id string) {
	t.Helper()
	return as[struct{ ID string }](t, w.do(t, http.MethodPost, "/process", "{"+more+"}")).ID
}

// stopped starts a process whose rollback stops at a task.
func (w *world) stopped(t testing.TB) named {
	t.Helper()
	id := w.process(t, `"key":"build"`)
	shows := func(text string) func(answer) bool {
		return func(a answer) bool { return strings.Contains(string(a.body), text) }
	}
	a := w.until(t, "/task?processInstanceId="+id, func(a answer) bool { return string(a.body) != "[]\n" })
	taskID := as[[]struct{ TaskID string }](t, a)[0].TaskID
	w.report(t, taskID, task.StartBegin, task.StartFailed)
	w.until(t, "/task/"+url.PathEscape(taskID), shows(`"queueType":"rollback"`))
	w.report(t, taskID, task.RollbackBegin, task.RollbackFailed)
	w.until(t, "/process/"+id, shows(`"processStatus":"rollback.failed"`))
	return named{exampleInstance: id}
}
