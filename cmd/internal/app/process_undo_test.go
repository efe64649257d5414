package app_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/client"
)

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
