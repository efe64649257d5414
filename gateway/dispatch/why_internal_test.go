package dispatch

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

func TestExplain(t *testing.T) {
	t.Parallel()
	worker := func(name, key string, live bool) ServiceWorker {
		return ServiceWorker{Name: name, BusinessKey: key, Live: live, LastFetch: at.Add(-time.Minute)}
	}
	one := func(s task.Status) *task.Task {
		return &task.Task{Names: task.Names{TaskID: "t", ProcessInstanceID: "p", Stone: "S", BusinessKey: "eu"}, Method: task.Start, Status: s, Epoch: 1}
	}
	held := one(task.ProduceSuccess)
	held.NotBefore = at.Add(90 * time.Second)
	debugged := one(task.StartFailed)
	debugged.Debug = true
	unsent := one(task.ProduceSuccess)
	unsent.Epoch = 2
	begun := []store.Note{{Transition: store.Transition{Epoch: 1, Time: at.Add(-5 * time.Second), Worker: "w"}}}
	says := func(ago time.Duration, n queue.Next) []store.LogLine {
		return []store.LogLine{{Epoch: 1, LogLine: queue.LogLine{Time: at.Add(-ago), Line: n.String()}}, {Epoch: 1, LogLine: queue.LogLine{Time: at, Line: "else"}}}
	}
	looked := one(task.MonitorBegin)
	looked.Progress = new(int)
	*looked.Progress = 40
	lost := one(task.ProduceFailed)
	lost.Reason = "no room"
	released := one(task.ProduceSuccess)
	released.NotBefore = at.Add(-time.Second)
	letter := DeadLetter{Reason: "not JSON", Time: at}
	here := Service{Known: true, Workers: []ServiceWorker{worker("w", "", true)}, Backlog: map[task.Method]int{task.Start: 5, task.Mock: 2, task.Monitor: 9}}
	held3 := Service{Paused: true, Workers: here.Workers}
	for name, c := range map[string]struct {
		facts    facts
		why, fix string
	}{
		"ended":                {facts{task: one(task.MonitorSuccess)}, "it ended with monitor.success", ""},
		"failed":               {facts{task: one(task.StartFailed)}, "it ended with start.failed", "riverstones process debug p on"},
		"not taken":            {facts{task: lost}, "the queue did not take it: no room", "POST"},
		"told":                 {facts{task: one(task.MonitorSuccess), told: []store.Delivery{{State: store.DeliveryDone, Problem: "500", Status: task.StartFailed}, {State: store.DeliveryDue}}}, "it ended with monitor.success", ""},
		"refused":              {facts{task: one(task.MonitorSuccess), told: []store.Delivery{{State: store.DeliveryDue, Status: task.MonitorSuccess, Problem: "500", Tries: 2, Due: at}}}, "not told of monitor.success yet: callback refused (500), try 3 at 2026", "riverstones task callbacks t --replay"},
		"parked":               {facts{task: one(task.MonitorSuccess), told: []store.Delivery{{State: store.DeliveryParked, Status: task.MonitorSuccess, Problem: "404", Due: at}}}, "does not wait for monitor.success yet (404), next try at 2026", "riverstones task callbacks t --replay"},
		"given up":             {facts{task: one(task.StartFailed), told: []store.Delivery{{State: store.DeliveryGivenUp, Status: task.StartFailed, Problem: "500"}}}, "is not told any more: 500", "riverstones task callbacks t --replay"},
		"in debug mode":        {facts{task: debugged}, "it waits for you", "riverstones task rerun t"},
		"a dead letter, ended": {facts{task: one(task.StartFailed), dead: letter}, "it failed with start.failed, and its command is a dead letter: not JSON", "riverstones deadletter redrive t"},
		"a dead letter":        {facts{task: one(task.ProduceSuccess), history: begun, dead: letter, service: here}, "its command is a dead letter since 2026-11-21T09:00:00Z: not JSON", "riverstones task cancel t"},
		"held back":            {facts{task: held}, "held back until 2026-11-21T09:01:30Z, that is for 1m30s", "riverstones task cancel t"},
		"paused":               {facts{task: one(task.ProduceSuccess), history: begun, service: held3}, "stone S is paused", "riverstones stone resume S"},
		"paused between tries": {facts{task: one(task.StartBegin), history: begun, holder: "w", service: held3, log: says(time.Second, queue.Next{Try: 1, Of: 3, Why: "no", After: time.Minute})}, "stone S is paused", "riverstones stone resume S"},
		"paused, at work":      {facts{task: one(task.StartBegin), history: begun, holder: "w", service: held3}, "worker w has it", ""},
		"paused, worker gone":  {facts{task: one(task.StartBegin), history: begun, holder: "v", service: held3}, "stone S is paused", "riverstones stone resume S"},
		"not sent":             {facts{task: unsent, history: begun, attempt: store.Attempt{Epoch: 2}}, "its command waits in the outbox since 2026-11-21T08:59:55Z", "curl"},
		"due, not sent":        {facts{task: released, history: begun, attempt: store.Attempt{Epoch: 1}}, "its command waits in the outbox", "curl"},
		"in quarantine":        {facts{task: one(task.StartBegin), history: begun, holder: "w", service: here, quarantined: &store.Quarantined{Time: at, Reason: "no such status"}}, "could not be recorded at 2026-11-21T09:00:00Z and is in quarantine: no such status", "curl /quarantine?taskId=t"},
		"never served":         {facts{task: one(task.ProduceSuccess)}, "no worker has ever served stone S for business key eu", "start a worker of S"},
		"worker gone":          {facts{task: one(task.ProduceSuccess), service: Service{Known: true, Workers: []ServiceWorker{worker("w", "", false)}}}, "no live worker serves stone S for business key eu, the last one was there 1m0s ago", "start a worker of S"},
		"of another key":       {facts{task: one(task.ProduceSuccess), service: Service{Known: true, Workers: []ServiceWorker{worker("w", "us", true)}}}, "no live worker serves stone S for business key eu", "start"},
		"in the queue":         {facts{task: one(task.ProduceSuccess), history: begun, service: here}, "it waits since 2026-11-21T08:59:55Z in a backlog of 7 commands, for 1 live worker of stone S for business key eu", "start more"},
		"at work":              {facts{task: one(task.StartBegin), history: begun, holder: "w", service: here}, "worker w has it: start.begin since 2026-11-21T08:59:55Z", ""},
		"worker died":          {facts{task: one(task.StartBegin), history: begun, holder: "w", service: Service{Workers: []ServiceWorker{worker("w", "", false), worker("v", "", true)}}}, "is gone, its lease is lost since 2026-11-21T08:59:30Z: another one takes over within 30s", ""},
		"all died":             {facts{task: one(task.StartBegin), history: begun, holder: "w"}, "worker w had it (start.begin since 2026-11-21T08:59:55Z) and is gone, and no live worker", "start a worker of S"},
		"being looked at":      {facts{task: looked, history: begun, holder: "w", service: here}, "worker w follows its work: monitor.begin since 2026-11-21T08:59:55Z, 40 % done, and the stone is asked again", ""},
		"looked at by others":  {facts{task: looked, history: begun, holder: "v", service: here}, "worker v is gone, and another one looks when it is due", ""},
		"between looks":        {facts{task: looked, history: begun, holder: "w", service: here, log: says(time.Second, queue.Next{After: time.Hour})}, "not done yet, 40 % done: next poll at 2026-11-21T09:59:59Z, that is in 59m59s", "cancel"},
		"a look failed":        {facts{task: looked, history: begun, holder: "w", service: here, log: says(time.Second, queue.Next{Why: "502", After: time.Minute})}, "failed (502): next poll at 2026-11-21T09:00:59Z", "cancel"},
		"between tries":        {facts{task: one(task.StartBegin), history: begun, holder: "w", service: here, log: says(time.Second, queue.Next{Try: 1, Of: 5, Why: "boom", After: time.Minute})}, "try 1 of 5 failed (boom): retry 2 of 5 at 2026-11-21T09:00:59Z, that is in 59s", "cancel"},
		"the next try began":   {facts{task: one(task.StartBegin), history: begun, holder: "w", service: here, log: says(2*time.Second, queue.Next{Try: 1, Of: 5, After: time.Second})}, "worker w has it", ""},
		"of an older attempt":  {facts{task: one(task.StartBegin), history: begun, holder: "w", service: here, log: says(time.Hour, queue.Next{Try: 1, Of: 5, After: 24 * time.Hour})}, "worker w has it", ""},
	} {
		c.facts.now = at
		got := c.facts.explain()
		require.Contains(t, got.Why, c.why, name)
		require.Contains(t, got.Fix, c.fix, name)
		require.Equal(t, c.fix == "", got.Fix == "", name)
	}
}
