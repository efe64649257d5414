//go:build !linux

package pgtest

import "syscall"

// unprivileged returns how the server is to be started. Only on Linux is that
// another user when the tests run as root.
func unprivileged(string) (*syscall.SysProcAttr, error) { return &syscall.SysProcAttr{}, nil }
