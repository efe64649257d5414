//go:build darwin || freebsd || netbsd || openbsd || dragonfly

package machinestone

import "syscall"

// alive reports whether the process is still there. Without start times, that
// it leads its own group is all that tells it from another with its pid.
func (p process) alive() bool {
	reaped(p.pid)
	group, err := syscall.Getpgid(p.pid)
	return err == nil && group == p.pid
}
