package seal_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/seal"
	"github.com/riverstones/riverstones/store/storetest"
)

// What a stone says is masked where it repeats a secret that was recorded
// before, with or without keys.
func TestTextsAreMasked(t *testing.T) {
	t.Parallel()
	for name, keys := range map[string]seal.Keys{"sealed": keyring(t, "a"), "in clear": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, raw store.Store) { testTexts(t, raw, keys) })
		})
	}
}

func testTexts(t *testing.T, raw store.Store, keys seal.Keys) {
	t.Helper()
	_, _, st := fixture(t, raw, seal.Config{Keys: keys, NoEcho: pin})
	s := seal.New(raw, seal.Config{Keys: keys, NoEcho: pin}) // remembers nothing
	lines := []string{"login with canary-1 failed", "nothing to hide", "all of canary-2 canary-3, canary-4; canary-5 and canary-6 and canary-7",
		base64.StdEncoding.EncodeToString([]byte("user:canary-1!")), base64.URLEncoding.EncodeToString([]byte("xcanary-3")), `{"password":"other"}`}
	reason := "refused: canary-6"
	fold(t, s, map[string]int{st.ID: 1}, func(all map[string]store.State) (c store.Changes) {
		row := all[st.ID]
		row.Status, row.Reason, row.LogLines, row.EndTime = task.StartFailed, reason, len(lines), noon
		row.Outputs = json.RawMessage(`{"sessionToken":"canary-7"}`)
		x := store.Transition{ID: st.ID, Epoch: 1, Status: task.StartFailed, Time: noon, Delivery: 1, Worker: "w", Reason: reason}
		c.Changed, c.Transitions, c.Notes = []store.State{row}, []store.Transition{x}, []store.Note{{Transition: x, Why: store.NoteRepeat}}
		for i, l := range lines {
			c.Log = append(c.Log, store.LogLine{LogLine: queue.LogLine{Time: noon, Level: "info", Line: l}, ID: st.ID, N: i + 1, Epoch: 1})
		}
		return c
	}, st.ID)
	log, err := raw.Log(t.Context(), st.ID, 0, 0)
	require.NoError(t, err)
	var kept []string
	for _, l := range log {
		kept = append(kept, l.Line)
	}
	require.Equal(t, []string{"login with ****** failed", "nothing to hide", "all of ****** ******, ******; ****** and ****** and ******"}, kept[:3])
	require.Equal(t, `{"password":"******"}`, kept[5])
	for _, l := range kept[3:5] {
		require.Contains(t, l, task.Mask)
		plain, _ := base64.StdEncoding.DecodeString(strings.ReplaceAll(l, task.Mask, ""))
		require.NotContains(t, string(plain), "canary")
	}
	history, err := raw.History(t.Context(), st.ID, true)
	require.NoError(t, err)
	require.Len(t, history, 2)
	for _, h := range history {
		require.Equal(t, "refused: ******", h.Reason)
	}
	got, err := raw.Task(t.Context(), st.TaskID)
	require.NoError(t, err)
	require.Equal(t, "refused: ******", got.Reason)
}

// A text that comes together with its task's command is masked too.
func TestTextsOfANewTask(t *testing.T) {
	t.Parallel()
	raw := storetest.SQLite(t)
	s := seal.New(raw, seal.Config{Keys: keyring(t, "a")})
	st := newState("t1")
	st.LogLines = 1
	record(t, s, store.Changes{New: []store.State{st},
		Attempts: []store.Attempt{{ID: st.ID, Epoch: 1, Method: task.Start, Params: json.RawMessage(`{"pwd":"canary-1"}`), CreateTime: noon, Sequence: 1}},
		Log:      []store.LogLine{{LogLine: queue.LogLine{Time: noon, Level: "info", Line: "canary-1"}, ID: st.ID, N: 1, Epoch: 1}},
	}, map[string]int{st.ID: 1})
	log, err := raw.Log(t.Context(), st.ID, 0, 0)
	require.NoError(t, err)
	require.Equal(t, task.Mask, log[0].Line)
}

// A line that was kept before its secret was known is not shown.
func TestALineBeforeItsSecret(t *testing.T) {
	t.Parallel()
	raw := storetest.SQLite(t)
	s, _, st := fixture(t, raw, seal.Config{Keys: keyring(t, "a")})
	fold(t, s, map[string]int{st.ID: 1}, func(all map[string]store.State) (c store.Changes) {
		row := all[st.ID]
		row.LogLines = 1
		return store.Changes{Changed: []store.State{row}, Log: []store.LogLine{{LogLine: queue.LogLine{Time: noon, Level: "info", Line: "new canary-7"}, ID: st.ID, N: 1, Epoch: 1}}}
	}, st.ID)
	change(t, s, st.ID, `{"sessionToken":"canary-7"}`)
	log, err := s.Log(t.Context(), st.ID, 0, 10)
	require.NoError(t, err)
	require.Equal(t, "new ******", log[0].Line)
	text := "and canary-1"
	require.NoError(t, s.Mask(t.Context(), st.ID, 1, &text))
	require.Equal(t, "and ******", text)
}

func TestRefusedAndDelayedAreSealed(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, raw store.Store) {
		s := seal.New(raw, seal.Config{Keys: keyring(t, "a"), NoEcho: pin})
		c := queue.Command{Names: newState("refused").Names, Method: task.Start, Epoch: 1, Params: json.RawMessage(secretParams), Outputs: json.RawMessage(`{"pwd":"canary-6"}`), CreateTime: noon}
		d := c
		d.Names = newState("delayed").Names
		require.NoError(t, s.Refuse(t.Context(), []*queue.Command{&c}, "no queue for canary-1", noon))
		require.Equal(t, secretParams, string(c.Params), "the caller's command was changed")
		_, err := s.Delay(t.Context(), []store.Delayed{{Command: d, NotBefore: noon}})
		require.NoError(t, err)
		for _, id := range []string{"refused", "delayed"} {
			kept, err := raw.Task(t.Context(), id)
			require.NoError(t, err)
			require.NotContains(t, string(kept.Params)+string(kept.Outputs)+kept.Reason, "canary", id)
			got, err := s.Task(t.Context(), id)
			require.NoError(t, err)
			require.Equal(t, secretParams, string(got.Params))
			require.Equal(t, string(c.Outputs), string(got.Outputs))
		}
		told(t, raw)
		kept, _, err := raw.Outgoing(t.Context(), noon, 10)
		require.NoError(t, err)
		require.Len(t, kept, 1)
		require.NotContains(t, string(kept[0].Command.Params)+string(kept[0].Command.Outputs), "canary")
		rows, _, err := s.Outgoing(t.Context(), noon, 10)
		require.NoError(t, err)
		require.Equal(t, secretParams, string(rows[0].Command.Params))
		require.Equal(t, string(c.Outputs), string(rows[0].Command.Outputs))
	})
}

// told takes out the rows that tell of what was written.
func told(t *testing.T, s store.Store) {
	t.Helper()
	rows, _, err := s.Outgoing(t.Context(), noon, 10)
	require.NoError(t, err)
	for _, row := range rows {
		require.Equal(t, store.Tell, row.Kind)
		require.NoError(t, s.Sent(t.Context(), []store.Sent{{Number: row.Number}}))
	}
}

// A command whose secret cannot be opened is put off and not sent with a mask
// in it; it goes when the key is back.
func TestNobodyWorksWithAMask(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, raw store.Store) {
		full := seal.New(raw, seal.Config{Keys: keyring(t, "a")})
		c := queue.Command{Names: newState("t1").Names, Method: task.Start, Epoch: 1, Params: json.RawMessage(`{"pwd":"canary-1"}`), CreateTime: noon}
		plain := c
		plain.Names, plain.Params = newState("t2").Names, json.RawMessage(`{}`)
		_, err := full.Delay(t.Context(), []store.Delayed{{Command: c, NotBefore: noon}, {Command: plain, NotBefore: noon}})
		require.NoError(t, err)
		told(t, raw)
		rows, next, err := seal.New(raw, seal.Config{Keys: keyring(t, "b")}).Outgoing(t.Context(), noon, 10)
		require.NoError(t, err)
		require.Len(t, rows, 1)
		require.Equal(t, "t2", rows[0].Command.TaskID)
		require.True(t, next.After(noon))
		rows, _, err = full.Outgoing(t.Context(), next, 10)
		require.NoError(t, err)
		require.Len(t, rows, 2)
	})
}

// A command on a task decides on what is in clear, and leaves nothing in clear.
func TestCommand(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, raw store.Store) {
		s, a, st := fixture(t, raw, seal.Config{Keys: keyring(t, "a"), NoEcho: pin})
		edited := json.RawMessage(`{"password":"canary-8","note":"canary","pin":"canary-9"}`)
		got, err := s.Command(t.Context(), "t1", func(got store.Standing) (*store.Step, error) {
			require.Equal(t, secretParams, string(got.Current.Params))
			require.Equal(t, string(a.Outputs), string(got.Outputs))
			return again(got.State, edited, "because of canary-8"), nil
		})
		require.NoError(t, err)
		require.Equal(t, string(edited), string(got.Params))
		kept, err := raw.Attempts(t.Context(), st.ID)
		require.NoError(t, err)
		require.Len(t, kept, 2)
		require.NotContains(t, string(kept[1].Params), "canary-")
		require.Contains(t, string(kept[1].Params), `"note":"canary"`)
		rows, _, err := raw.Outgoing(t.Context(), noon, 10)
		require.NoError(t, err)
		require.Len(t, rows, 1)
		require.NotContains(t, string(rows[0].Command.Params), "canary-")
		history, err := raw.History(t.Context(), st.ID, false)
		require.NoError(t, err)
		require.Equal(t, "because of ******", history[len(history)-1].Reason)
	})
}

// again is the step of a command that runs a task again.
func again(st store.State, params json.RawMessage, reason string) *store.Step {
	st.Epoch++
	st.Status, st.EndTime, st.Seen = task.ProduceSuccess, st.EndTime.Add(0), 1<<task.ProduceSuccess
	c := queue.Command{Names: st.Names, Method: task.Start, Epoch: st.Epoch, Params: params, Outputs: st.Outputs, CreateTime: noon}
	return &store.Step{
		State:       st,
		Attempt:     &store.Attempt{ID: st.ID, Epoch: st.Epoch, Method: task.Start, Params: params, Outputs: st.Outputs, CreateTime: noon},
		Transitions: []store.Transition{{ID: st.ID, Epoch: st.Epoch, Status: task.ProduceSuccess, Time: noon, Reason: reason}},
		Outbox:      []store.Outgoing{{Kind: store.Send, Command: c}},
	}
}

// A reRun while the key is lost keeps the sealed value: it works again with
// the key.
func TestCommandWithoutTheKey(t *testing.T) {
	t.Parallel()
	raw := storetest.SQLite(t)
	full, _, _ := fixture(t, raw, seal.Config{Keys: keyring(t, "a")})
	_, err := seal.New(raw, seal.Config{Keys: keyring(t, "b")}).Command(t.Context(), "t1", func(got store.Standing) (*store.Step, error) {
		require.Contains(t, string(got.Current.Params), `"password":"******"`)
		var params map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(got.Current.Params, &params))
		params["more"] = json.RawMessage(`1`)
		edited, err := json.Marshal(params)
		require.NoError(t, err)
		return again(got.State, edited, ""), nil
	})
	require.NoError(t, err)
	got, err := full.Task(t.Context(), "t1")
	require.NoError(t, err)
	var params, want map[string]any
	require.NoError(t, json.Unmarshal(got.Params, &params))
	require.NoError(t, json.Unmarshal([]byte(secretParams), &want))
	want["more"] = 1.0
	require.Equal(t, want, params)
}

func TestQuarantine(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, raw store.Store) {
		s := seal.New(raw, seal.Config{Keys: keyring(t, "a"), NoEcho: func(stone string) []string {
			if stone == "Pins" {
				return pins
			}
			return nil
		}})
		bytes := []string{`{"params":{"pwd":"canary-1"}}`, `{"params":{"pwd":"canary-1"`, `{"params":{"pin":"canary-1"}}`, `{"a":1}`}
		var c store.Changes
		for i, b := range bytes {
			stone := "S"
			if i == 2 {
				stone = "Pins"
			}
			c.Quarantine = append(c.Quarantine, store.Quarantined{Stream: queue.StreamTasks, Sequence: uint64(i + 1), Subject: queue.TaskSubject(stone, "", task.Start),
				Time: noon, Reason: "why", Bytes: []byte(b)})
		}
		record(t, s, c, nil)
		kept, err := raw.Quarantine(t.Context(), "", 0, 10)
		require.NoError(t, err)
		got, err := s.Quarantine(t.Context(), "", 0, 10)
		require.NoError(t, err)
		require.Len(t, got, len(bytes))
		for i := range got {
			require.NotContains(t, string(kept[i].Bytes), "canary")
			require.Equal(t, bytes[got[i].Sequence-1], string(got[i].Bytes))
		}
		require.Equal(t, `{"a":1}`, string(kept[0].Bytes), "the newest comes first")
	})
}
