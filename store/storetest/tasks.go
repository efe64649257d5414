package storetest

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

var taskTests = map[string]func(*testing.T, store.Store){
	"Task/all fields":         testTaskFields,
	"Task/key":                testTaskKey,
	"Task/nothing recorded":   testTaskBare,
	"Task/params of epoch":    testTaskEpoch,
	"Task/odd bytes":          testTaskOddBytes,
	"Lookup/keys":             testLookupKeys,
	"Lookup/first command":    testLookupFirst,
	"Lookup/many":             testLookupMany,
	"Refuse/new":              testRefuseNew,
	"Refuse/stored after all": testRefuseStored,
	"Refuse/known left alone": testRefuseKnown,
	"Ping and Close":          testClose,
}

func testTaskFields(t *testing.T, s store.Store) {
	n := names("t1")
	n.BusinessKey = "key:1"
	want := task.Task{Names: n, Method: task.Mock, Epoch: 3, Status: task.StartSuccess, Final: true, CreateTime: noon,
		UpdateTime: noon.Add(time.Second), EndTime: noon.Add(time.Minute), Reason: "a reason, ü",
		Params: json.RawMessage(`{"b":1,"a":2}`), Outputs: json.RawMessage(`{"x": [1.0]}`), Progress: new(40)}
	at := attempt(n, string(want.Params))
	at.Epoch = 3
	record(t, s, store.Changes{New: []store.State{{Names: n, Method: want.Method, Epoch: 3, Status: want.Status, Final: true,
		CreateTime: want.CreateTime, UpdateTime: want.UpdateTime, EndTime: want.EndTime, Reason: want.Reason,
		Outputs: want.Outputs, Progress: want.Progress}}, Attempts: []store.Attempt{at}})
	got, err := s.Task(t.Context(), "t1")
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func testTaskKey(t *testing.T, s store.Store) {
	plain := names("t1")
	thief := names(plain.ID) // its taskId is the other's id
	create(t, s, plain)
	got, err := s.Task(t.Context(), plain.ID)
	require.NoError(t, err)
	require.Equal(t, plain, got.Names)

	create(t, s, thief)
	got, err = s.Task(t.Context(), plain.ID)
	require.NoError(t, err)
	require.Equal(t, thief, got.Names, "a taskId wins over an id")

	for _, key := range []string{"unknown", newID(), "", "T1", "nul \x00", "\xff"} {
		_, err = s.Task(t.Context(), key)
		require.ErrorIs(t, err, store.ErrNotFound, "%q", key)
	}
}

// A task may be known by an event before its command is.
func testTaskBare(t *testing.T, s store.Store) {
	n := names("t1")
	record(t, s, store.Changes{New: []store.State{{Names: n, Method: task.Start, Epoch: 1, CreateTime: noon, UpdateTime: noon,
		Progress: new(0)}}})
	got, err := s.Task(t.Context(), "t1")
	require.NoError(t, err)
	require.Equal(t, task.Task{Names: n, Method: task.Start, Epoch: 1, CreateTime: noon, UpdateTime: noon,
		Params: json.RawMessage(`{}`), Outputs: json.RawMessage(`{}`), Progress: new(0)}, got)
	require.Nil(t, read(t, s, n.ID)[n.ID].Outputs)
}

func testTaskEpoch(t *testing.T, s store.Store) {
	n := names("t1")
	create(t, s, n)
	again := attempt(n, `{"second":true}`)
	again.Epoch = 2
	st := state(n)
	record(t, s, store.Changes{Changed: []store.State{st}, Attempts: []store.Attempt{again}})
	got, err := s.Task(t.Context(), "t1")
	require.NoError(t, err)
	require.JSONEq(t, `{}`, string(got.Params))

	st.Epoch, st.Method = 2, task.Monitor
	record(t, s, store.Changes{Changed: []store.State{st}})
	got, err = s.Task(t.Context(), "t1")
	require.NoError(t, err)
	require.JSONEq(t, `{"second":true}`, string(got.Params))
	require.Equal(t, task.Monitor, got.Method)
	require.Equal(t, 2, got.Epoch)
}

// oddJSON are objects that a database must give back byte for byte.
var oddJSON = []string{
	`{"nul":"\u0000"}`, `{"surrogate":"\ud800"}`, `{"big":12345678901234567890,"huge":1e400,"one":1.0}`,
	`{ "space" :	1 }`, "{\"raw\":\"\xff\xfe\"}", "{\"raw nul\":\"\x00\"}", `{"a":1,"a":2}`, `{"ü":"\u00fc"}`,
}

func testTaskOddBytes(t *testing.T, s store.Store) {
	for i, raw := range oddJSON {
		n := names(fmt.Sprintf("t%d", i))
		st := state(n)
		st.Outputs = json.RawMessage(raw)
		record(t, s, store.Changes{New: []store.State{st}, Attempts: []store.Attempt{attempt(n, raw)}})
		got, err := s.Task(t.Context(), n.TaskID)
		require.NoError(t, err)
		require.Equal(t, raw, string(got.Params))
		require.Equal(t, raw, string(got.Outputs))
	}
}

func testLookupKeys(t *testing.T, s store.Store) {
	a, b, c := names("a"), names("b"), names("c")
	create(t, s, a, b, c)
	for _, test := range []struct {
		taskIDs, ids []string
		want         []task.Names
	}{
		{nil, nil, nil},
		{[]string{"a", "unknown"}, nil, []task.Names{a}},
		{nil, []string{b.ID, newID(), "no uuid"}, []task.Names{b}},
		{[]string{"a", "c", "a"}, []string{a.ID, b.ID, a.ID}, []task.Names{a, b, c}},
		{[]string{a.ID}, []string{"a"}, nil},
		{[]string{"nul \x00"}, nil, nil},
	} {
		got, err := s.Lookup(t.Context(), test.taskIDs, test.ids)
		require.NoError(t, err)
		require.ElementsMatch(t, test.want, ids2names(got), "%v", test)
	}
}

func ids2names(known []store.Known) []task.Names {
	var out []task.Names
	for _, k := range known {
		out = append(out, k.Task.Names)
	}
	return out
}

func testLookupFirst(t *testing.T, s store.Store) {
	n := names("t1")
	first := queue.Command{Names: n, Method: task.Start, Epoch: 1, Params: json.RawMessage(`{"a": 1.0}`),
		Outputs: json.RawMessage(`{"o":1}`), CreateTime: noon, Deadline: noon.Add(time.Hour),
		Retry: &queue.Retry{MaxAttempts: 3, Backoff: 1500 * time.Microsecond}}
	st := state(n)
	st.Epoch, st.Method = 2, task.Rollback
	second := attempt(n, `{"second":true}`)
	second.Epoch = 2
	record(t, s, store.Changes{New: []store.State{st}, Attempts: []store.Attempt{second}})
	known, err := s.Lookup(t.Context(), []string{"t1"}, nil)
	require.NoError(t, err)
	require.Equal(t, queue.Command{Names: n}, known[0].First, "not recorded yet")

	record(t, s, store.Changes{Attempts: []store.Attempt{{ID: n.ID, Epoch: 1, Method: first.Method, Params: first.Params,
		Outputs: first.Outputs, CreateTime: first.CreateTime, Deadline: first.Deadline, Retry: first.Retry, Sequence: 9}}})
	known, err = s.Lookup(t.Context(), nil, []string{n.ID})
	require.NoError(t, err)
	require.Equal(t, first, known[0].First)
	require.Equal(t, 2, known[0].Task.Epoch)
	require.JSONEq(t, `{"second":true}`, string(known[0].Task.Params))
}

func testLookupMany(t *testing.T, s store.Store) {
	const many = 2500
	var all []task.Names
	var keys []string
	for i := range many {
		n := names(fmt.Sprintf("t%d", i))
		all, keys = append(all, n), append(keys, n.TaskID)
	}
	create(t, s, all...)
	got, err := s.Lookup(t.Context(), keys, ids(all, func(n task.Names) string { return n.ID }))
	require.NoError(t, err)
	require.ElementsMatch(t, all, ids2names(got))
}

func refused(n task.Names) *queue.Command {
	return &queue.Command{Names: n, Method: task.Start, Epoch: 1, Params: json.RawMessage(`{"p":1}`), Outputs: json.RawMessage(`{}`),
		CreateTime: noon}
}

func testRefuseNew(t *testing.T, s store.Store) {
	a, b := names("a"), names("b")
	at := noon.Add(time.Second)
	twin := b
	twin.ID = newID() // the same taskId twice in one call
	require.NoError(t, s.Refuse(t.Context(), nil, "", at))
	require.NoError(t, s.Refuse(t.Context(), []*queue.Command{refused(a), refused(b), refused(twin)}, "queue\x00 is out", at))
	got, err := s.Task(t.Context(), "a")
	require.NoError(t, err)
	require.Equal(t, task.Task{Names: a, Method: task.Start, Epoch: 1, Status: task.ProduceFailed, CreateTime: noon, UpdateTime: at,
		EndTime: at, Reason: "queue\uFFFD is out", Params: json.RawMessage(`{"p":1}`), Outputs: json.RawMessage(`{}`)}, got)
	history, err := s.History(t.Context(), a.ID, true)
	require.NoError(t, err)
	require.Equal(t, []store.Note{{Transition: store.Transition{ID: a.ID, Epoch: 1, Status: task.ProduceFailed, Time: at,
		Reason: "queue\uFFFD is out"}}}, history)
	require.EqualValues(t, 1<<task.ProduceFailed, read(t, s, a.ID)[a.ID].Seen)
	page, err := s.List(t.Context(), store.Filter{TaskID: "b"})
	require.NoError(t, err)
	require.Len(t, page.Tasks, 1)
}

// A command that was refused, and turns out to be stored, is the one recorded
// then; one that is stored already stays.
func testRefuseStored(t *testing.T, s store.Store) {
	n := names("t1")
	require.NoError(t, s.Refuse(t.Context(), refusals(n), "out", noon))
	st := state(n)
	st.CreateTime, st.BusinessKey = noon.Add(time.Minute), "k"
	stored := attempt(n, `{"stored":1}`)
	for _, again := range []string{`{"stored":1}`, `{"repeat":1}`} {
		stored.Params = json.RawMessage(again)
		record(t, s, store.Changes{Changed: []store.State{st}, Attempts: []store.Attempt{stored}})
		got, err := s.Task(t.Context(), "t1")
		require.NoError(t, err)
		require.JSONEq(t, `{"stored":1}`, string(got.Params))
		require.Equal(t, st.CreateTime, got.CreateTime)
		require.Equal(t, "k", got.BusinessKey)
	}
}

func testRefuseKnown(t *testing.T, s store.Store) {
	known, fresh := names("known"), names("fresh")
	create(t, s, known)
	same, clash := refused(known), refused(names("known"))
	require.NoError(t, s.Refuse(t.Context(), []*queue.Command{same, refused(fresh), clash}, "out", noon))
	got, err := s.Task(t.Context(), "known")
	require.NoError(t, err)
	require.Equal(t, task.ProduceSuccess, got.Status)
	require.Equal(t, known.ID, got.ID)
	require.JSONEq(t, `{}`, string(got.Params))
	for _, id := range []string{known.ID, clash.ID} {
		history, err := s.History(t.Context(), id, true)
		require.NoError(t, err)
		require.Empty(t, history)
	}
	got, err = s.Task(t.Context(), "fresh")
	require.NoError(t, err)
	require.Equal(t, task.ProduceFailed, got.Status)
}

func testClose(t *testing.T, s store.Store) {
	require.NoError(t, s.Ping(t.Context()))
	require.NoError(t, s.Close())
	require.Error(t, s.Ping(t.Context()))
	_, err := s.Position(t.Context())
	require.Error(t, err)
}
