package commandstone

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"github.com/riverstones/riverstones/queue/jsonvalue"
	"github.com/riverstones/riverstones/stone"
)

var (
	errCanceled = errors.New("cancelled")
	errTimeout  = errors.New("timeout")
)

// run is one process under way.
type run struct {
	stop context.CancelCauseFunc
	done chan struct{} // closed when the process group is gone
}

// run runs a program to its end and makes an outcome of it.
func (s *Stone) run(ctx context.Context, t *stone.Task, p *program, params json.RawMessage, data map[string]any) error {
	args, err := p.arguments(data)
	if err != nil {
		return stone.Reject(err.Error())
	}
	scratch, err := os.MkdirTemp("", "commandstone-")
	if err != nil {
		return fmt.Errorf("make a directory for the command: %w", err)
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	file := filepath.Join(scratch, "outputs.json")
	env, err := p.environment(ctx, t, data, file)
	if err != nil {
		return stone.Reject(err.Error())
	}

	inner, r := p.limit(ctx)
	defer r.stop(nil)
	s.enter(t.ID, r)
	defer s.leave(t.ID, r)

	cmd := exec.CommandContext(inner, p.Path, args...) //nolint:gosec // running what the operator listed is what the stone is for
	cmd.Env, cmd.Dir = env, p.Dir
	if cmd.Dir == "" {
		if cmd.Dir, err = os.MkdirTemp(scratch, "work-"); err != nil {
			return fmt.Errorf("make a directory for the command: %w", err)
		}
	}
	if p.Stdin {
		cmd.Stdin = bytes.NewReader(params)
	}
	out := s.capture(t)
	cmd.Stdout, cmd.Stderr = out.stdout, out.stderr
	err = s.execute(cmd)
	out.close()
	if err := p.judge(ctx, inner, cmd, err, out.stderr.last); err != nil {
		return err
	}
	return setOutputs(t, file)
}

// limit returns the context of a run.
func (p *program) limit(ctx context.Context) (context.Context, *run) {
	inner, stop := context.WithCancelCause(ctx)
	r := &run{stop: stop, done: make(chan struct{})}
	if p.Timeout <= 0 {
		return inner, r
	}
	timed, cancel := context.WithTimeoutCause(inner, p.Timeout, errTimeout)
	r.stop = func(why error) {
		stop(why)
		cancel()
	}
	return timed, r
}

// execute starts the command in a group of its own and waits for its end. The
// whole group is gone when it returns.
func (s *Stone) execute(cmd *exec.Cmd) error {
	cmd.Cancel = func() error { return terminate(cmd.Process) }
	cmd.WaitDelay = s.cfg.Grace
	prepare(cmd)
	ended := make(chan error, 1)
	go func() {
		// The kernel ties the parent's death to the thread that started the
		// process, so that thread has to live as long as the process.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		ended <- cmd.Run()
	}()
	err := <-ended
	if cmd.Process != nil {
		kill(cmd.Process)
	}
	return err
}

// arguments fills in the templates, one argument each.
func (p *program) arguments(data map[string]any) ([]string, error) {
	args := make([]string, len(p.args))
	for i, a := range p.args {
		v, err := a.tmpl.Execute(data)
		if err != nil {
			return nil, err
		}
		if strings.HasPrefix(v, "-") && !a.option {
			return nil, fmt.Errorf("argument %d: a value that begins with - would become an option", i+1)
		}
		args[i] = v
	}
	return args, nil
}

func (p *program) environment(ctx context.Context, t *stone.Task, data map[string]any, outputs string) ([]string, error) {
	all := maps.Clone(p.env)
	for name, tmpl := range p.set {
		v, err := tmpl.Execute(data)
		if err != nil {
			return nil, err
		}
		all[name] = v
	}
	maps.Copy(all, map[string]string{
		"RIVERSTONES_OUTPUTS": outputs, "RIVERSTONES_ID": t.ID, "RIVERSTONES_TASK_ID": t.TaskID,
		"RIVERSTONES_METHOD": string(t.Method), "RIVERSTONES_KEY": t.IdempotencyKey(),
	})
	if trace := stone.TraceOf(ctx); trace != "" {
		all["TRACEPARENT"] = trace
	}
	env := make([]string, 0, len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		env = append(env, name+"="+all[name])
	}
	return env, nil
}

// judge makes an outcome of the way a command ended. last is its last line on
// standard error.
func (p *program) judge(ctx, inner context.Context, cmd *exec.Cmd, err error, last string) error {
	state := cmd.ProcessState
	switch {
	case state == nil:
		return unstarted(ctx, err)
	case err == nil, errors.Is(err, exec.ErrWaitDelay) && inner.Err() == nil && state.Success():
		return nil
	case errors.Is(context.Cause(inner), errCanceled):
		return stone.Reject("cancelled")
	case ctx.Err() != nil:
		return fmt.Errorf("the command was stopped: %w", context.Cause(ctx))
	case errors.Is(context.Cause(inner), errTimeout):
		return stone.Retry(0, fmt.Sprintf("timeout after %s", p.Timeout))
	case state.ExitCode() < 0:
		return stone.Retry(0, "the command was killed: "+state.String())
	}
	why := fmt.Sprintf("exit code %d", state.ExitCode())
	if last != "" {
		why += ": " + last
	}
	if slices.Contains(p.Retryable, state.ExitCode()) {
		return stone.Retry(0, why)
	}
	return stone.Reject(why)
}

// unstarted tells a machine that is short of something from a command that can
// not be run.
func unstarted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("the command was not started: %w", context.Cause(ctx))
	}
	if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.ENOMEM) || errors.Is(err, syscall.EMFILE) {
		return stone.Retry(0, "start command: "+err.Error())
	}
	return stone.Reject("start command: " + err.Error())
}

// maxOutputs bounds the file of outputs, in bytes.
const maxOutputs = 128 << 10

// setOutputs reads the file that a command may have written.
func setOutputs(t *stone.Task, file string) error {
	info, err := os.Stat(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil || !info.Mode().IsRegular() {
		return stone.Reject("outputs: not a regular file")
	}
	f, err := os.Open(file)
	if err != nil {
		return stone.Reject("outputs: can not be read")
	}
	defer func() { _ = f.Close() }() // only read
	doc, err := io.ReadAll(io.LimitReader(f, maxOutputs+1))
	switch {
	case err != nil:
		return fmt.Errorf("read outputs: %w", err)
	case len(doc) > maxOutputs:
		return stone.Reject(fmt.Sprintf("outputs: over %d bytes", maxOutputs))
	case len(bytes.TrimSpace(doc)) == 0:
		return nil
	}
	o, err := jsonvalue.Scan(doc)
	if err != nil {
		return stone.Reject("outputs: " + err.Error())
	}
	for _, m := range o.Members {
		if err := t.SetOutput(m.Name, json.RawMessage(m.Value)); err != nil {
			return err
		}
	}
	return nil
}
