package commandstone

import "syscall"

// dieWithParent has the kernel kill the command when the worker is gone.
func dieWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL }
