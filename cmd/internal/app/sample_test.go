package app_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/cmd/internal/app"
	"github.com/riverstones/riverstones/cmd/internal/config"
	"github.com/riverstones/riverstones/gateway/client"
	"github.com/riverstones/riverstones/queue/task"
)

// seed is the answer that the API's manual shows.
func seed(t *testing.T) (shape []byte, one client.Task) {
	t.Helper()
	b, err := os.ReadFile("../../../queue/task/testdata/seed.json")
	require.NoError(t, err)
	var all []client.Task
	require.NoError(t, json.Unmarshal(b, &all))
	require.Len(t, all, 1)
	return b, all[0]
}

func TestSeedSample(t *testing.T) {
	t.Parallel()
	for name, url := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := settings(t)
			cfg.Store = url(t)
			cfg.Stones = config.Stones{Machine: true, MachinesEnd: true}
			t.Cleanup(func() { // a machine may be writing its heartbeat
				require.Eventually(t, func() bool { return os.RemoveAll(cfg.MachineDir()) == nil }, patience, 10*time.Millisecond)
			})
			a := start(t, cfg, app.Hooks{})
			shape, want := seed(t)
			c := newClient(t, a.URL())
			params, err := json.Marshal(want.Params) // a string that holds JSON, as the seed has it
			require.NoError(t, err)
			_, how, err := c.PublishOne(within(t), client.NewTask{ProcessInstanceID: want.ProcessInstanceID, TaskID: want.TaskID,
				Name: want.Name, Namespace: want.Namespace, Stone: want.Stone, Params: params})
			require.NoError(t, err)
			require.Contains(t, []client.Acceptance{client.Recorded, client.Queued}, how)
			requireWay(t, c, []string{want.TaskID})
			requireShape(t, a, shape, &want)
		})
	}
}

// requireShape compares the raw answer with the seed's: the members and their
// order, and every text but ids, times and masked secrets.
func requireShape(t *testing.T, a *app.App, shape []byte, want *client.Task) {
	t.Helper()
	raw := get(t, a.URL()+"/task?processInstanceId="+want.ProcessInstanceID)
	members := names(t, raw)
	require.Equal(t, names(t, shape), members[:len(names(t, shape))])
	var all []client.Task
	require.NoError(t, json.Unmarshal(raw, &all))
	require.Len(t, all, 1)
	got := all[0]
	require.NotContains(t, string(raw), "LPP$o3P8")
	require.Equal(t, string(task.Redact([]byte(*want.Params))), *got.Params)
	require.Regexp(t, `^\{"machineId":"[0-9a-f-]{36}","type":"MachineStone"\}$`, *got.Outputs)
	for _, text := range []string{got.CreateTime, *got.EndTime} {
		_, err := time.Parse(time.DateTime, text)
		require.NoError(t, err)
	}
	require.Equal(t, want.Name+want.Namespace+want.Stone+want.Status+want.TaskID, got.Name+got.Namespace+got.Stone+got.Status+got.TaskID)
	require.Nil(t, got.Reason)
}

func get(t *testing.T, url string) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(within(t), http.MethodGet, url, http.NoBody)
	require.NoError(t, err)
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode, string(b))
	return b
}

// names are the members of the first object of an array, in their order.
func names(t *testing.T, raw []byte) []string {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(raw))
	for range 2 { // [ and {
		_, err := d.Token()
		require.NoError(t, err)
	}
	var out []string
	for d.More() {
		name, err := d.Token()
		require.NoError(t, err)
		out = append(out, name.(string)) //nolint:errcheck,forcetypeassert // a member's name is a text
		var value json.RawMessage
		require.NoError(t, d.Decode(&value))
	}
	return out
}
