//go:build unix && !linux

package commandstone

import "syscall"

// dieWithParent can not be asked of these systems.
func dieWithParent(*syscall.SysProcAttr) {}
