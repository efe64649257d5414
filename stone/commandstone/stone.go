// Package commandstone is a built-in stone whose work is a command out of a
// list that the operator configures, see [Config]. Tasks choose from the list
// and fill in arguments; they never name a program, and there is no shell.
//
//	cfg, err := commandstone.Parse([]byte(`
//	code: Backup
//	params:
//	  - {name: volume, type: string, required: true, allowedPattern: "[a-z0-9]+"}
//	commands:
//	  full:
//	    path: /usr/local/bin/backup
//	    args: [--full, "--volume={{.params.volume}}"]
//	    env: [HOME]
//	    retryable: [75]
//	    delete: {path: /usr/local/bin/backup, args: [--drop, "--volume={{.params.volume}}"]}
//	`))
//	cfg.Environ = os.Environ()
//	s, err := commandstone.New(cfg)
//	// give s.Spec() and s to the worker
//
// Standard output and error become log lines of the task (info and warn). The
// exit code decides: 0 is success, a configured code is tried again, any other
// fails for good. A command reports outputs by writing one JSON object into the
// file that the variable RIVERSTONES_OUTPUTS names; it counts when the command
// succeeded. Other variables it finds are RIVERSTONES_ID, RIVERSTONES_TASK_ID,
// RIVERSTONES_METHOD, RIVERSTONES_KEY (the idempotency key), and TRACEPARENT in
// a traced task.
//
// A command runs in a process group of its own. When the task is cancelled, its
// time is over or the worker stops, the group gets SIGTERM and, after a grace,
// SIGKILL; what a command leaves running in its group is killed too. On Linux
// the command itself does not outlive a worker that was killed.
package commandstone

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/riverstones/riverstones/queue/jsonvalue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/stone"
	"github.com/riverstones/riverstones/stone/internal/render"
)

// Stone is a stone as configured.
type Stone struct {
	stone.Methods

	cfg      Config
	params   []stone.Param
	checker  *stone.Checker
	commands map[string]map[task.Method]*program

	mu      sync.Mutex
	running map[string]map[*run]struct{} // by the task's id
}

// New makes a stone. It checks the whole configuration, also that the programs
// are there, and runs nothing.
func New(cfg Config) (*Stone, error) {
	s, err := build(cfg.withDefaults())
	if err != nil {
		return nil, fmt.Errorf("command stone %s: %w", cfg.Code, err)
	}
	return s, nil
}

func build(cfg Config) (*Stone, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	params := cfg.declare()
	checker, err := stone.NewChecker(params)
	if err != nil {
		return nil, err
	}
	s := &Stone{cfg: cfg, params: params, checker: checker,
		commands: map[string]map[task.Method]*program{}, running: map[string]map[*run]struct{}{}}
	s.Methods = stone.Methods{task.Cancel: s.cancel}
	for name, c := range cfg.Commands {
		all := map[task.Method]*program{}
		for m, e := range map[task.Method]*Exec{task.Start: &c.Exec, task.Rollback: c.Rollback, task.Delete: c.Delete, task.Mock: c.Mock} {
			if e == nil {
				continue
			}
			if all[m], err = compile(*e, cfg.Environ); err != nil {
				return nil, fmt.Errorf("command %s: %s: %w", name, m, err)
			}
			s.Methods[m] = s.exec
		}
		s.commands[name] = all
	}
	return s, nil
}

// Spec describes the stone to the worker.
func (s *Stone) Spec() stone.Spec {
	return stone.Spec{Code: s.cfg.Code, DisplayName: s.cfg.DisplayName, Description: s.cfg.Description, Service: s.cfg.Service,
		Version: s.cfg.Version, BusinessKey: s.cfg.BusinessKey, Params: s.params, Outputs: s.cfg.Outputs}
}

// exec runs the program of the task's command and method.
func (s *Stone) exec(ctx context.Context, t *stone.Task) error {
	check := s.checker.Fill
	if t.Method == task.Start || t.Method == task.Mock {
		check = s.checker.Check
	}
	params, err := check(t.Params())
	if err != nil {
		return stone.Reject(err.Error())
	}
	name, err := commandOf(params)
	if err != nil {
		return stone.Reject(err.Error())
	}
	all, ok := s.commands[name]
	if !ok {
		return stone.Reject("parameter command: is not on the list")
	}
	p, ok := all[t.Method]
	if !ok {
		t.Logf("info", "nothing to do: the command has no %s", t.Method)
		return nil
	}
	data, err := render.Data(t, params)
	if err != nil {
		return stone.Reject(err.Error())
	}
	return s.run(ctx, t, p, params, data)
}

// commandOf reads the parameter command.
func commandOf(params json.RawMessage) (string, error) {
	o, err := jsonvalue.Scan(params)
	if err != nil {
		return "", err
	}
	for _, m := range o.Members {
		if m.Name == "command" {
			return jsonvalue.Text(m.Value), nil
		}
	}
	return "", &stone.ParamError{Param: "command", Rule: "required", Why: "is required"}
}

// cancel stops what runs for the task in this worker, and waits for its end. In
// another worker the end of the run's context has done the same.
func (s *Stone) cancel(ctx context.Context, t *stone.Task) error {
	s.mu.Lock()
	var all []*run
	for r := range s.running[t.ID] {
		all = append(all, r)
	}
	s.mu.Unlock()
	if len(all) == 0 {
		t.Logf("info", "nothing runs here")
	}
	for _, r := range all {
		r.stop(errCanceled)
		select {
		case <-r.done:
		case <-ctx.Done():
			return fmt.Errorf("wait for the command to end: %w", context.Cause(ctx))
		}
	}
	return nil
}

func (s *Stone) enter(id string, r *run) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running[id] == nil {
		s.running[id] = map[*run]struct{}{}
	}
	s.running[id][r] = struct{}{}
}

func (s *Stone) leave(id string, r *run) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.running[id], r)
	if len(s.running[id]) == 0 {
		delete(s.running, id)
	}
	close(r.done)
}
