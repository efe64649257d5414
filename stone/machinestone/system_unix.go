//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package machinestone

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

const supported = true

// detach makes the process a session of its own, which no end of the worker's
// reaches.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }

// signal reaches the whole group. The process leads it, see detach.
func (p process) signal(kill bool) {
	sig := syscall.SIGTERM
	if kill {
		sig = syscall.SIGKILL
	}
	_ = syscall.Kill(-p.pid, sig)
}

// reaped reports whether a child of ours has ended, and lets go of it.
func reaped(pid int) bool {
	got, err := syscall.Wait4(pid, nil, syscall.WNOHANG, nil)
	return got == pid || errors.Is(err, syscall.ECHILD)
}

// locked runs f while no other worker of this host, in this process or another,
// works on the task. Tasks share a few lock files, which are never removed.
func (s *Stone) locked(ctx context.Context, taskID string, f func() error) error {
	file, err := os.OpenFile(filepath.Join(s.cfg.locks(), derive(taskID)[:2]), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	defer func() { _ = file.Close() }() // which gives the lock back
	var failed error
	err = until(ctx, func() bool {
		failed = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		return !errors.Is(failed, syscall.EWOULDBLOCK) && !errors.Is(failed, syscall.EINTR)
	})
	if err == nil {
		err = failed
	}
	if err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	return f()
}
