package eventapi_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/eventapi"
	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store/seal"
	"github.com/riverstones/riverstones/store/storetest"
)

// What texts repeat of a task's secrets is masked, as its log shows it, also of
// params that are secret by their declaration alone.
func TestRepeatedSecretsAreMasked(t *testing.T) {
	t.Parallel()
	db := seal.New(storetest.SQLite(t), seal.Config{NoEcho: func(string) []string { return []string{"pin"} }})
	s := setup(t, db, eventapi.Config{})
	s.record(t)
	c := s.open(t, "taskId=t2", "").opened()
	n := names(2, machine)
	command := queue.Command{Names: n, Method: task.Start, Epoch: 1, CreateTime: time.Now(), Params: []byte(`{"pin":"4711x","password":"hunter2","n":1}`)}
	_, err := s.js.Publish(t.Context(), command.Subject(), command.Append(nil))
	require.NoError(t, err)
	e := event(n, 1, task.StartFailed)
	e.Transitions[0].Reason = "no login with 4711x"
	e.Log = []queue.LogLine{{Time: time.Now(), Level: "info", Line: "pin 4711x, password hunter2, n 1"}}
	s.report(t, e)
	c.expect("transition t2 produce.success", "transition t2 start.failed no login with ******", "log t2 pin ******, password ******, n 1")
}
