package machinestone

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Config says where machines live and what they run. Dir is required.
type Config struct {
	Code        string `json:"code"` // "MachineStone" by default; also the output type
	BusinessKey string `json:"businessKey"`

	// Dir is where the machines live, absolute. It belongs to the stone, and is
	// made readable by nobody else.
	Dir string `json:"dir"`
	// Command is what a machine runs, with its directory as working directory.
	// It has to write the file "ready" there when it is up, and to end when it
	// gets SIGTERM. By default it is a small shell script that also writes the
	// time into "heartbeat" each second.
	Command []string `json:"command"`
	// Env are variables of the machines, as NAME=value, besides PATH and
	// MACHINE_ID, MACHINE_NAME, MACHINE_TYPE, MACHINE_IMAGE and MACHINE_DIR.
	Env []string `json:"env"`
	// Strategies are reported as the output strategyId, if there are any.
	Strategies []string `json:"strategies"`

	BootTimeout time.Duration `json:"bootTimeout"` // until a machine must be up, 2 min by default
	Interval    time.Duration `json:"interval"`    // between two looks of monitor, 200 ms by default
	Grace       time.Duration `json:"grace"`       // between SIGTERM and SIGKILL, 5 s by default
	MaxMachines int           `json:"maxMachines"` // of one task, 10 by default
}

// agent is the default command. It ends by itself when its directory is gone.
const agent = `umask 077
trap 'exit 0' TERM
date +%s > heartbeat
: > ready
while [ -d "$MACHINE_DIR" ]; do
  sleep 1 & wait $!
  date +%s > heartbeat
done`

func (c Config) withDefaults() Config {
	if c.Code == "" {
		c.Code = "MachineStone"
	}
	if len(c.Command) == 0 {
		c.Command = []string{"/bin/sh", "-c", agent}
	}
	for d, v := range map[*time.Duration]time.Duration{
		&c.BootTimeout: 2 * time.Minute, &c.Interval: 200 * time.Millisecond, &c.Grace: 5 * time.Second,
	} {
		if *d == 0 {
			*d = v
		}
	}
	if c.MaxMachines == 0 {
		c.MaxMachines = 10
	}
	return c
}

// prepare checks the configuration and makes the directories.
func (c Config) prepare() error {
	switch {
	case !supported:
		return errors.New("this system is not supported: machines need Unix processes and file locks")
	case !filepath.IsAbs(c.Dir):
		return fmt.Errorf("dir %q is not absolute", c.Dir)
	case c.BootTimeout < 0 || c.Interval < 0 || c.Grace < 0 || c.MaxMachines < 0:
		return errors.New("bootTimeout, interval, grace and maxMachines must not be negative")
	}
	for _, d := range []string{c.Dir, c.tasks(), c.locks()} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return err
		}
	}
	return os.Chmod(c.Dir, 0o700) //nolint:gosec // a directory needs the x
}

func (c Config) tasks() string { return filepath.Join(c.Dir, "tasks") }
func (c Config) locks() string { return filepath.Join(c.Dir, "locks") }
