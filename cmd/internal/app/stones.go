package app

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/riverstones/riverstones/cmd/internal/config"
	"github.com/riverstones/riverstones/stone"
	"github.com/riverstones/riverstones/stone/commandstone"
	"github.com/riverstones/riverstones/stone/httpstone"
	"github.com/riverstones/riverstones/stone/machinestone"
)

// builtIn is a stone that knows what it is.
type builtIn interface {
	stone.Stone
	Spec() stone.Spec
}

// makeStones makes the built-in stones that the configuration defines and
// wants. They are closed when the worker has stopped.
func (a *App) makeStones() error {
	for _, cfg := range a.cfg.Stones.HTTP {
		if err := makeStone(a, cfg.Code, cfg, httpstone.New); err != nil {
			return err
		}
	}
	for _, cfg := range a.cfg.Stones.Command {
		if err := makeStone(a, cfg.Code, cfg, commandstone.New); err != nil {
			return err
		}
	}
	if !a.cfg.Stones.Machine {
		return nil
	}
	cfg, err := a.machines()
	if err != nil {
		return err
	}
	return makeStone(a, config.MachineStone, cfg, machinestone.New)
}

// bound is what a machine runs that ends with the process OWNER.
const bound = `umask 077
trap 'exit 0' TERM
: > ready
while [ -d "$MACHINE_DIR" ] && kill -0 "$OWNER" 2>/dev/null; do
  date +%s > heartbeat
  sleep 1 & wait $!
done`

func (a *App) machines() (machinestone.Config, error) {
	dir, err := filepath.Abs(a.cfg.MachineDir())
	if err != nil {
		return machinestone.Config{}, fmt.Errorf("directory of the machines: %w", err)
	}
	c := a.cfg.Stones.Machines
	c.Code, c.Dir = config.MachineStone, dir
	if a.cfg.Stones.MachinesEnd && len(c.Command) == 0 { // a command of the operator's own ends as it likes
		c.Command = []string{"/bin/sh", "-c", bound}
		c.Env = append(slices.Clone(c.Env), "OWNER="+strconv.Itoa(os.Getpid()))
	}
	return c, nil
}

// makeStone makes one, unless it is not wanted here.
func makeStone[C any, S builtIn](a *App, code string, cfg C, build func(C) (S, error)) error {
	if !a.cfg.Runs(code) {
		return nil
	}
	s, err := build(cfg)
	if err != nil {
		return fmt.Errorf("stone %s: %w", code, err)
	}
	a.stones = append(a.stones, s)
	if c, ok := any(s).(interface{ Close() }); ok {
		a.stack.push("stone "+code, func(context.Context) error { c.Close(); return nil })
	}
	return nil
}

func (a *App) addStones(w *stone.Worker) error {
	for _, s := range a.stones {
		spec := s.Spec()
		spec.Concurrency = a.cfg.Work.Concurrency
		if err := w.Add(spec, s); err != nil {
			return err
		}
	}
	if a.hooks.Stones != nil {
		return a.hooks.Stones(w)
	}
	return nil
}
