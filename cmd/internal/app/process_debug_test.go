package app_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/client"
)

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
