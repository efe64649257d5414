//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package machinestone

import (
	"context"
	"errors"
	"os/exec"
)

// supported is false: New refuses, and nothing below is ever called.
const supported = false

func detach(*exec.Cmd)        {}
func (p process) signal(bool) {}
func (p process) alive() bool { return false }
func reaped(int) bool         { return true }

func (s *Stone) locked(context.Context, string, func() error) error { return errors.ErrUnsupported }
