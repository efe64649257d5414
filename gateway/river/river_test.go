package river_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/gateway/river"
	"github.com/riverstones/riverstones/gateway/river/variable"
	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/sqlite"
)

// bed is a runtime on a store of its own.
type bed struct {
	t  *testing.T
	st *sqlite.Store
	r  *river.Runtime
}

func setup(t *testing.T) *bed {
	t.Helper()
	st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "river.db"), sqlite.Config{Migrate: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, st.Close()) })
	r, err := river.New(river.Config{}, river.Deps{Store: st})
	require.NoError(t, err)
	return &bed{t, st, r}
}

const frame = `<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:flowable="http://flowable.org/bpmn"
 xmlns:riverstones="http://riverstones.io/bpmn" targetNamespace="test">
<signal id="go" name="go"/><signal id="inner" name="inner" flowable:scope="processInstance"/><message id="mail" name="mail"/><error id="bad" errorCode="BAD"/>
%s</definitions>`

// deploy deploys a process p of these elements.
func (b *bed) deploy(elements string) store.Definition {
	b.t.Helper()
	return b.deployAll(`<process id="p" name="P">` + elements + `</process>`)[0]
}

func (b *bed) deployAll(processes string) []store.Definition {
	b.t.Helper()
	_, defs, err := b.r.Deploy(b.t.Context(), river.NewDeployment{Name: "test", Files: []river.File{
		{Name: "p.bpmn20.xml", Bytes: fmt.Appendf(nil, frame, processes)}}})
	require.NoError(b.t, err)
	return defs
}

func (b *bed) start(vars ...river.Var) store.Instance {
	b.t.Helper()
	in, err := b.r.StartInstance(b.t.Context(), river.Start{Key: "p", Variables: vars})
	require.NoError(b.t, err)
	return in
}

func (b *bed) executions(instance string) []store.Execution {
	b.t.Helper()
	all, err := b.st.Tree(b.t.Context(), instance)
	require.NoError(b.t, err)
	return all
}

// at returns the only execution at an activity.
func (b *bed) at(instance, activity string) store.Execution {
	b.t.Helper()
	var found []store.Execution
	for _, e := range b.executions(instance) {
		if e.Activity == activity {
			found = append(found, e)
		}
	}
	require.Len(b.t, found, 1, activity)
	return found[0]
}

func (b *bed) instance(id string) store.Instance {
	b.t.Helper()
	all, _, err := b.st.Instances(b.t.Context(), store.InstanceFilter{ID: id, Paging: store.Paging{Size: 1}})
	require.NoError(b.t, err)
	require.Len(b.t, all, 1)
	return all[0]
}

func (b *bed) act(id string, a river.Action) *store.ExecutionView {
	b.t.Helper()
	v, err := b.r.Act(b.t.Context(), id, a)
	require.NoError(b.t, err)
	return v
}

func str(name, v string) river.Var { return river.Var{Name: name, Value: variable.String(v)} }

func num(name string, v int32) river.Var { return river.Var{Name: name, Value: variable.Integer(v)} }

func kind(err error) fault.Kind { return fault.Of(err).Kind }

var trigger = river.Action{Kind: river.Trigger}

func TestReceiveTask(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.deploy(`<startEvent id="s"/><sequenceFlow sourceRef="s" targetRef="a"/><receiveTask id="a"/><sequenceFlow sourceRef="a" targetRef="b"/>
<receiveTask id="b"/><sequenceFlow sourceRef="b" targetRef="e"/><endEvent id="e"/>`)
	in := b.start(str("x", "1"))
	require.Len(t, b.executions(in.ID), 2)
	e := b.at(in.ID, "a")
	v := b.act(e.ID, river.Action{Kind: river.Trigger, Variables: []river.Var{str("y", "2")}})
	require.Equal(t, "b", v.Activity)
	require.Equal(t, e.ID, v.ID)
	vars, err := b.r.Variables(t.Context(), e.ID, river.AnyScope)
	require.NoError(t, err)
	require.Len(t, vars, 2)
	require.Nil(t, b.act(e.ID, trigger))
	_, err = b.r.Act(t.Context(), e.ID, trigger)
	require.Equal(t, fault.NotFound, kind(err))
	require.Equal(t, store.Completed, b.instance(in.ID).Status)
	require.Empty(t, b.executions(in.ID))
	acts, err := b.st.Activities(t.Context(), in.ID)
	require.NoError(t, err)
	require.Len(t, acts, 4)
}

// A model that starts by a timer is refused at deployment, and told what to do.
func TestATimerStartIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	model := fmt.Appendf(nil, frame, `<process id="p">
<startEvent id="daily"><timerEventDefinition><timeCycle>R/PT24H</timeCycle></timerEventDefinition></startEvent>
<sequenceFlow sourceRef="daily" targetRef="a"/><receiveTask id="a"/></process>`)
	_, _, err := b.r.Deploy(t.Context(), river.NewDeployment{Files: []river.File{{Name: "p.bpmn", Bytes: model}}})
	require.Equal(t, fault.Invalid, kind(err))
	require.ErrorContains(t, err, "p.bpmn: line 5: startEvent daily: a timer does not start a process: timers are for intermediateCatchEvent and boundaryEvent")
	_, total, err := b.st.Definitions(t.Context(), store.DefinitionFilter{})
	require.NoError(t, err)
	require.Zero(t, total)
}

func TestForkAndJoin(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.deploy(`<startEvent id="s"/><sequenceFlow sourceRef="s" targetRef="f"/><parallelGateway id="f"/>
<sequenceFlow sourceRef="f" targetRef="a"/><sequenceFlow sourceRef="f" targetRef="b"/><receiveTask id="a"/><receiveTask id="b"/>
<sequenceFlow sourceRef="a" targetRef="j"/><sequenceFlow sourceRef="b" targetRef="j"/><parallelGateway id="j"/>
<sequenceFlow sourceRef="j" targetRef="c"/><receiveTask id="c"/><sequenceFlow sourceRef="c" targetRef="e"/><endEvent id="e"/>`)
	in := b.start()
	one, two := b.at(in.ID, "a"), b.at(in.ID, "b")
	v := b.act(one.ID, trigger)
	require.Equal(t, "j", v.Activity)
	require.False(t, v.Active)
	_, err := b.r.Act(t.Context(), one.ID, trigger)
	require.Equal(t, fault.State, kind(err))
	v = b.act(two.ID, trigger)
	require.Equal(t, "c", v.Activity)
	require.True(t, v.Active)
	require.Len(t, b.executions(in.ID), 2)
}

func TestSubProcessAndBoundary(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.deploy(`<startEvent id="s"/><sequenceFlow sourceRef="s" targetRef="sub"/>
<subProcess id="sub"><startEvent id="s2"/><sequenceFlow sourceRef="s2" targetRef="a"/><receiveTask id="a"/><sequenceFlow sourceRef="a" targetRef="e2"/><endEvent id="e2"/></subProcess>
<boundaryEvent id="stop" attachedToRef="sub"><signalEventDefinition signalRef="go"/></boundaryEvent>
<sequenceFlow sourceRef="stop" targetRef="w"/><receiveTask id="w"/>
<sequenceFlow sourceRef="sub" targetRef="n"/><receiveTask id="n"/><sequenceFlow sourceRef="n" targetRef="e"/><endEvent id="e"/>`)
	in := b.start()
	require.Len(t, b.executions(in.ID), 4)
	sub, boundary := b.at(in.ID, "sub"), b.at(in.ID, "stop")
	require.Equal(t, sub.ID, boundary.Parent)
	v := b.act(boundary.ID, river.Action{Kind: river.SignalReceived, Name: "go"})
	require.Equal(t, "w", v.Activity)
	require.Equal(t, in.ID, v.Parent)
	require.Len(t, b.executions(in.ID), 2)

	in = b.start()
	require.Nil(t, b.act(b.at(in.ID, "a").ID, trigger))
	require.Len(t, b.executions(in.ID), 2)
	require.Equal(t, in.ID, b.at(in.ID, "n").Parent)
}

func TestGatewaysByConditions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.deploy(`<startEvent id="s"/><sequenceFlow sourceRef="s" targetRef="x"/><exclusiveGateway id="x" default="d"/>
<sequenceFlow id="f1" sourceRef="x" targetRef="a"><conditionExpression>${n == 1}</conditionExpression></sequenceFlow>
<sequenceFlow id="f2" sourceRef="x" targetRef="i"><conditionExpression>${n &gt; 1}</conditionExpression></sequenceFlow>
<sequenceFlow id="d" sourceRef="x" targetRef="z"/><receiveTask id="a"/><receiveTask id="z"/>
<inclusiveGateway id="i"/>
<sequenceFlow sourceRef="i" targetRef="b"><conditionExpression>${n &gt; 1}</conditionExpression></sequenceFlow>
<sequenceFlow sourceRef="i" targetRef="c"><conditionExpression>${n &gt; 2}</conditionExpression></sequenceFlow>
<receiveTask id="b"/><receiveTask id="c"/><sequenceFlow sourceRef="b" targetRef="j"/><sequenceFlow sourceRef="c" targetRef="j"/>
<inclusiveGateway id="j"/><sequenceFlow sourceRef="j" targetRef="k"/><receiveTask id="k"/>`)
	b.at(b.start(num("n", 1)).ID, "a")
	b.at(b.start(num("n", 0)).ID, "z")
	in := b.start(num("n", 2))
	require.Equal(t, "k", b.act(b.at(in.ID, "b").ID, trigger).Activity)
	in = b.start(num("n", 3))
	require.Equal(t, "j", b.act(b.at(in.ID, "b").ID, trigger).Activity)
	require.Equal(t, "k", b.act(b.at(in.ID, "c").ID, trigger).Activity)
	_, err := b.r.StartInstance(t.Context(), river.Start{Key: "p"})
	require.Equal(t, fault.State, kind(err))
	_, total, err := b.st.Instances(context.WithoutCancel(t.Context()), store.InstanceFilter{})
	require.NoError(t, err)
	require.Equal(t, 4, total)
}
