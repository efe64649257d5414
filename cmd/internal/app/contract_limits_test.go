package app_test

import (
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/cmd/internal/app"
	"github.com/riverstones/riverstones/cmd/internal/config"
	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/stone"
)

// All 22 statuses but produce.failed are in TestAllStatuses. The queue is out:
// 503, produce.failed, and the same POST again; a full lane: 429.
func TestContractOfOutagesAndLimits(t *testing.T) {
	t.Parallel()
	server := queuetest.Start(t)
	cfg := settings(t)
	cfg.NATS, cfg.Limits.Backlog = server.URL(), 3
	s := stranger{T: t, zone: cfg.TimeZone, clock: newClockwork(), n: new(atomic.Int64)}
	s.a = start(t, cfg, app.Hooks{Stones: func(w *stone.Worker) error {
		return w.Add(stone.Spec{Code: "Script"}, &script{})
	}})
	s.url = s.a.URL()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	s.http = &http.Client{Transport: transport, Timeout: patience}

	for range 3 {
		s.published("Nobody")
	}
	over := s.id()
	full := s.post(s.task(over, "Nobody")).refused(429, "Nobody")
	require.Regexp(s, `^[1-9]\d*$`, full.header.Get("Retry-After"))
	s.get("/task/"+over).refused(404, over)
	s.post("["+s.task(over, "Nobody")+"]").refused(429, "Nobody")
	s.until(s.published("Script"), "monitor.success")

	server.Stop(t)
	id, ran := s.id(), s.id()
	out := s.post("["+s.task(id, "Script")+","+s.task(ran, "Script", "debug", true)+"]").refused(503, "2 of 2", "produce.failed")
	require.Regexp(s, `^[1-9]\d*$`, out.header.Get("Retry-After"))
	failed := s.until(id, "produce.failed")
	require.NotEmpty(s, failed["reason"])
	require.NotNil(s, failed["endTime"])
	require.Equal(s, true, s.until(ran, "produce.failed")["debug"])
	s.post(s.task(id, "Script", "params", raw(`{"other":1}`))).refused(409, "differs")
	server.Restart(t)
	s.soon(func() bool { return s.post(s.task(id, "Script")).status < 300 }, never("the same POST again does not publish it"))
	s.form("/task/"+ran+"/reRun", anew("start", "{}", "{}")).is(200)
	for _, one := range []string{id, ran} {
		ended := s.until(one, "monitor.success")
		require.Nil(s, ended["reason"])
	}
	require.Equal(s, []string{"1 produce.failed", "2 produce.success", "2 start.begin", "2 start.success", "2 monitor.begin", "2 monitor.success"}, s.steps(ran, ""))
	requireClean(t, s.a.Store(), server.URL())
}

// A worker that dies without a word has spent a try: a task that may be tried
// once fails, and nobody runs it again.
func TestContractSilentDeathIsATry(t *testing.T) {
	t.Parallel()
	cfg := settings(t)
	cfg.Roles = []config.Role{config.Recorder, config.Gateway}
	cfg.NATSListen = "127.0.0.1:0"
	a := start(t, cfg, app.Hooks{})
	s := stranger{T: t, zone: cfg.TimeZone, n: new(atomic.Int64), a: a, url: a.URL(), http: http.DefaultClient}
	doomed, begun := runDoomed(t, a.NATSURL())
	once := s.published(killable, "retry", raw(`{"maxAttempts":1}`))
	twice := s.published(killable, "retry", raw(`{"maxAttempts":2}`))
	require.Contains(t, []string{once, twice}, <-begun)
	s.until(once, "start.begin")
	s.until(twice, "start.begin")
	require.NoError(t, doomed.Process.Kill())
	startSuccessor(t, a.NATSURL())
	require.Contains(t, s.until(once, "start.failed")["reason"], "the worker died")
	s.until(twice, "monitor.success")
	require.Equal(t, []string{"1 produce.success", "1 start.begin", "1 start.failed"}, s.steps(once, ""))
	requireClean(t, a.Store(), a.NATSURL())
}
