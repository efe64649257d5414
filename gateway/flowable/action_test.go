package flowable_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/flowable"
)

const (
	waitGo   = `<intermediateCatchEvent id="c"><signalEventDefinition signalRef="go"/></intermediateCatchEvent>`
	waitMail = `<intermediateCatchEvent id="c"><messageEventDefinition messageRef="mail"/></intermediateCatchEvent>`
)

// Each row of what can be triggered (5.1).
func TestWhatCanBeTriggered(t *testing.T) {
	t.Parallel()
	const stop = `{"action":"signalEventReceived","signalName":"stop"}`
	boundary := func(event string) string {
		return line(receive("a"), receive("b")) + `<boundaryEvent id="c" attachedToRef="a"><` + event + `/></boundaryEvent>` + receive("after") + flow("c", "after") + flow("after", "end")
	}
	shared := setup(t, flowable.Config{})
	for i, tt := range []struct {
		name, model, at, action string
		status                  int
		then                    string
	}{
		{"receive task", line(receive("c"), receive("b")), "c", trigger, 200, "b"},
		{"receive task, trigger", line(receive("c"), receive("b")), "c", `{"action":"trigger"}`, 200, "b"},
		{"receive task, signal event", line(receive("c")), "c", signalGo, 500, "c"},
		{"receive task, message", line(receive("c")), "c", getMail, 500, "c"},
		{"catch event", line(waitGo, receive("b")), "c", trigger, 200, "b"},
		{"catch event, its signal", line(waitGo, receive("b")), "c", signalGo, 200, "b"},
		{"catch event, another signal", line(waitGo, receive("b")), "c", stop, 500, "c"},
		{"catch event, a message", line(waitGo, receive("b")), "c", getMail, 500, "c"},
		{"catch event, its message", line(waitMail, receive("b")), "c", getMail, 200, "b"},
		{"catch event, another message", line(waitMail, receive("b")), "c", `{"action":"messageEventReceived","messageName":"Mail"}`, 500, "c"},
		{"boundary", boundary(`signalEventDefinition signalRef="go"`), "c", trigger, 200, "after"},
		{"boundary, its signal", boundary(`signalEventDefinition signalRef="go"`), "c", signalGo, 200, "after"},
		{"boundary, another", boundary(`signalEventDefinition signalRef="go"`), "c", stop, 500, "c"},
		{"boundary, its message", boundary(`messageEventDefinition messageRef="mail"`), "c", getMail, 200, "after"},
		{"external worker", line(`<serviceTask id="c" flowable:type="external-worker" flowable:topic="t"/>`, receive("b")), "c", trigger, 200, "b"},
		{"external worker, signal event", line(`<serviceTask id="c" flowable:type="external-worker" flowable:topic="t"/>`), "c", signalGo, 500, "c"},
		{"user task", line(`<userTask id="c"/>`), "c", trigger, 500, "c"},
		{"user task, signal event", line(`<userTask id="c"/>`), "c", signalGo, 500, "c"},
		{"root", line(receive("c")), "", trigger, 500, "c"},
		{"root, signal event", line(waitGo), "", signalGo, 500, "c"},
		{"instance scope", line(`<intermediateCatchEvent id="c"><signalEventDefinition signalRef="inner"/></intermediateCatchEvent>`), "c", `{"action":"signalEventReceived","signalName":"inner"}`, 200, "c"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := shared.with(fmt.Sprint("p", i))
			w.deploy(t, tt.model)
			in := w.start(t)
			id := in.ID
			if tt.at != "" {
				id = w.at(t, in.ID, tt.at).ID
			}
			w.put(t, "/runtime/process-instances/"+in.ID, `{"action":"suspend"}`).is(t, 200)
			w.act(t, id, tt.action).is(t, 500)
			w.put(t, "/runtime/process-instances/"+in.ID, `{"action":"activate"}`).is(t, 200)
			before := w.get(t, "/runtime/executions/"+id).text()
			r := w.act(t, id, tt.action).is(t, tt.status)
			if tt.status == 500 {
				require.Equal(t, before, w.get(t, "/runtime/executions/"+id).text(), "nothing moved")
			} else {
				require.Equal(t, tt.then, *as[execution](t, r).ActivityID)
				require.Equal(t, w.get(t, "/runtime/executions/"+id).text(), r.text())
			}
			require.Contains(t, w.activities(t, in.ID), tt.then)
		})
	}
}

func TestVariablesOfActions(t *testing.T) {
	t.Parallel()
	w := setup(t, flowable.Config{})
	w.deploy(t, `<startEvent id="s"/><exclusiveGateway id="g" default="d"/><endEvent id="e"/>`+receive("a")+receive("b")+receive("other")+flow("s", "a")+flow("a", "g")+
		`<sequenceFlow id="d" sourceRef="g" targetRef="b"/><sequenceFlow sourceRef="g" targetRef="other"><conditionExpression>${way == 'other' &amp;&amp; secret}</conditionExpression></sequenceFlow>`+
		flow("b", "e")+flow("other", "e"))
	in := w.start(t, `{"name":"kept","value":1}`)
	e := w.at(t, in.ID, "a")
	w.post(t, "/runtime/executions/"+e.ID+"/variables", `[{"name":"own","value":1}]`).is(t, 201)
	// A refused action leaves nothing: the condition does not know secret.
	w.act(t, e.ID, `{"action":"signal","variables":[{"name":"way","value":"other"},{"name":"kept","value":2}]}`).is(t, 500)
	require.JSONEq(t, `[{"name":"kept","type":"integer","value":1,"scope":"local"}]`, w.get(t, "/runtime/executions/"+in.ID+"/variables").text())
	w.act(t, e.ID, `{"action":"signal","variables":[{"name":"way","value":"other"},{"name":"own","value":2,"scope":"nonsense"},{"name":"bad","type":"integer","value":"x"}]}`).is(t, 400)
	r := w.act(t, e.ID, `{"action":"signal","variables":[{"name":"way","value":"other"},{"name":"own","value":2,"scope":5}],"transientVariables":[{"name":"secret","value":true}]}`).is(t, 200)
	require.Equal(t, "other", *as[execution](t, r).ActivityID)
	require.JSONEq(t, `[{"name":"kept","type":"integer","value":1,"scope":"local"},{"name":"way","type":"string","value":"other","scope":"local"}]`,
		w.get(t, "/runtime/executions/"+in.ID+"/variables").text(), "new ones end on the root, transient ones nowhere")
	require.JSONEq(t, `{"name":"own","type":"integer","value":2,"scope":"local"}`, w.get(t, "/runtime/executions/"+e.ID+"/variables/own").text())
}

func TestTransientVariablesAlone(t *testing.T) {
	t.Parallel()
	w := setup(t, flowable.Config{})
	w.deploy(t, `<startEvent id="s"/><exclusiveGateway id="g" default="d"/><endEvent id="e"/>`+receive("a")+receive("b")+receive("other")+flow("s", "a")+flow("a", "g")+
		`<sequenceFlow id="d" sourceRef="g" targetRef="b"/><sequenceFlow sourceRef="g" targetRef="other"><conditionExpression>${way == 'other'}</conditionExpression></sequenceFlow>`+
		flow("b", "e")+flow("other", "e"))
	in := w.start(t)
	e := w.at(t, in.ID, "a")
	r := w.act(t, e.ID, `{"action":"signal","transientVariables":[{"name":"way","value":"other"}]}`).is(t, 200)
	require.Equal(t, "other", *as[execution](t, r).ActivityID)
	require.Equal(t, `[]`, w.get(t, "/runtime/executions/"+e.ID+"/variables").text())
}

func TestBroadcast(t *testing.T) {
	t.Parallel()
	w := setup(t, flowable.Config{})
	waiting := `<process id="p">` + line(waitGo, receive("b")) + `</process>`
	w.deployAll(t, waiting+`<process id="q"><startEvent id="s"><signalEventDefinition signalRef="go"/></startEvent>`+receive("a")+`<endEvent id="e"/>`+flow("s", "a")+flow("a", "e")+`</process>`, "")
	w.deployAll(t, waiting, "other")
	one, two, asleep := w.start(t), w.start(t), w.start(t)
	foreign := as[instance](t, w.post(t, "/runtime/process-instances", `{"processDefinitionKey":"p","tenantId":"other"}`).is(t, 201))
	w.put(t, "/runtime/process-instances/"+asleep.ID, `{"action":"suspend"}`).is(t, 200)
	w.put(t, "/runtime/executions", `{"action":"signalEventReceived","signalName":"go","variables":[{"name":"by","value":"all"}]}`).is(t, 204)
	w.at(t, one.ID, "b")
	w.at(t, two.ID, "b")
	w.at(t, asleep.ID, "c")
	w.at(t, foreign.ID, "c")
	started := w.find(t, "processDefinitionKey=q&activityId=a")
	require.Len(t, started, 1)
	for _, id := range []string{one.ID, two.ID, started[0].ProcessInstanceID} {
		require.JSONEq(t, `{"name":"by","type":"string","value":"all","scope":"local"}`, w.get(t, "/runtime/process-instances/"+id+"/variables/by").is(t, 200).text())
	}
	w.put(t, "/runtime/executions", `{"action":"signalEventReceived","signalName":"nobody"}`).is(t, 204)
	w.put(t, "/runtime/executions", `{"action":"messageEventReceived","messageName":"mail"}`).is(t, 400)
	w.post(t, "/runtime/signals", `{"signalName":"go","tenantId":"other","async":true}`).is(t, 202)
	w.at(t, foreign.ID, "b")
	w.post(t, "/runtime/signals", `{"signalName":"go","tenantId":"other","variables":[{"name":"x","value":1}]}`).is(t, 204)
	require.Len(t, w.find(t, "processDefinitionKey=q&activityId=a"), 1)
	w.post(t, "/runtime/signals", `{"signalName":"go"}`).is(t, 204)
	require.Len(t, w.find(t, "processDefinitionKey=q&activityId=a"), 2)
}

// Of callers that act on one execution at once, one wins.
func TestRaces(t *testing.T) {
	t.Parallel()
	w := setup(t, flowable.Config{})
	w.deploy(t, line(receive("a"), receive("b"), receive("c")))
	in := w.start(t)
	e := w.at(t, in.ID, "a").ID
	const callers = 20
	var mu sync.Mutex
	statuses := map[int]int{}
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			r := w.post(t, "/runtime/executions/"+e+"/variables", `[{"name":"once","value":1}]`)
			mu.Lock()
			defer mu.Unlock()
			statuses[r.status]++
		})
	}
	all.Wait()
	require.Equal(t, 1, statuses[http.StatusCreated], statuses)
	require.Equal(t, callers-1, statuses[http.StatusConflict], statuses)
	statuses = map[int]int{}
	for range callers {
		all.Go(func() {
			r := w.act(t, e, trigger)
			mu.Lock()
			defer mu.Unlock()
			statuses[r.status]++
		})
	}
	all.Wait()
	require.Equal(t, map[int]int{200: 2, 204: 1, 404: callers - 3}, statuses)
	w.ended(t, in.ID)
}
