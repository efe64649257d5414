// Package httpstone is a built-in stone whose work is an HTTP call: start calls
// a URL, monitor polls one until a condition holds, rollback, delete, cancel
// and mock call theirs. What is called is configuration, see [Config].
//
//	cfg, err := httpstone.Parse([]byte(`
//	code: Volume
//	start:
//	  url: https://storage.example.com/volumes
//	  body: '{"size": {{.params.size}}, "name": "disk of {{.task.name}}"}'
//	  outputs: {volumeId: id}
//	monitor:
//	  url: https://storage.example.com/volumes/{{.outputs.volumeId}}
//	  done: {path: state, values: [READY]}
//	  failed: {path: state, values: [BROKEN]}
//	delete:
//	  method: DELETE
//	  url: https://storage.example.com/volumes/{{.outputs.volumeId}}
//	`))
//	s, err := httpstone.New(cfg)
//	// give s.Spec() and s to the worker
//
// Every call carries Idempotency-Key and, in a traced task, traceparent. It
// follows no redirect, uses no proxy, and reaches public addresses over https
// only, unless [Config] allows others by name.
package httpstone

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/riverstones/riverstones/queue/jsonvalue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/stone"
	"github.com/riverstones/riverstones/stone/internal/render"
)

// Stone is a stone as configured.
type Stone struct {
	stone.Methods

	cfg       Config
	checker   *stone.Checker
	guard     *guard
	client    *http.Client
	maxAnswer int64
	poll      *poll
}

// poll is a compiled [Poll].
type poll struct {
	*call

	done, failed       condition
	progress, reason   jsonvalue.Path
	interval, deadline time.Duration
}

// New makes a stone. It checks the whole configuration, and calls nobody.
func New(cfg Config) (*Stone, error) {
	s, err := build(cfg.withDefaults())
	if err != nil {
		return nil, fmt.Errorf("http stone %s: %w", cfg.Code, err)
	}
	return s, nil
}

func build(cfg Config) (*Stone, error) {
	switch {
	case cfg.Code == "":
		return nil, errors.New("code is missing")
	case cfg.Start == nil:
		return nil, errors.New("start is missing")
	case cfg.Timeout < 0 || cfg.MaxAnswer < 0:
		return nil, errors.New("timeout and maxAnswer must not be negative")
	}
	g, err := newGuard(cfg.Hosts, cfg.Allow)
	if err != nil {
		return nil, err
	}
	checker, err := stone.NewChecker(cfg.Params)
	if err != nil {
		return nil, err
	}
	s := &Stone{Methods: stone.Methods{}, cfg: cfg, checker: checker, guard: g,
		client: g.client(cfg.Timeout, cfg.TLS), maxAnswer: cfg.MaxAnswer}
	for m, c := range s.calls() {
		if c == nil {
			continue
		}
		one, err := compile(c, cfg.Headers, http.MethodPost, g)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m, err)
		}
		s.Methods[m] = s.handler(m, one)
	}
	if cfg.Monitor == nil {
		return s, nil
	}
	if s.poll, err = compilePoll(cfg.Monitor, cfg.Headers, g); err != nil {
		return nil, fmt.Errorf("monitor: %w", err)
	}
	s.Methods[task.Monitor] = s.look
	return s, nil
}

// calls are the plain calls of the configuration.
func (s *Stone) calls() map[task.Method]*Call {
	return map[task.Method]*Call{task.Start: s.cfg.Start, task.Rollback: s.cfg.Rollback,
		task.Delete: s.cfg.Delete, task.Cancel: s.cfg.Cancel, task.Mock: s.cfg.Mock}
}

func compilePoll(p *Poll, shared map[string]string, g *guard) (out *poll, err error) {
	out = &poll{interval: p.Interval, deadline: p.Deadline}
	if p.Interval < 0 || p.Deadline < 0 {
		return nil, errors.New("interval and deadline must not be negative")
	}
	if out.call, err = compile(&p.Call, shared, http.MethodGet, g); err != nil {
		return nil, err
	}
	if out.done, err = compileCondition(p.Done); err != nil {
		return nil, fmt.Errorf("done: %w", err)
	}
	if !out.done.set {
		return nil, errors.New("done: no condition is set")
	}
	if out.failed, err = compileCondition(p.Failed); err != nil {
		return nil, fmt.Errorf("failed: %w", err)
	}
	if out.progress, err = jsonvalue.ParsePath(p.Progress); err != nil {
		return nil, fmt.Errorf("progress: %w", err)
	}
	if out.reason, err = jsonvalue.ParsePath(p.Reason); err != nil {
		return nil, fmt.Errorf("reason: %w", err)
	}
	return out, nil
}

// Spec describes the stone to the worker.
func (s *Stone) Spec() stone.Spec {
	outputs := slices.Clone(s.cfg.Outputs)
	known := map[string]bool{}
	for _, o := range outputs {
		known[o.Name] = true
	}
	all := slices.Collect(maps.Values(s.calls()))
	if s.cfg.Monitor != nil {
		all = append(all, &s.cfg.Monitor.Call)
	}
	var found []string
	for _, c := range all {
		if c == nil {
			continue
		}
		for name := range c.Outputs {
			if !known[name] {
				known[name], found = true, append(found, name)
			}
		}
	}
	slices.Sort(found)
	for _, name := range found {
		outputs = append(outputs, stone.Output{Name: name})
	}
	return stone.Spec{Code: s.cfg.Code, DisplayName: s.cfg.DisplayName, Description: s.cfg.Description, Service: s.cfg.Service,
		Version: s.cfg.Version, BusinessKey: s.cfg.BusinessKey, Params: s.cfg.Params, Outputs: outputs}
}

// Close gives idle connections back. Calls under way are not cut off.
func (s *Stone) Close() { s.client.CloseIdleConnections() }

// handler makes one call and extracts its outputs.
func (s *Stone) handler(m task.Method, c *call) stone.Handler {
	undo := m == task.Rollback || m == task.Delete || m == task.Cancel
	return func(ctx context.Context, t *stone.Task) error {
		data, err := s.data(t)
		if err != nil {
			return stone.Reject(err.Error())
		}
		if name, ok := c.lacks(data); ok && undo {
			t.Logf("info", "nothing to undo: output %s was never reported", name)
			return nil
		}
		a, err := s.do(ctx, t, c, data)
		if err != nil {
			return err
		}
		t.Logf("debug", "%s answered %d", m, a.status)
		if err := a.judge(undo); err != nil {
			return err
		}
		if undo && a.status >= 400 {
			return nil
		}
		return c.extract(t, a)
	}
}

// data is what templates see. Params are checked where work begins.
func (s *Stone) data(t *stone.Task) (map[string]any, error) {
	check := s.checker.Fill
	if t.Method == task.Start || t.Method == task.Mock {
		check = s.checker.Check
	}
	params, err := check(t.Params())
	if err != nil {
		return nil, err
	}
	return render.Data(t, params)
}

// lacks returns an output that the call refers to and the task does not have.
func (c *call) lacks(data map[string]any) (string, bool) {
	have, _ := data["outputs"].(map[string]any)
	for _, name := range c.refers {
		if v, ok := have[name]; !ok || v == nil {
			return name, true
		}
	}
	return "", false
}

// look is one look of monitor.
func (s *Stone) look(ctx context.Context, t *stone.Task) error {
	data, err := s.data(t)
	if err != nil {
		return stone.Reject(err.Error())
	}
	a, err := s.do(ctx, t, s.poll.call, data)
	if err != nil {
		return err
	}
	s.poll.report(t, a)
	if s.poll.failed.holds(a) {
		return stone.Reject(s.poll.why(a))
	}
	if s.poll.done.holds(a) {
		return s.poll.extract(t, a)
	}
	if err := a.judge(false); err != nil {
		return err
	}
	if s.poll.deadline > 0 && time.Since(t.CreateTime) > s.poll.deadline {
		return stone.Reject(fmt.Sprintf("not done within %s", s.poll.deadline))
	}
	return stone.Again(s.poll.interval)
}

// report passes the progress on.
func (p *poll) report(t *stone.Task, a *answer) {
	if len(p.progress) == 0 {
		return
	}
	v, ok := a.find(p.progress)
	if !ok {
		return
	}
	if f, err := strconv.ParseFloat(jsonvalue.Text(v), 64); err == nil && f >= 0 && f <= 100 {
		t.Progress(int(f))
	}
}

// why is the reason of work that has failed.
func (p *poll) why(a *answer) string {
	if len(p.reason) > 0 {
		if v, ok := a.find(p.reason); ok {
			return strings.Map(printable, jsonvalue.Text(v))
		}
	}
	return "the work failed: " + a.why()
}
