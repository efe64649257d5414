package gateway_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/param"
	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/queue/task"
)

// declare announces MachineStone, as a worker does.
func (s *system) declare(t *testing.T, params ...param.Param) {
	t.Helper()
	doc, err := (&queue.Announcement{Code: "MachineStone", Methods: []task.Method{task.Start}, Params: params, Worker: "w", LastFetch: time.Now()}).Encode()
	require.NoError(t, err)
	_, err = s.js.Publish(t.Context(), queue.StoneSubject(queue.StoneKey("MachineStone", "w")), doc)
	require.NoError(t, err)
	queuetest.WaitFor(t, func() bool { return s.get(t, "/stone/MachineStone").status == http.StatusOK })
}

// A stone that nobody declared is shown once a task names it; a declared one has
// the params of its tasks checked.
func TestDeclaredStones(t *testing.T) {
	t.Parallel()
	each(t, options{}, func(t *testing.T, s *system) {
		t.Helper()
		require.Equal(t, http.StatusNotFound, s.get(t, "/stone/MachineStone").status)
		require.Equal(t, http.StatusCreated, s.post(t, body("t1")).status)
		var all []struct {
			Code     string
			Declared bool
			Backlog  map[string]int
		}
		queuetest.WaitFor(t, func() bool {
			require.NoError(t, json.Unmarshal(s.get(t, "/stone").body, &all))
			return len(all) == 1 && all[0].Backlog["start"] == 1
		})
		require.False(t, all[0].Declared)
		require.Equal(t, "MachineStone", all[0].Code)
		require.Equal(t, http.StatusConflict, s.do(t, http.MethodPut, "/stone/MachineStone/pause", "").status)

		s.declare(t, param.Param{Name: "regionId", Type: param.String, AllowedPattern: "[0-9]"},
			param.Param{Name: "size", Type: param.Integer, Default: json.RawMessage("12345678901234567890")},
			param.Param{Name: "quiet", Type: param.String, NoEcho: true})
		var r response
		queuetest.WaitFor(t, func() bool {
			r = s.post(t, body("t2"))
			return r.status == http.StatusBadRequest
		})
		require.Contains(t, r.Exception, "regionId")
		require.NotContains(t, r.Exception, "701", "a value may be a secret")
		r = s.post(t, `{"processInstanceId":"p","taskId":"t3","stone":"MachineStone","params":{"more":1,"quiet":"hush","regionId":"7"}}`)
		require.Equal(t, http.StatusCreated, r.status)
		require.Equal(t, `{"more":1,"quiet":"******","regionId":"7","size":12345678901234567890}`, decode[shown](t, r).Params)
		require.NotContains(t, string(s.get(t, "/task/t3").body), "hush")
	})
}
