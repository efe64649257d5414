package machinestone

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/riverstones/riverstones/stone"
)

// The files of a machine.
const (
	fileMachine  = "machine.json" // what it is
	filePID      = "pid"          // who it is: pid, start time, boot id
	fileReady    = "ready"        // written by the machine when it is up
	fileUserData = "user-data"
	fileConsole  = "console.log"
)

// machineState is what a look at a machine tells.
type machineState int

const (
	stopped machineState = iota
	booting
	ready
)

// machines lists the machines of a task that have a directory on this host.
func (s *Stone) machines(taskID string) ([]machine, error) {
	entries, err := os.ReadDir(s.cfg.taskDir(taskID))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list machines: %w", err)
	}
	var all []machine
	for _, e := range entries {
		dir := filepath.Join(s.cfg.taskDir(taskID), e.Name())
		m := machine{ID: e.Name(), Name: e.Name()}
		// A directory without this file is one that start was killed over.
		if b, err := os.ReadFile(filepath.Join(dir, fileMachine)); err == nil {
			if err := json.Unmarshal(b, &m); err != nil {
				return nil, fmt.Errorf("read machine %s: %w", e.Name(), err)
			}
		}
		m.dir = dir
		all = append(all, m)
	}
	return all, nil
}

// state looks at a machine, and tells since when its process is there.
func (s *Stone) state(m machine) (machineState, time.Time) {
	p, since, ok := readProcess(filepath.Join(m.dir, filePID))
	if !ok || !p.alive() {
		return stopped, since
	}
	if _, err := os.Stat(filepath.Join(m.dir, fileReady)); err != nil {
		return booting, since
	}
	return ready, since
}

// ensure makes sure that a machine runs as wanted, and reports whether it had
// to be launched. The caller holds the task's lock.
func (s *Stone) ensure(ctx context.Context, m machine) (begun bool, err error) {
	doc, err := json.Marshal(m)
	if err != nil {
		return false, err
	}
	before, err := os.ReadFile(filepath.Join(m.dir, fileMachine))
	same := err == nil && bytes.Equal(before, doc)
	if state, _ := s.state(m); same && state != stopped {
		return false, nil
	}
	if err := s.stop(ctx, m); err != nil {
		return false, err
	}
	if err := os.MkdirAll(m.dir, 0o700); err != nil {
		return false, err
	}
	if len(m.userData) > 0 {
		if err := write(m.dir, fileUserData, m.userData); err != nil {
			return false, err
		}
	}
	if err := write(m.dir, fileMachine, doc); err != nil {
		return false, err
	}
	return true, s.launch(ctx, m)
}

// write replaces a file that only its owner may read, at once.
func write(dir, name string, b []byte) error {
	tmp := filepath.Join(dir, "."+name)
	if err := os.WriteFile(tmp, b, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, filepath.Join(dir, name))
}

// launcher writes down who it is before it becomes the machine. The link fails
// when there is such a file already, so that of two launchers, one of them
// perhaps left by a worker that was killed, only one becomes the machine.
const launcher = `set -e
umask 077
me="pid.$$"
{
  echo "$$"
  cat "/proc/$$/stat" 2>/dev/null || echo
  cat /proc/sys/kernel/random/boot_id 2>/dev/null || echo
} > "$me"
ln "$me" pid 2>/dev/null || { rm -f "$me"; exit 0; }
rm -f "$me"
exec "$@"`

// launch starts the process of a machine, detached from this one, and waits
// until it is written down.
func (s *Stone) launch(ctx context.Context, m machine) error {
	console, err := os.OpenFile(filepath.Join(m.dir, fileConsole), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = console.Close() }() // the machine has its own
	args := append([]string{"-c", launcher, "machine"}, s.cfg.Command...)
	cmd := exec.Command("/bin/sh", args...) //nolint:noctx // a machine outlives the context of start
	cmd.Dir, cmd.Stdout, cmd.Stderr = m.dir, console, console
	cmd.Env = append([]string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"MACHINE_ID=" + m.ID, "MACHINE_NAME=" + m.Name, "MACHINE_TYPE=" + m.InstanceType, "MACHINE_IMAGE=" + m.Image, "MACHINE_DIR=" + m.dir,
	}, s.cfg.Env...)
	detach(cmd)
	if err := cmd.Start(); err != nil {
		return err
	}
	pid := cmd.Process.Pid
	if err := cmd.Process.Release(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	err = until(ctx, func() bool {
		_, _, ok := readProcess(filepath.Join(m.dir, filePID))
		return ok || reaped(pid)
	})
	if err != nil {
		return fmt.Errorf("launch: %w", err)
	}
	if _, _, ok := readProcess(filepath.Join(m.dir, filePID)); !ok {
		return stone.Retry(0, "launch: the process ended at once, see "+fileConsole)
	}
	return nil
}

// until polls a condition that no channel tells of.
func until(ctx context.Context, done func() bool) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// stop ends the process of a machine, if there is one, and forgets it. The
// caller holds the task's lock.
func (s *Stone) stop(ctx context.Context, m machine) error {
	file := filepath.Join(m.dir, filePID)
	if p, _, ok := readProcess(file); ok && p.alive() {
		if err := p.end(ctx, s.cfg.Grace); err != nil {
			return err
		}
	}
	for _, f := range []string{filepath.Join(m.dir, fileReady), file} {
		if err := os.Remove(f); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// removeOthers stops and removes all machines of a task but those to keep. The
// caller holds the task's lock.
func (s *Stone) removeOthers(ctx context.Context, t *stone.Task, keep []machine) error {
	all, err := s.machines(t.ID)
	if err != nil {
		return err
	}
	for _, m := range all {
		if slices.ContainsFunc(keep, func(k machine) bool { return k.ID == m.ID }) {
			continue
		}
		if err := s.stop(ctx, m); err != nil {
			return fmt.Errorf("stop machine %s: %w", m.Name, err)
		}
		if err := os.RemoveAll(m.dir); err != nil {
			return fmt.Errorf("remove machine %s: %w", m.Name, err)
		}
		t.Logf("info", "machine %s (%s) is removed", m.Name, m.ID)
	}
	if len(keep) > 0 {
		return nil
	}
	if len(all) == 0 {
		t.Logf("info", "nothing to remove")
	}
	return os.RemoveAll(s.cfg.taskDir(t.ID))
}
