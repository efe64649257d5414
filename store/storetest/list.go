package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

var listTests = map[string]func(*testing.T, store.Store){
	"List/filters":  testListFilters,
	"List/statuses": testListStatuses,
	"List/order":    testListOrder,
	"List/paging":   testListPaging,
	"List/params":   testListParams,
}

// row is a task of the list tests: minute is its createTime after noon.
func row(t *testing.T, s store.Store, minute int, n task.Names, status task.Status) {
	t.Helper()
	st := state(n)
	st.Status, st.CreateTime = status, noon.Add(time.Duration(minute)*time.Minute)
	if status.End(false) {
		st.EndTime = st.CreateTime
	}
	record(t, s, store.Changes{New: []store.State{st}})
}

func testListFilters(t *testing.T, s store.Store) {
	for i, n := range []task.Names{
		{TaskID: "t0", ProcessInstanceID: "p1", Name: "n1", Namespace: "s1", Stone: "A", BusinessKey: "k1"},
		{TaskID: "t1", ProcessInstanceID: "p1", Name: "n2", Namespace: "s1", Stone: "B"},
		{TaskID: "t2", ProcessInstanceID: "p2", Name: "n2", Namespace: "s2", Stone: "A", BusinessKey: "k2"},
		{TaskID: "t3", ProcessInstanceID: "p2", Name: "n1", Namespace: "s2", Stone: "B"},
	} {
		n.ID = newID()
		row(t, s, i, n, []task.Status{task.ProduceSuccess, task.StartFailed, task.MonitorFailed, task.MonitorSuccess}[i])
	}
	minute := func(m int) time.Time { return noon.Add(time.Duration(m) * time.Minute) }
	for name, test := range map[string]struct {
		filter store.Filter
		want   []string
	}{
		"none":            {store.Filter{}, []string{"t0", "t1", "t2", "t3"}},
		"task":            {store.Filter{TaskID: "t2"}, []string{"t2"}},
		"process":         {store.Filter{ProcessInstanceID: "p2"}, []string{"t2", "t3"}},
		"name":            {store.Filter{Name: "n2"}, []string{"t1", "t2"}},
		"namespace":       {store.Filter{Namespace: "s1"}, []string{"t0", "t1"}},
		"stone":           {store.Filter{Stone: "A"}, []string{"t0", "t2"}},
		"key":             {store.Filter{BusinessKey: "k2"}, []string{"t2"}},
		"status":          {store.Filter{Statuses: []task.Status{task.MonitorSuccess}}, []string{"t3"}},
		"statuses":        {store.Filter{Statuses: []task.Status{task.StartFailed, task.MonitorFailed}}, []string{"t1", "t2"}},
		"after":           {store.Filter{CreatedAfter: minute(1)}, []string{"t2", "t3"}},
		"before":          {store.Filter{CreatedBefore: minute(1)}, []string{"t0"}},
		"between":         {store.Filter{CreatedAfter: minute(0), CreatedBefore: minute(3)}, []string{"t1", "t2"}},
		"zone":            {store.Filter{CreatedAfter: minute(1).In(time.FixedZone("", 3600)), CreatedBefore: minute(3).In(time.FixedZone("", -3600))}, []string{"t2"}},
		"nothing between": {store.Filter{CreatedAfter: minute(1), CreatedBefore: minute(1)}, []string{}},
		"other case":      {store.Filter{Stone: "a"}, []string{}},
		"no pattern":      {store.Filter{Name: "n_"}, []string{}},
		"percent":         {store.Filter{Namespace: "%"}, []string{}},
		"all at once": {store.Filter{TaskID: "t2", ProcessInstanceID: "p2", Name: "n2", Namespace: "s2", Stone: "A", BusinessKey: "k2",
			Statuses: []task.Status{task.MonitorFailed}, CreatedAfter: minute(1), CreatedBefore: minute(3), Size: 1}, []string{"t2"}},
		"all but one": {store.Filter{TaskID: "t2", ProcessInstanceID: "p2", Name: "n2", Namespace: "s2", Stone: "A", BusinessKey: "k1"}, []string{}},
		"together":    {store.Filter{ProcessInstanceID: "p1", Stone: "B"}, []string{"t1"}},
		"descending":  {store.Filter{Descending: true}, []string{"t3", "t2", "t1", "t0"}},
		"no match":    {store.Filter{ProcessInstanceID: "p1", Name: "'; drop table task; --"}, []string{}},
	} {
		page, err := s.List(t.Context(), test.filter)
		require.NoError(t, err, name)
		require.Equal(t, test.want, taskIDs(page.Tasks), name)
		require.Equal(t, len(test.want), page.Total, name)
		require.True(t, page.Exact, name)
	}
}

// Each status is selected by its own.
func testListStatuses(t *testing.T, s store.Store) {
	for _, st := range task.Statuses() {
		row(t, s, int(st), names(st.String()), st)
	}
	for _, st := range task.Statuses() {
		page, err := s.List(t.Context(), store.Filter{Statuses: []task.Status{st}})
		require.NoError(t, err)
		require.Equal(t, []string{st.String()}, taskIDs(page.Tasks))
	}
	page, err := s.List(t.Context(), store.Filter{Statuses: task.Statuses(), Size: 2})
	require.NoError(t, err)
	require.Equal(t, len(task.Statuses()), page.Total)
}

// The order is that of createTime, whatever the order of ids and of recording;
// a page is cut out of it in both directions.
func testListOrder(t *testing.T, s store.Store) {
	minutes := []int{3, 0, 4, 1, 2, 4}
	for i, minute := range minutes {
		row(t, s, minute, names(fmt.Sprintf("t%d", i)), task.ProduceSuccess)
	}
	for _, test := range []struct {
		filter store.Filter
		want   []string
	}{
		{store.Filter{}, []string{"t1", "t3", "t4", "t0", "t2", "t5"}},
		{store.Filter{Descending: true}, []string{"t5", "t2", "t0", "t4", "t3", "t1"}},
		{store.Filter{Start: 1, Size: 3}, []string{"t3", "t4", "t0"}},
		{store.Filter{Start: 1, Size: 3, Descending: true}, []string{"t2", "t0", "t4"}},
		{store.Filter{Start: 4, Size: 3, ProcessInstanceID: "process"}, []string{"t2", "t5"}},
		{store.Filter{Start: 4, Size: 3, ProcessInstanceID: "process", Descending: true}, []string{"t3", "t1"}},
	} {
		page, err := s.List(t.Context(), test.filter)
		require.NoError(t, err)
		require.Equal(t, test.want, taskIDs(page.Tasks), "%+v", test.filter)
		require.Equal(t, len(minutes), page.Total)
	}
}

// Tasks of one createTime are in the order of their ids.
func testListPaging(t *testing.T, s store.Store) {
	const all = 7
	var want []string
	var made []task.Names
	for i := range all {
		n := names(fmt.Sprintf("t%d", i))
		made, want = append(made, n), append(want, n.TaskID)
	}
	slices.Reverse(made)
	create(t, s, made...)
	backwards := slices.Clone(want)
	slices.Reverse(backwards)
	for _, test := range []struct{ start, size int }{
		{0, 0}, {0, 3}, {3, 3}, {6, 3}, {0, 7}, {0, 8}, {7, 3}, {9, 3}, {2, 0}, {7, 0}, {9, 0},
	} {
		for _, down := range []bool{false, true} {
			order := want
			if down {
				order = backwards
			}
			from, to := min(test.start, all), all
			if test.size > 0 {
				to = min(test.start+test.size, all)
			}
			page, err := s.List(t.Context(), store.Filter{Start: test.start, Size: test.size, Descending: down, Stone: "MachineStone"})
			require.NoError(t, err)
			require.Equal(t, order[min(from, to):to], taskIDs(page.Tasks), "%+v %t", test, down)
			require.Equal(t, all, page.Total, "%+v", test)
			require.True(t, page.Exact)
		}
	}
}

func testListParams(t *testing.T, s store.Store) {
	a, b := names("a"), names("b")
	record(t, s, store.Changes{New: []store.State{state(a), state(b)}, Attempts: []store.Attempt{attempt(a, oddJSON[2])}})
	page, err := s.List(t.Context(), store.Filter{ProcessInstanceID: "process"})
	require.NoError(t, err)
	require.Equal(t, oddJSON[2], string(page.Tasks[0].Params))
	require.Equal(t, `{}`, string(page.Tasks[1].Params))
	one, err := s.Task(t.Context(), "a")
	require.NoError(t, err)
	require.Equal(t, one, page.Tasks[0])
}
