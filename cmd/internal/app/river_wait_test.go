package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/cmd/internal/app"
	"github.com/riverstones/riverstones/gateway/client"
	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/stone"
	"github.com/riverstones/riverstones/store"
)

// gate is a stone that is done when the test lets it.
type gate struct {
	mu    sync.Mutex
	gates map[string]chan struct{} // by namespace
}

func (g *gate) of(namespace string) chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.gates == nil {
		g.gates = map[string]chan struct{}{}
	}
	if g.gates[namespace] == nil {
		g.gates[namespace] = make(chan struct{})
	}
	return g.gates[namespace]
}

func (g *gate) open(namespace string) { close(g.of(namespace)) }

func (g *gate) Start(ctx context.Context, t *stone.Task) error {
	select {
	case <-g.of(t.Namespace):
		return t.SetOutput("code", 1)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (g *gate) Cancel(context.Context, *stone.Task) error   { return nil }
func (g *gate) Rollback(context.Context, *stone.Task) error { return nil }

// yard is a system with the stones Gate and Steps, whose store the test looks into.
type yard struct {
	*works

	a    *app.App
	gate *gate
}

func newYard(t *testing.T, store string) *yard {
	t.Helper()
	y := &yard{gate: &gate{}}
	cfg := settings(t)
	cfg.Store, cfg.NATS = store, queuetest.Start(t).URL()
	j := &journal{fail: map[string]bool{}}
	y.a = start(t, cfg, app.Hooks{Stones: func(k *stone.Worker) error {
		return errors.Join(k.Add(stone.Spec{Code: "Gate", Concurrency: 20}, y.gate),
			k.Add(stone.Spec{Code: "Steps", Concurrency: 10, MaxAttempts: 1}, j))
	}})
	c := newClient(t, y.a.URL())
	y.works = &works{t: t, c: c, f: c.Flowable(client.FlowableConfig{}), journal: j}
	return y
}

// yards runs a test on both kinds of store.
func yards(t *testing.T, f func(t *testing.T, y *yard)) {
	t.Helper()
	for name, url := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t, newYard(t, url(t)))
		})
	}
}

// heard waits until a task has ended so, and the runtime has heard it.
func (y *yard) heard(t *testing.T, taskID, status string) {
	t.Helper()
	require.Eventually(t, func() bool {
		got, err := y.c.Get(within(t), taskID)
		if err != nil || got.Status != status {
			return false
		}
		rt, ok := y.a.Store().(store.Runtime)
		require.True(t, ok)
		ends, err := rt.Ends(within(t), 1)
		return err == nil && len(ends) == 0
	}, patience, 5*time.Millisecond, "task %s never was %s", taskID, status)
}

const afterGate = `<startEvent id="s"/><sequenceFlow sourceRef="s" targetRef="a"/><serviceTask id="a" riverstones:stone="Gate"/>
<sequenceFlow sourceRef="a" targetRef="x"/><exclusiveGateway id="x"/>
<sequenceFlow sourceRef="x" targetRef="e"><conditionExpression>${code == want}</conditionExpression></sequenceFlow><endEvent id="e"/>`

// What ends while its instance is suspended is taken when it is active again; if
// the model does not allow to go on then, it fails, and is not stuck.
func TestEndsWhileSuspended(t *testing.T) {
	t.Parallel()
	yards(t, func(t *testing.T, y *yard) {
		y.deploy("p", afterGate)
		good := y.start(client.NewProcess{Key: "p", Variables: json.RawMessage(`{"want":1}`)}).ID
		bad := y.start(client.NewProcess{Key: "p"}).ID
		var tasks []string
		for _, id := range []string{good, bad} {
			tasks = append(tasks, *y.step(id, "a", "start.begin").TaskID)
			_, err := y.f.SuspendInstance(within(t), id)
			require.NoError(t, err)
		}
		y.gate.open("a")
		for _, id := range tasks {
			y.heard(t, id, "start.success")
		}
		for id, status := range map[string]string{good: "completed", bad: "failed"} {
			p, err := y.c.Process(within(t), id)
			require.NoError(t, err)
			require.False(t, p.Ended())
			_, err = y.f.ActivateInstance(within(t), id)
			require.NoError(t, err)
			y.until(id, status)
		}
	})
}

const calls = `<startEvent id="s"/><sequenceFlow sourceRef="s" targetRef="one"/><serviceTask id="one" riverstones:stone="Steps"/>
<sequenceFlow sourceRef="one" targetRef="call"/><callActivity id="call" calledElement="inner" flowable:inheritVariables="true"/>
<boundaryEvent id="b" attachedToRef="call"><signalEventDefinition signalRef="go"/></boundaryEvent>
<sequenceFlow sourceRef="call" targetRef="e"/><endEvent id="e"/><sequenceFlow sourceRef="b" targetRef="z"/><receiveTask id="z"/><sequenceFlow sourceRef="z" targetRef="e"/>`

// signals deploys a process in a file that declares the signal go.
func (y *yard) signals(t *testing.T, key, elements string) {
	t.Helper()
	file := model(key, elements)
	at := slices.Index(file, '>') + 1
	file = slices.Insert(file, at, []byte(`<signal id="go" name="go"/>`)...)
	_, err := y.f.Deploy(within(t), client.NewDeployment{Name: key, File: client.File{Name: key + ".bpmn", Bytes: file}})
	require.NoError(t, err)
}

// called returns the instance that another one has called.
func (y *yard) called(t *testing.T, id string) (p client.ProcessInstance) {
	t.Helper()
	require.Eventually(t, func() bool {
		all, _, err := y.c.Processes(within(t), client.ProcessFilter{SuperProcessInstanceID: id})
		if err == nil && len(all) == 1 {
			p = all[0]
		}
		return p.ID != ""
	}, patience, 5*time.Millisecond)
	return p
}

func TestACallerIsSuspended(t *testing.T) {
	t.Parallel()
	yards(t, func(t *testing.T, y *yard) {
		y.deploy("inner", afterGate)
		y.signals(t, "p", calls)
		id := y.start(client.NewProcess{Key: "p", Variables: json.RawMessage(`{"want":1}`)}).ID
		inner := y.called(t, id).ID
		taskID := *y.step(inner, "a", "start.begin").TaskID
		_, err := y.f.SuspendInstance(within(t), id)
		require.NoError(t, err)
		y.gate.open("a")
		y.heard(t, taskID, "start.success")
		_, err = y.f.ActivateInstance(within(t), id)
		require.NoError(t, err)
		y.until(inner, "completed")
		y.until(id, "completed")
	})
}

// An interrupting boundary event of a call activity ends the called instance,
// and cancels what its stones are doing.
func TestAnInterruptedCallCancelsItsTasks(t *testing.T) {
	t.Parallel()
	yards(t, func(t *testing.T, y *yard) {
		y.deploy("inner", afterGate)
		y.signals(t, "p", calls)
		id := y.start(client.NewProcess{Key: "p"}).ID
		inner := y.called(t, id).ID
		taskID := *y.step(inner, "a", "start.begin").TaskID
		require.NoError(t, y.f.BroadcastSignal(within(t), "go"))
		y.until(inner, "canceled")
		y.heard(t, taskID, "cancel.success")
		at, err := y.f.ActiveActivities(within(t), id)
		require.NoError(t, err)
		require.Equal(t, []string{"z"}, at)
		require.NoError(t, y.f.DeleteInstance(within(t), id, "enough"))
	})
}

// The failure of a called instance rolls back what its callers did too.
func TestACalledFailureRollsBackTheTree(t *testing.T) {
	t.Parallel()
	yards(t, func(t *testing.T, y *yard) {
		y.deploy("inner", `<startEvent id="s"/><sequenceFlow sourceRef="s" targetRef="two"/><serviceTask id="two" riverstones:stone="Steps"/>
<sequenceFlow sourceRef="two" targetRef="three"/><serviceTask id="three" riverstones:stone="Steps"/><sequenceFlow sourceRef="three" targetRef="e"/><endEvent id="e"/>`)
		y.signals(t, "p", calls)
		y.journal.failing("start three", true)
		id := y.start(client.NewProcess{Key: "p"}).ID
		p := y.until(id, "failed")
		require.Equal(t, []string{"start one", "start two", "start three", "rollback three", "rollback two", "rollback one"}, y.journal.told())
		y.until(y.called(t, id).ID, "failed")
		require.NotNil(t, p.RollbackProcessInstanceID)
	})
}

// A caught failure rolls nothing back: it ends what stands beside it.
func TestACaughtFailureEndsWhatStandsBeside(t *testing.T) {
	t.Parallel()
	yards(t, func(t *testing.T, y *yard) {
		y.deploy("inner", `<startEvent id="s"/><sequenceFlow sourceRef="s" targetRef="f"/><parallelGateway id="f"/>
<sequenceFlow sourceRef="f" targetRef="a"/><serviceTask id="a" riverstones:stone="Gate"/><sequenceFlow sourceRef="f" targetRef="three"/>
<serviceTask id="three" riverstones:stone="Steps"/>`)
		y.deploy("p", `<startEvent id="s"/><sequenceFlow sourceRef="s" targetRef="call"/><callActivity id="call" calledElement="inner">
<multiInstanceLoopCharacteristics><loopCardinality>2</loopCardinality></multiInstanceLoopCharacteristics></callActivity>
<boundaryEvent id="b" attachedToRef="call"><errorEventDefinition/></boundaryEvent><sequenceFlow sourceRef="b" targetRef="e"/>
<sequenceFlow sourceRef="call" targetRef="e"/><endEvent id="e"/>`)
		y.journal.failing("start three", true)
		id := y.start(client.NewProcess{Key: "p"}).ID
		p := y.until(id, "completed")
		require.Nil(t, p.RollbackProcessInstanceID)
		all, _, err := y.c.Processes(within(t), client.ProcessFilter{SuperProcessInstanceID: id})
		require.NoError(t, err)
		require.Len(t, all, 2)
		for _, one := range all {
			require.Equal(t, "canceled", one.ProcessStatus)
			tasks, _, err := y.c.List(within(t), client.Filter{ProcessInstanceID: one.ID})
			require.NoError(t, err)
			for i := range tasks {
				got, err := y.c.WaitEnd(within(t), tasks[i].TaskID, 5*time.Millisecond)
				require.NoError(t, err)
				require.Contains(t, []string{"canceled", "cancel.success", "start.failed"}, got.Status)
			}
		}
	})
}

// With its deployment an instance goes, and its tasks are cancelled.
func TestDeploymentIsDeletedUnderAnInstance(t *testing.T) {
	t.Parallel()
	yards(t, func(t *testing.T, y *yard) {
		d := y.deploy("p", afterGate)
		id := y.start(client.NewProcess{Key: "p"}).ID
		taskID := *y.step(id, "a", "start.begin").TaskID
		require.Error(t, y.f.DeleteDeployment(within(t), d.DeploymentID, false))
		require.NoError(t, y.f.DeleteDeployment(within(t), d.DeploymentID, true))
		y.heard(t, taskID, "cancel.success")
		_, err := y.c.Process(within(t), id)
		require.ErrorIs(t, err, client.ErrNotFound)
	})
}

const forWorkers = `<startEvent id="s"/><sequenceFlow sourceRef="s" targetRef="w"/>
<serviceTask id="w" flowable:type="external-worker" flowable:topic="Late"/><sequenceFlow sourceRef="w" targetRef="e"/><endEvent id="e"/>`

// A stone that announces itself later takes over what no worker has taken over
// REST; what one has taken and given back too.
func TestAStoneAnnouncesItselfLater(t *testing.T) {
	t.Parallel()
	yards(t, func(t *testing.T, y *yard) {
		y.deploy("p", forWorkers)
		var ids []string
		for range 4 {
			ids = append(ids, y.start(client.NewProcess{Key: "p"}).ID)
		}
		jobs, err := y.f.Acquire(within(t), client.Acquire{Topic: "Late", WorkerID: "w", LockDuration: "PT1H", NumberOfTasks: 2})
		require.NoError(t, err)
		require.Len(t, jobs, 2)
		require.NoError(t, y.f.UnacquireJob(within(t), jobs[1].ID, "w"))
		ran := &tally{}
		runStone(t, y.a.NATSURL(), "Late", ran)
		for _, id := range ids {
			if id != *jobs[0].ProcessInstanceID {
				y.until(id, "completed")
			}
		}
		require.NoError(t, y.f.CompleteJob(within(t), jobs[0].ID, "w"))
		y.until(*jobs[0].ProcessInstanceID, "completed")
		require.Len(t, ran.all(), 3)
	})
}

// tally counts runs by task.
type tally struct {
	mu   sync.Mutex
	runs map[string]int
}

func (c *tally) add(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.runs == nil {
		c.runs = map[string]int{}
	}
	c.runs[id]++
}

func (c *tally) all() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.runs)
}

func (c *tally) Start(_ context.Context, t *stone.Task) error {
	c.add(t.TaskID)
	return nil
}

// runStone runs a stone until the test ends.
func runStone(t *testing.T, nats, code string, s stone.Stone) {
	t.Helper()
	nc, err := queue.Connect(nats, queue.ConnectConfig{})
	require.NoError(t, err)
	w, err := stone.NewWorker(nc, stone.Config{Logger: logger(t)})
	require.NoError(t, err)
	require.NoError(t, w.Add(stone.Spec{Code: code, Concurrency: 2}, s))
	require.NoError(t, w.Start(t.Context()))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		require.NoError(t, w.Stop(ctx))
		nc.Close()
	})
}
