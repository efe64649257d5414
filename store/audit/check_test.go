package audit_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/audit"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// steps are transitions of an epoch, a second after one another.
func steps(epoch int, ss ...task.Status) []store.Note {
	var out []store.Note
	for i, s := range ss {
		tr := store.Transition{Epoch: epoch, Status: s, Time: noon.Add(time.Duration(i) * time.Second)}
		if !s.Produce() {
			tr.Worker, tr.Delivery = "w", 1
		}
		out = append(out, store.Note{Transition: tr})
	}
	return out
}

func join(parts ...[]store.Note) (all []store.Note) {
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

func at(epoch int, m task.Method, s task.Status, end time.Time) task.Task {
	return task.Task{Names: task.Names{TaskID: "t"}, Epoch: epoch, Method: m, Status: s, EndTime: end}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	produced, none := task.ProduceSuccess, time.Time{}
	sec := func(n int) time.Time { return noon.Add(time.Duration(n) * time.Second) }
	whole := steps(1, produced, task.StartBegin, task.StartSuccess, task.MonitorBegin, task.MonitorSuccess)
	failed := steps(1, produced, task.StartBegin, task.StartFailed)
	final := steps(1, produced, task.StartBegin, task.StartSuccess)
	final[2].Final = true
	back := steps(1, produced, task.StartBegin, task.StartFailed)
	back[2].Time = back[1].Time.Add(-2 * time.Second)
	skewed := steps(1, produced, task.StartBegin, task.StartFailed)
	skewed[1].Time, skewed[2].Worker = noon.Add(time.Hour), "another"
	note := store.Note{Transition: store.Transition{Epoch: 1, Status: task.MonitorFailed, Time: noon}, Why: store.NoteLate}
	twice := store.Note{Transition: store.Transition{Epoch: 1, Status: task.MonitorFailed, Time: sec(3), Worker: "w", Delivery: 1}}
	type kinds []audit.Kind
	for name, c := range map[string]struct {
		task    task.Task
		history []store.Note
		kinds   kinds
		detail  string
	}{
		"whole way":              {at(1, task.Start, task.MonitorSuccess, sec(4)), whole, nil, ""},
		"waiting":                {at(1, task.Start, produced, none), steps(1, produced), nil, ""},
		"refused":                {at(1, task.Start, task.ProduceFailed, noon), steps(1, task.ProduceFailed), nil, ""},
		"refused and stored":     {at(1, task.Start, produced, none), steps(1, task.ProduceFailed, produced), nil, ""},
		"notes do not count":     {at(1, task.Start, task.MonitorSuccess, sec(4)), append(whole, note), nil, ""},
		"no begin":               {at(1, task.Mock, task.MockPassed, sec(1)), steps(1, produced, task.MockPassed), nil, ""},
		"cancelled at once":      {at(2, task.Cancel, task.Canceled, noon), join(steps(1, produced), steps(2, task.Canceled)), nil, ""},
		"run again":              {at(2, task.Monitor, task.MonitorSuccess, sec(2)), join(failed, steps(2, produced, task.MonitorBegin, task.MonitorSuccess)), nil, ""},
		"clocks of two machines": {at(1, task.Start, task.StartFailed, sec(2)), skewed, nil, ""},

		"no history":            {at(1, task.Start, produced, none), nil, kinds{audit.Lost}, "attempt 1 has no produce.success"},
		"no acceptance":         {at(1, task.Start, task.MonitorSuccess, sec(4)), whole[1:], kinds{audit.Lost}, "attempt 1 has no produce.success"},
		"an attempt is missing": {at(3, task.Start, produced, none), join(failed, steps(3, produced)), kinds{audit.Lost}, "attempt 2 has no produce.success"},
		"the end is missing": {at(1, task.Start, task.MonitorSuccess, sec(4)), whole[:4], kinds{audit.Lost},
			"the task stands at monitor.success, which its history lacks: it ends at monitor.begin"},
		"twice":       {at(1, task.Start, task.MonitorSuccess, sec(4)), append(whole[:5:5], whole[4]), kinds{audit.Doubled}, "attempt 1: monitor.success is recorded twice"},
		"two ends":    {at(1, task.Start, task.StartFailed, sec(2)), append(failed[:3:3], twice), kinds{audit.Doubled}, "attempt 1 has ended twice: start.failed, monitor.failed"},
		"stands back": {at(1, task.Start, task.StartBegin, none), whole, kinds{audit.OutOfOrder}, "the task stands at start.begin, its history at monitor.success"},
		"epoch stands back": {at(1, task.Start, task.StartFailed, sec(2)), join(failed, steps(2, produced)), kinds{audit.OutOfOrder},
			"the history has attempt 2, the task is at attempt 1"},
		"end time": {at(1, task.Start, task.StartFailed, noon), failed, kinds{audit.OutOfOrder},
			`the end time of start.failed is "2026-11-21T12:00:00Z", the history says "2026-11-21T12:00:02Z"`},
		"final mark": {at(1, task.Start, task.StartSuccess, none), final, kinds{audit.OutOfOrder, audit.OutOfOrder}, `the final mark of start.success is "false", the history says "true"`},
		"time goes back": {at(1, task.Start, task.StartFailed, back[2].Time), back, kinds{audit.OutOfOrder},
			"attempt 1: start.failed is 2s earlier than start.begin of the same run"},
		"another method":          {at(1, task.Delete, task.StartFailed, sec(2)), failed, kinds{audit.OutOfOrder}, "attempt 1: start.begin in an attempt of delete"},
		"another method, earlier": {at(2, task.Start, produced, none), join(steps(1, produced, task.StartBegin, task.DeleteSuccess), steps(2, produced)), kinds{audit.OutOfOrder}, "attempt 1: delete.success in an attempt of start"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got kinds
			found := audit.Check(&c.task, c.history)
			for _, f := range found {
				require.Equal(t, "t", f.TaskID)
				got = append(got, f.Kind)
			}
			require.Equal(t, c.kinds, got, found)
			if len(found) > 0 {
				require.Equal(t, c.detail, found[0].Detail)
			}
		})
	}
}
