package flowable_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/flowable"
)

// Each row of the table of an id's life (8.2).
func TestLifeOfAnID(t *testing.T) {
	t.Parallel()
	moved := func(t *testing.T, r response, activity string) execution {
		t.Helper()
		e := as[execution](t, r.is(t, 200))
		require.Equal(t, activity, *e.ActivityID)
		return e
	}
	shared, n := setup(t, flowable.Config{}), 0
	for name, test := range map[string]func(t *testing.T, w *world){
		"next activity": func(t *testing.T, w *world) {
			w.deploy(t, line(receive("a"), `<manualTask id="m"/>`, `<exclusiveGateway id="x"/>`, receive("b")))
			in := w.start(t)
			e := w.at(t, in.ID, "a")
			require.Equal(t, e.ID, moved(t, w.act(t, e.ID, trigger), "b").ID)
			w.act(t, e.ID, trigger).is(t, 204)
			w.gone(t, e.ID)
			w.ended(t, in.ID)
		},
		"join and fork": func(t *testing.T, w *world) {
			w.deploy(t, `<startEvent id="s"/><parallelGateway id="f"/><parallelGateway id="j"/><endEvent id="e"/>`+receive("a")+receive("b")+receive("c")+
				flow("s", "f")+flow("f", "a")+flow("f", "b")+flow("a", "j")+flow("b", "j")+flow("j", "c")+flow("c", "e"))
			in := w.start(t)
			a, b := w.at(t, in.ID, "a"), w.at(t, in.ID, "b")
			require.ElementsMatch(t, []string{"a", "b"}, w.activities(t, in.ID))
			moved(t, w.act(t, a.ID, trigger), "j")
			require.Empty(t, w.find(t, "activityId=j&processInstanceId="+in.ID), "it waits, and is not active")
			require.Equal(t, []string{"b"}, w.activities(t, in.ID))
			w.act(t, a.ID, trigger).is(t, 500)
			require.Equal(t, b.ID, moved(t, w.act(t, b.ID, trigger), "c").ID)
			w.gone(t, a.ID)
			w.act(t, b.ID, trigger).is(t, 204)
			w.ended(t, in.ID)
		},
		"end with siblings": func(t *testing.T, w *world) {
			w.deploy(t, `<startEvent id="s"/><parallelGateway id="f"/><endEvent id="e"/>`+receive("a")+receive("b")+
				flow("s", "f")+flow("f", "a")+flow("f", "b")+flow("a", "e")+flow("b", "e"))
			in := w.start(t)
			a := w.at(t, in.ID, "a")
			w.act(t, a.ID, trigger).is(t, 204)
			w.gone(t, a.ID)
			w.get(t, "/runtime/process-instances/"+in.ID).is(t, 200)
			w.act(t, w.at(t, in.ID, "b").ID, trigger).is(t, 204)
			w.ended(t, in.ID)
		},
		"subprocess": func(t *testing.T, w *world) {
			w.deploy(t, line(receive("a"), `<subProcess id="sub"><startEvent id="s"/><endEvent id="e"/>`+receive("in")+flow("s", "in")+flow("in", "e")+`</subProcess>`, receive("b")))
			in := w.start(t)
			a := w.at(t, in.ID, "a")
			w.act(t, a.ID, trigger).is(t, 204) // enters: replaced by the scope
			w.gone(t, a.ID)
			scope, inner := w.at(t, in.ID, "sub"), w.at(t, in.ID, "in")
			require.Equal(t, in.ID, *scope.ParentID)
			require.Equal(t, scope.ID, *inner.ParentID)
			require.Equal(t, []string{"sub", "in"}, w.activities(t, in.ID))
			w.act(t, scope.ID, trigger).is(t, 500)
			w.act(t, inner.ID, trigger).is(t, 204) // the last one to end
			w.gone(t, inner.ID)
			w.gone(t, scope.ID)
			b := w.at(t, in.ID, "b")
			require.NotContains(t, []string{a.ID, inner.ID, scope.ID}, b.ID)
		},
		"interrupting boundary event": func(t *testing.T, w *world) {
			w.deploy(t, line(receive("a"))+`<boundaryEvent id="stopped" attachedToRef="a"><signalEventDefinition signalRef="go"/></boundaryEvent><endEvent id="e2"/>`+
				receive("after")+flow("stopped", "after")+flow("after", "e2"))
			in := w.start(t)
			a, stopped := w.at(t, in.ID, "a"), w.at(t, in.ID, "stopped")
			require.Equal(t, a.ID, *stopped.ParentID)
			e := moved(t, w.act(t, stopped.ID, signalGo), "after")
			require.Equal(t, stopped.ID, e.ID)
			require.Equal(t, in.ID, *e.ParentID)
			w.gone(t, a.ID)
		},
		"non-interrupting boundary event": func(t *testing.T, w *world) {
			w.deploy(t, line(receive("a"))+`<boundaryEvent id="asked" attachedToRef="a" cancelActivity="false"><messageEventDefinition messageRef="mail"/></boundaryEvent><endEvent id="e2"/>`+
				receive("after")+flow("asked", "after")+flow("after", "e2"))
			in := w.start(t)
			a, asked := w.at(t, in.ID, "a"), w.at(t, in.ID, "asked")
			require.Equal(t, asked.ID, moved(t, w.act(t, asked.ID, getMail), "asked").ID)
			moved(t, w.act(t, asked.ID, trigger), "asked")
			require.Len(t, w.find(t, "messageEventSubscriptionName=mail&processInstanceId="+in.ID), 1, "still subscribed")
			require.Len(t, w.find(t, "activityId=after&processInstanceId="+in.ID), 2)
			w.act(t, a.ID, trigger).is(t, 204) // attached activity completes: the boundary goes
			w.gone(t, asked.ID)
			w.get(t, "/runtime/process-instances/"+in.ID).is(t, 200)
		},
		"call activity": func(t *testing.T, w *world) {
			w.deploy(t, line(`<callActivity id="call" calledElement="q"/>`, receive("b")))
			w.with("q").deploy(t, line(receive("in")))
			in := w.start(t)
			call := w.at(t, in.ID, "call")
			called := as[pageOf[instance]](t, w.get(t, "/runtime/process-instances?superProcessInstanceId="+in.ID).is(t, 200)).Data
			require.Len(t, called, 1)
			require.Equal(t, in.ID, *called[0].SuperProcessInstanceID)
			caller := as[pageOf[instance]](t, w.get(t, "/runtime/process-instances?subProcessInstanceId="+called[0].ID).is(t, 200)).Data
			require.Equal(t, in.ID, caller[0].ID)
			require.Len(t, caller, 1)
			root := as[execution](t, w.get(t, "/runtime/executions/"+called[0].ID).is(t, 200))
			require.Nil(t, root.ParentID)
			require.Equal(t, call.ID, *root.SuperExecutionID)
			require.Equal(t, w.base+"/runtime/executions/"+call.ID, *root.SuperExecutionURL)
			require.Equal(t, []string{"call"}, w.activities(t, in.ID))
			require.Len(t, w.find(t, "processInstanceId="+in.ID), 2)
			w.act(t, call.ID, trigger).is(t, 500)
			w.act(t, w.at(t, called[0].ID, "in").ID, trigger).is(t, 204)
			w.ended(t, called[0].ID)
			require.Equal(t, call.ID, w.at(t, in.ID, "b").ID)
		},
		"event gateway": func(t *testing.T, w *world) {
			w.deploy(t, `<startEvent id="s"/><eventBasedGateway id="g"/><endEvent id="e"/>`+receive("a")+
				`<intermediateCatchEvent id="c1"><signalEventDefinition signalRef="go"/></intermediateCatchEvent><intermediateCatchEvent id="c2"><messageEventDefinition messageRef="mail"/></intermediateCatchEvent>`+
				flow("s", "g")+flow("g", "c1")+flow("g", "c2")+flow("c1", "a")+flow("c2", "a")+flow("a", "e"))
			in := w.start(t)
			c1, c2 := w.at(t, in.ID, "c1"), w.at(t, in.ID, "c2")
			require.Equal(t, c2.ID, moved(t, w.act(t, c2.ID, getMail), "a").ID)
			w.gone(t, c1.ID)
		},
	} {
		n++
		w := shared.with(fmt.Sprint("p", n))
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, w)
		})
	}
}
