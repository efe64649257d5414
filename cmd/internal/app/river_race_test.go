package app_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/cmd/internal/app"
	"github.com/riverstones/riverstones/cmd/internal/config"
	"github.com/riverstones/riverstones/gateway/client"
	"github.com/riverstones/riverstones/gateway/river"
	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/stone"
	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/postgres"
	"github.com/riverstones/riverstones/store/storetest/pgtest"
)

// noWorker are the roles of a process whose stones work elsewhere.
var noWorker = []config.Role{config.Recorder, config.Gateway, config.River}

const both = `<startEvent id="s"/><sequenceFlow sourceRef="s" targetRef="w"/>
<serviceTask id="w" flowable:type="external-worker" flowable:topic="Both"/><sequenceFlow sourceRef="w" targetRef="e"/><endEvent id="e"/>`

// Work is done by a stone or by a worker over REST, never by both, and never by
// nobody.
func TestExternalWorkIsTakenOnce(t *testing.T) {
	t.Parallel()
	const races = 500
	ran := &tally{}
	cfg := settings(t)
	cfg.Roles, cfg.NATS = noWorker, queuetest.Start(t).URL()
	a := start(t, cfg, app.Hooks{})
	runStone(t, cfg.NATS, "Both", ran)
	c := newClient(t, a.URL())
	w := &works{t: t, c: c, f: c.Flowable(client.FlowableConfig{})}
	w.deploy("p", both)
	require.Eventually(t, func() bool {
		s, err := c.Stone(t.Context(), "Both")
		return err == nil && s.Declared
	}, patience, 5*time.Millisecond)

	_, err := c.PauseStone(within(t), "Both")
	require.NoError(t, err)
	ids := make([]string, races)
	var starters, workers sync.WaitGroup
	for g := range 5 {
		starters.Go(func() {
			for i := g; i < races; i += 5 {
				p, err := c.StartProcess(within(t), client.NewProcess{Key: "p"})
				if !assert.NoError(t, err) {
					return
				}
				ids[i] = p.ID
			}
		})
	}
	starters.Wait()

	taken := &tally{}
	for range 3 {
		workers.Go(func() { w.takeJobs(t, "Both", taken) })
	}
	require.Eventually(t, func() bool { return len(taken.all()) > 10 }, patience, time.Millisecond)
	_, err = c.ResumeStone(within(t), "Both")
	require.NoError(t, err)
	workers.Wait()
	for _, id := range ids {
		w.until(id, "completed")
	}
	byStone, byWorker := ran.all(), taken.all()
	require.NotEmpty(t, byStone)
	require.NotEmpty(t, byWorker)
	require.Len(t, byStone, races-len(byWorker))
	for id, n := range byStone {
		require.Equal(t, 1, n, id)
		require.Zero(t, byWorker[id], "both did %s", id)
	}
	for id, n := range byWorker {
		require.Equal(t, 1, n, id)
	}
}

// takeJobs takes jobs and completes them until there is nothing to be had.
func (w *works) takeJobs(t *testing.T, topic string, taken *tally) {
	t.Helper()
	for {
		jobs, err := w.f.Acquire(within(t), client.Acquire{Topic: topic, WorkerID: "w", LockDuration: "PT1H", NumberOfTasks: 5})
		if !assert.NoError(t, err) || len(jobs) == 0 {
			return
		}
		for i := range jobs {
			taken.add(jobs[i].ID)
			assert.NoError(t, w.f.CompleteJob(within(t), jobs[i].ID, "w"))
		}
	}
}

// Two processes with all roles share the work; one of them stops in the middle.
// Each task is done once, and each end heard once.
func TestTwoRivers(t *testing.T) {
	t.Parallel()
	url, nats := pgtest.Postgres(t), queuetest.Start(t).URL()
	ran := &tally{}
	var apps []*app.App
	for range 2 {
		cfg := settings(t)
		cfg.Store, cfg.NATS = url, nats
		apps = append(apps, start(t, cfg, app.Hooks{Stones: func(w *stone.Worker) error {
			return w.Add(stone.Spec{Code: "Steps", Concurrency: 10}, ran)
		}}))
	}
	c := newClient(t, apps[1].URL())
	w := &works{t: t, c: c, f: c.Flowable(client.FlowableConfig{})}
	w.deploy("p", `<startEvent id="s"/><sequenceFlow sourceRef="s" targetRef="one"/><serviceTask id="one" riverstones:stone="Steps"/>
<sequenceFlow sourceRef="one" targetRef="two"/><serviceTask id="two" riverstones:stone="Steps" flowable:async="true"/>
<sequenceFlow sourceRef="two" targetRef="three"/><serviceTask id="three" riverstones:stone="Steps"/><sequenceFlow sourceRef="three" targetRef="e"/><endEvent id="e"/>`)
	const n = 40
	var ids []string
	for i := range n {
		ids = append(ids, w.start(client.NewProcess{Key: "p"}).ID)
		if i == n/2 {
			stop(t, apps[0])
		}
	}
	rt := runtimeOf(t, apps[1])
	for _, id := range ids {
		w.until(id, "completed")
		acts, err := rt.Activities(within(t), id)
		require.NoError(t, err)
		require.Len(t, acts, 5, "each activity was left once")
	}
	runs := ran.all()
	require.Len(t, runs, 3*n)
	for id, times := range runs {
		require.Equal(t, 1, times, id)
	}
	ends, err := rt.Ends(within(t), 1)
	require.NoError(t, err)
	require.Empty(t, ends)
}

func runtimeOf(t *testing.T, a *app.App) store.Runtime {
	t.Helper()
	rt, ok := a.Store().(store.Runtime)
	require.True(t, ok)
	return rt
}

// A step is committed, and its process dies before anything is published: the
// next one publishes the task, once.
func TestCommittedBeforeTheRelay(t *testing.T) {
	t.Parallel()
	url := pgtest.Postgres(t)
	st, err := postgres.Open(t.Context(), url, postgres.Config{})
	require.NoError(t, err)
	r, err := river.New(river.Config{}, river.Deps{Store: st}) // with nobody to relay
	require.NoError(t, err)
	_, _, err = r.Deploy(t.Context(), river.NewDeployment{Files: []river.File{{Name: "q.bpmn", Bytes: model("q", oneStone)}}})
	require.NoError(t, err)
	in, err := r.StartInstance(t.Context(), river.Start{Key: "q"})
	require.NoError(t, err)
	require.NoError(t, st.Close())

	ran := &tally{}
	cfg := settings(t)
	cfg.Store = url
	a := start(t, cfg, with("Steps", ran))
	ended(t, a, in.ID, store.Completed)
	require.Len(t, ran.all(), 1)
	for _, times := range ran.all() {
		require.Equal(t, 1, times)
	}
	c := newClient(t, a.URL())
	all, _, err := c.List(within(t), client.Filter{ProcessInstanceID: in.ID})
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.Equal(t, 1, all[0].Attempt)
}

const oneStone = `<startEvent id="s"/><sequenceFlow sourceRef="s" targetRef="one"/><serviceTask id="one" riverstones:stone="Steps"/>
<sequenceFlow sourceRef="one" targetRef="e"/><endEvent id="e"/>`

// A whole system is stopped while an instance waits in every way that there is,
// and the next one goes on with it.
func TestRestartInEveryWaitState(t *testing.T) {
	t.Parallel()
	for name, url := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := settings(t)
			cfg.Roles, cfg.Store, cfg.NATS = noWorker, url(t), queuetest.Start(t).URL()
			g := &gate{}
			runStone(t, cfg.NATS, "Gate", g)
			a := start(t, cfg, app.Hooks{})
			c := newClient(t, a.URL())
			w := &works{t: t, c: c, f: c.Flowable(client.FlowableConfig{})}
			w.deploy("inner", `<startEvent id="s"/><sequenceFlow sourceRef="s" targetRef="in"/><receiveTask id="in"/>`)
			w.deploy("p", everyWait)
			id := w.start(client.NewProcess{Key: "p"}).ID
			w.step(id, "stone", "start.begin")
			_, err := w.f.SuspendInstance(within(t), id)
			require.NoError(t, err)
			stop(t, a)

			a = start(t, cfg, app.Hooks{})
			c = newClient(t, a.URL())
			w = &works{t: t, c: c, f: c.Flowable(client.FlowableConfig{})}
			_, err = w.f.ActivateInstance(within(t), id)
			require.NoError(t, err)
			g.open("stone")
			w.finishAll(t, id)
			w.until(id, "completed")
		})
	}
}

const everyWait = `<startEvent id="s"/><sequenceFlow sourceRef="s" targetRef="f"/><parallelGateway id="f"/><parallelGateway id="j"/>
<sequenceFlow sourceRef="f" targetRef="receive"/><receiveTask id="receive"/><sequenceFlow sourceRef="receive" targetRef="j"/>
<sequenceFlow sourceRef="f" targetRef="user"/><userTask id="user"/><sequenceFlow sourceRef="user" targetRef="j"/>
<sequenceFlow sourceRef="f" targetRef="timer"/><intermediateCatchEvent id="timer"><timerEventDefinition><timeDuration>PT1S</timeDuration></timerEventDefinition></intermediateCatchEvent>
<sequenceFlow sourceRef="timer" targetRef="j"/>
<sequenceFlow sourceRef="f" targetRef="call"/><callActivity id="call" calledElement="inner"/><sequenceFlow sourceRef="call" targetRef="j"/>
<sequenceFlow sourceRef="f" targetRef="stone"/><serviceTask id="stone" riverstones:stone="Gate"/><sequenceFlow sourceRef="stone" targetRef="j"/>
<sequenceFlow sourceRef="f" targetRef="work"/><serviceTask id="work" flowable:type="external-worker" flowable:topic="w"/><sequenceFlow sourceRef="work" targetRef="j"/>
<sequenceFlow sourceRef="f" targetRef="loop"/><receiveTask id="loop"><multiInstanceLoopCharacteristics><loopCardinality>2</loopCardinality></multiInstanceLoopCharacteristics></receiveTask>
<sequenceFlow sourceRef="loop" targetRef="j"/><sequenceFlow sourceRef="j" targetRef="e"/><endEvent id="e"/>`

// finishAll does what people, clients and workers do.
func (w *works) finishAll(t *testing.T, id string) {
	t.Helper()
	ctx := within(t)
	tasks, err := w.f.UserTasks(ctx, client.UserTaskFilter{ProcessInstanceID: id}, client.Paging{})
	require.NoError(t, err)
	require.Len(t, tasks.Data, 1)
	require.NoError(t, w.f.CompleteTask(ctx, tasks.Data[0].ID))
	jobs, err := w.f.Acquire(ctx, client.Acquire{Topic: "w", WorkerID: "w", LockDuration: "PT1H", NumberOfTasks: 1})
	require.NoError(t, err)
	require.Len(t, jobs, 1)
	require.NoError(t, w.f.CompleteJob(ctx, jobs[0].ID, "w"))
	acted := 0
	for _, at := range []string{"receive", "in", "loop"} {
		found, err := w.f.Executions(ctx, client.ExecutionQuery{ActivityID: at}, client.Paging{})
		require.NoError(t, err)
		for i := range found.Data {
			_, err := w.f.Act(ctx, found.Data[i].ID, client.ExecutionAction{Action: "trigger"})
			require.NoError(t, err)
			acted++
		}
	}
	require.Equal(t, 4, acted)
}
