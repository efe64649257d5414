package rest_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/rest"
	"github.com/riverstones/riverstones/queue/task"
)

var update = flag.Bool("update", false, "write the golden files")

// sample is the task of the original's documentation, as it would be recorded.
func sample(t testing.TB) task.Task {
	t.Helper()
	raw, err := os.ReadFile("testdata/seed.json")
	require.NoError(t, err)
	var all []struct{ ID, ProcessInstanceID, TaskID, Name, Namespace, Stone, Params, Outputs string }
	require.NoError(t, json.Unmarshal(raw, &all))
	one := all[0]
	return task.Task{
		Names: task.Names{ID: one.ID, ProcessInstanceID: one.ProcessInstanceID, TaskID: one.TaskID, Name: one.Name,
			Namespace: one.Namespace, Stone: one.Stone},
		Method: task.Start, Epoch: 1, Status: task.MonitorSuccess,
		CreateTime: time.Date(2018, 8, 6, 6, 27, 48, 5000, time.UTC), EndTime: time.Date(2018, 8, 6, 6, 28, 31, 999, time.UTC),
		UpdateTime: time.Date(2018, 8, 6, 6, 28, 31, 123456789, time.UTC),
		Params:     json.RawMessage(one.Params), Outputs: json.RawMessage(one.Outputs),
	}
}

func TestTaskGolden(t *testing.T) {
	t.Parallel()
	one := sample(t)
	got := rest.Tasks{Zone: time.FixedZone("CST", 8*3600)}.AppendAll(nil, []task.Task{one})
	const golden = "testdata/task.golden.json"
	if *update {
		require.NoError(t, os.WriteFile(golden, got, 0o600))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got))
}

// names returns the names of an object's members in their order.
func names(t *testing.T, object []byte) (out []string) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(object))
	_, err := d.Token()
	require.NoError(t, err)
	for d.More() {
		name, err := d.Token()
		require.NoError(t, err)
		out = append(out, name.(string))
		var value json.RawMessage
		require.NoError(t, d.Decode(&value))
	}
	return out
}

func TestTaskIsTheSeedsThenOurs(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/seed.json")
	require.NoError(t, err)
	var seed []json.RawMessage
	require.NoError(t, json.Unmarshal(raw, &seed))
	one := sample(t)
	got := rest.Tasks{Zone: time.FixedZone("CST", 8*3600)}.Append(nil, &one)
	require.Equal(t, append(names(t, seed[0]), "queueType", "attempt", "businessKey", "debug", "notBefore", "updateTime"), names(t, got))

	var want, have map[string]any
	require.NoError(t, json.Unmarshal(seed[0], &want))
	require.NoError(t, json.Unmarshal(got, &have))
	for name, value := range want {
		if name != "params" { // which has secrets
			require.Equal(t, value, have[name], name)
		}
	}
	require.Equal(t, "2018-08-06T06:28:31.123456Z", have["updateTime"])
	require.NotContains(t, string(got), "LPP$o3P8")
	require.Contains(t, have["params"], `\"Password\":\"******\"`)
}

func TestTaskWithoutValues(t *testing.T) {
	t.Parallel()
	half := 50
	one := task.Task{Names: task.Names{BusinessKey: "k"}, Status: task.StartFailed, Reason: "no \"disk\"\n", Progress: &half, Epoch: 2, Method: task.Start}
	require.Equal(t, `{"id":"","processInstanceId":"","taskId":"","name":"","namespace":"","stone":"","createTime":null,"endTime":null,`+
		`"status":"start.failed","reason":"no \"disk\"\n","params":"{}","outputs":"{}","progress":50,"queueType":"start","attempt":2,`+
		`"businessKey":"k","debug":false,"notBefore":null,"updateTime":null}`, string(rest.Tasks{}.Append(nil, &one)))
	one = task.Task{Names: task.Names{Name: "a\xffb"}, Params: []byte("{\"a\":\"\xff\"}"), Reason: `{"token":"x"}`}
	got := rest.Tasks{}.Append(nil, &one)
	require.True(t, json.Valid(got))
	require.Contains(t, string(got), `"reason":"{\"token\":\"******\"}"`)
}

func BenchmarkTask(b *testing.B) {
	one := sample(b)
	buf := make([]byte, 0, 8192)
	b.ReportAllocs()
	for b.Loop() {
		buf = rest.Tasks{}.Append(buf[:0], &one)
	}
}
