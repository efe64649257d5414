package storetest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

var callbackListTests = map[string]func(*testing.T, store.Store){
	"Callbacks/list": testListDeliveries,
}

// told names the tasks of deliveries, with the epoch.
func told(t *testing.T, s store.Store, f store.DeliveryFilter) (names []string, page store.DeliveryPage) {
	t.Helper()
	page, err := s.ListDeliveries(t.Context(), f)
	require.NoError(t, err)
	names = ids(page.Deliveries, func(d store.TaskDelivery) string { return fmt.Sprint(d.Task.TaskID, d.Epoch) })
	return names, page
}

// Deliveries of all tasks are listed, the newest first: a was told and then
// ended again, b is parked, c was given up, and of d nobody is told.
func testListDeliveries(t *testing.T, s store.Store) {
	empty, page := told(t, s, store.DeliveryFilter{Size: 10})
	require.Empty(t, empty)
	require.Equal(t, store.DeliveryPage{Exact: true}, page)

	all := []task.Names{names("a"), names("b"), names("c"), names("d")}
	all[2].ProcessInstanceID, all[2].BusinessKey = "p2", "key"
	want(t, s, all[:3]...)
	finish(t, s, all...)
	for i, state := range []store.DeliveryState{store.DeliveryDone, store.DeliveryParked, store.DeliveryGivenUp} {
		d := deliveries(t, s, all[i].ID)[0]
		require.NoError(t, s.Told(t.Context(), []store.Told{{Number: d.Number, Since: d.Since, State: state, Due: never, Problem: "502"}}))
	}
	command(t, s, all[0].ID, func(was store.Standing) *store.Step { return canceled(&was) })

	everything := []string{"a2", "c1", "b1", "a1"}
	for name, test := range map[string]struct {
		filter store.DeliveryFilter
		want   []string
		total  int
	}{
		"all":              {store.DeliveryFilter{}, everything, 4},
		"first page":       {store.DeliveryFilter{Size: 2}, everything[:2], 4},
		"second page":      {store.DeliveryFilter{Start: 2, Size: 2}, everything[2:], 4},
		"rest":             {store.DeliveryFilter{Start: 3}, everything[3:], 4},
		"behind the last":  {store.DeliveryFilter{Start: 9, Size: 2}, []string{}, 4},
		"due":              {store.DeliveryFilter{State: store.DeliveryDue, Size: 1}, []string{"a2"}, 1},
		"parked":           {store.DeliveryFilter{State: store.DeliveryParked, Size: 1}, []string{"b1"}, 1},
		"done":             {store.DeliveryFilter{State: store.DeliveryDone}, []string{"a1"}, 1},
		"given up":         {store.DeliveryFilter{State: store.DeliveryGivenUp}, []string{"c1"}, 1},
		"task":             {store.DeliveryFilter{TaskID: "a", Size: 1}, []string{"a2"}, 2},
		"task's next":      {store.DeliveryFilter{TaskID: "a", Start: 1, Size: 1}, []string{"a1"}, 2},
		"task's state":     {store.DeliveryFilter{TaskID: "a", State: store.DeliveryDone}, []string{"a1"}, 1},
		"task nobody told": {store.DeliveryFilter{TaskID: "d"}, []string{}, 0},
		"no id of records": {store.DeliveryFilter{TaskID: all[0].ID}, []string{}, 0},
		"process":          {store.DeliveryFilter{ProcessInstanceID: "process"}, []string{"a2", "b1", "a1"}, 3},
		"process's state":  {store.DeliveryFilter{ProcessInstanceID: "process", State: store.DeliveryParked, Size: 9}, []string{"b1"}, 1},
		"task of another":  {store.DeliveryFilter{TaskID: "a", ProcessInstanceID: "p2"}, []string{}, 0},
		"both":             {store.DeliveryFilter{TaskID: "c", ProcessInstanceID: "p2", State: store.DeliveryGivenUp}, []string{"c1"}, 1},
		"odd":              {store.DeliveryFilter{TaskID: "a\x00\xff'; --"}, []string{}, 0},
	} {
		got, page := told(t, s, test.filter)
		require.Equal(t, test.want, got, name)
		require.Equal(t, test.total, page.Total, name)
		require.True(t, page.Exact, name)
		for _, d := range page.Deliveries {
			require.Contains(t, all, d.Task, name)
			require.Contains(t, deliveries(t, s, d.ID), d.Delivery, name)
		}
	}
}
