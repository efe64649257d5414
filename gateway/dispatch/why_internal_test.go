package dispatch

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

func TestExplain(t *testing.T) {
	t.Parallel()
	worker := func(name, key string, live bool) ServiceWorker {
		return ServiceWorker{Name: name, BusinessKey: key, Live: live, LastFetch: at.Add(-time.Minute)}
	}
	one := func(s task.Status) *task.Task {
		return &task.Task{Names: task.Names{TaskID: "t", ProcessInstanceID: "p", Stone: "S", BusinessKey: "eu"}, Status: s, Epoch: 1}
	}
	held := one(task.ProduceSuccess)
	held.NotBefore = at.Add(90 * time.Second)
	debugged := one(task.StartFailed)
	debugged.Debug = true
	unsent := one(task.ProduceSuccess)
	unsent.Epoch = 2
	told := []store.Note{{Transition: store.Transition{Time: at.Add(-5 * time.Second), Worker: "w"}}}
	for name, c := range map[string]struct {
		facts    facts
		why, fix string
	}{
		"ended":           {facts{task: one(task.MonitorSuccess)}, "it ended with monitor.success", ""},
		"failed":          {facts{task: one(task.StartFailed)}, "it ended with start.failed", "riverstones process debug p on"},
		"told":            {facts{task: one(task.MonitorSuccess), told: []store.Delivery{{State: store.DeliveryDone, Problem: "500", Status: task.StartFailed}, {State: store.DeliveryDue}}}, "it ended with monitor.success", ""},
		"refused":         {facts{task: one(task.MonitorSuccess), told: []store.Delivery{{State: store.DeliveryDue, Status: task.MonitorSuccess, Problem: "500", Tries: 2, Due: at}}}, "not told of monitor.success yet: callback refused (500), try 3 at 2026", "riverstones task callbacks t --replay"},
		"parked":          {facts{task: one(task.MonitorSuccess), told: []store.Delivery{{State: store.DeliveryParked, Status: task.MonitorSuccess, Problem: "404", Due: at}}}, "does not wait for monitor.success yet (404), next try at 2026", "riverstones task callbacks t --replay"},
		"given up":        {facts{task: one(task.StartFailed), told: []store.Delivery{{State: store.DeliveryGivenUp, Status: task.StartFailed, Problem: "500"}}}, "is not told any more: 500", "riverstones task callbacks t --replay"},
		"in debug mode":   {facts{task: debugged}, "it waits for you", "riverstones task rerun t"},
		"held back":       {facts{task: held}, "held back until 2026-11-21T09:01:30Z, that is for 1m30s", "riverstones task cancel t"},
		"paused":          {facts{task: one(task.StartBegin), service: Service{Paused: true}}, "stone S is paused", "riverstones stone resume S"},
		"not sent":        {facts{task: unsent, attempt: store.Attempt{Epoch: 2}, service: Service{Workers: []ServiceWorker{worker("w", "", true)}}}, "not sent yet", "curl"},
		"never served":    {facts{task: one(task.ProduceSuccess)}, "no worker has ever served stone S for business key eu", "start a worker of S"},
		"worker gone":     {facts{task: one(task.ProduceSuccess), service: Service{Known: true, Workers: []ServiceWorker{worker("w", "", false)}}}, "no live worker serves stone S for business key eu, the last one was there 1m0s ago", "start a worker of S"},
		"of another key":  {facts{task: one(task.ProduceSuccess), service: Service{Known: true, Workers: []ServiceWorker{worker("w", "us", true)}}}, "no live worker serves stone S for business key eu", "start"},
		"in the queue":    {facts{task: one(task.ProduceSuccess), history: told, service: Service{Known: true, Backlog: 7, Workers: []ServiceWorker{worker("w", "eu", true)}}}, "7 commands wait for the 1 live workers of stone S", "start more"},
		"at work":         {facts{task: one(task.StartBegin), history: told, service: Service{Workers: []ServiceWorker{worker("w", "", true)}}}, "worker w has it: start.begin since 5s", ""},
		"worker died":     {facts{task: one(task.StartBegin), history: told, service: Service{Workers: []ServiceWorker{worker("w", "", false), worker("v", "", true)}}}, "another one takes over when its lease is over", ""},
		"all died":        {facts{task: one(task.StartBegin), history: told}, "worker w had it (start.begin 5s ago) and is gone", "start a worker of S"},
		"being looked at": {facts{task: one(task.MonitorBegin), history: told, service: Service{Workers: []ServiceWorker{worker("v", "", true)}}}, "its work is followed: monitor.begin since 5s", ""},
	} {
		c.facts.now = at
		got := c.facts.explain()
		require.Contains(t, got.Why, c.why, name)
		require.Contains(t, got.Fix, c.fix, name)
		require.Equal(t, c.fix == "", got.Fix == "", name)
	}
}
