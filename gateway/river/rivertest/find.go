package rivertest

import (
	"strconv"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/store"
)

const everything = 10_000

// byNumber returns the id that a number in brackets stands for.
func (w *world) byNumber(name string) (string, bool) {
	n, err := strconv.Atoi(strings.Trim(name, "[]"))
	if err != nil || !strings.HasPrefix(name, "[") {
		return "", false
	}
	for id, other := range w.numbers {
		if other == n {
			return id, true
		}
	}
	require.Fail(w.t, "nothing has this number", name)
	return "", false
}

// at splits a#2 into the activity and which one there, from 0.
func at(name string) (string, int) {
	activity, nth, ok := strings.Cut(name, "#")
	if !ok {
		return name, 0
	}
	n, _ := strconv.Atoi(nth)
	return activity, n - 1
}

// execution finds one by its number or activity.
func (w *world) execution(name string) string {
	w.t.Helper()
	if id, ok := w.byNumber(name); ok {
		return id
	}
	activity, nth := at(name)
	all, _, err := w.st.Executions(w.t.Context(), store.ExecutionFilter{Paging: store.Paging{Size: everything}})
	require.NoError(w.t, err)
	for i := range all {
		if all[i].Activity != activity {
			continue
		}
		if nth == 0 {
			return all[i].ID
		}
		nth--
	}
	require.Fail(w.t, "no execution is there", name)
	return ""
}

func (w *world) row(id string) (store.ExecutionView, bool) {
	all, _, err := w.st.Executions(w.t.Context(), store.ExecutionFilter{ID: id, Paging: store.Paging{Size: 1}})
	require.NoError(w.t, err)
	if len(all) == 0 {
		return store.ExecutionView{}, false
	}
	return all[0], true
}

// instance finds one by its number; none named is the one started last.
func (w *world) instance(name string) string {
	if id, ok := w.byNumber(name); ok {
		return id
	}
	return w.last
}

// userTask finds the task of an execution.
func (w *world) userTask(name string) string {
	w.t.Helper()
	if name == "nothing" {
		return name
	}
	all, _, err := w.st.UserTasks(w.t.Context(), store.UserTaskFilter{Execution: w.execution(name), Paging: store.Paging{Size: 1}})
	require.NoError(w.t, err)
	require.Len(w.t, all, 1, name)
	return all[0].ID
}

// jobAt finds the external job of an execution.
func (w *world) jobAt(name string) string {
	w.t.Helper()
	if name == "nothing" {
		return name
	}
	all, _, err := w.st.Jobs(w.t.Context(), store.JobFilter{Execution: w.execution(name), Paging: store.Paging{Size: 1}})
	require.NoError(w.t, err)
	require.Len(w.t, all, 1, name)
	return all[0].ID
}
