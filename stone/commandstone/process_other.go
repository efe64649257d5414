//go:build !unix

package commandstone

import (
	"io/fs"
	"os"
	"os/exec"
)

func executable(info fs.FileInfo) bool { return info.Mode().IsRegular() }

// prepare has nothing to do: there are no process groups here.
func prepare(*exec.Cmd) {}

// terminate ends the process, without asking.
func terminate(p *os.Process) error { return p.Kill() }

// kill ends the process.
func kill(p *os.Process) { _ = p.Kill() }
