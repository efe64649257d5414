// Package machinestone is the reference for authors of stones: it provisions
// "machines" on the local host, and has all six methods. A machine is a
// supervised process with a directory of its own.
//
//	s, err := machinestone.New(machinestone.Config{Dir: "/var/lib/riverstones/machines"})
//	// give s.Spec() and s to the worker
//
// It takes the params that the task API's own sample shows: template is a text
// that holds JSON, whose resources of a type ending in ::Instance (such as
// AWS::EC2::Instance) become one machine each; without such a template there is
// one machine. Outputs are those of the sample: machineId, type and, if
// configured, strategyId.
//
// What an author may learn here:
//   - repeating is harmless. Ids are derived from the task, so that a repeated
//     start finds the machine it made before, and so do rollback and delete when
//     the worker died before it could report an id;
//   - two workers on one host do not get in each other's way (a lock per task,
//     an exclusive file per machine), and a machine outlives its worker;
//   - start only kicks off; monitor follows, reports progress, and knows when to
//     give up;
//   - rollback and delete succeed when there is nothing left to remove;
//   - a secret is not logged, and stands in no file that others may read.
//
// Machines are known by their directory, so all methods of a task must reach
// workers of the same host: give the workers of each host a business key.
package machinestone

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/stone"
)

// Params are the parameters, as in the task API's sample. All are optional,
// and others are ignored.
type Params struct {
	Namespace    string            `json:"namespace" desc:"scope of the node in its process"`
	RegionID     string            `json:"regionId" desc:"where the machine is wanted; a local machine is where its worker is"`
	UserID       string            `json:"userId" desc:"who asks for the machine"`
	Template     string            `json:"template" stone:"name=Template" desc:"a text holding JSON: a template in the manner of AWS CloudFormation"`
	OutputParams string            `json:"outputParams" desc:"a text holding a JSON array: which outputs of the template are wanted"`
	StackResult  []json.RawMessage `json:"stackresult" stone:"hidden" desc:"resources that exist already"`
	Queue        string            `json:"queue" stone:"hidden" desc:"the stone's queue"`
	UserData     string            `json:"userData" stone:"noecho,maxlen=16384" desc:"given to a machine that no template describes"`
}

// Outputs are the outputs.
type Outputs struct {
	StrategyID    string         `json:"strategyId,omitempty" desc:"a text holding a JSON array: the strategies that apply"`
	MachineID     string         `json:"machineId,omitempty" desc:"id of the first machine"`
	Type          string         `json:"type,omitempty" desc:"the stone's code"`
	MachineIDs    string         `json:"machineIds,omitempty" desc:"a text holding a JSON array: the ids of all machines, if there are several"`
	Machines      int            `json:"machines,omitempty" desc:"of a dry run: how many machines there would be"`
	InstanceTypes map[string]int `json:"instanceTypes,omitempty" desc:"of a dry run: how many machines of each type"`
}

// Stone provisions machines.
type Stone struct {
	*stone.TypedStone

	cfg Config
}

// New makes a stone and its directories.
func New(cfg Config) (*Stone, error) {
	s := &Stone{cfg: cfg.withDefaults()}
	if err := s.cfg.prepare(); err != nil {
		return nil, fmt.Errorf("machine stone: %w", err)
	}
	var err error
	s.TypedStone, err = stone.Typed[Params, Outputs]{Start: s.start, Monitor: s.monitor, Mock: s.mock}.Stone()
	if err != nil {
		return nil, fmt.Errorf("machine stone: %w", err)
	}
	// What undoes needs no params, and works also where they are wrong.
	s.Methods[task.Rollback] = s.remove
	s.Methods[task.Delete] = s.remove
	s.Methods[task.Cancel] = s.cancel
	return s, nil
}

// Spec describes the stone to the worker.
func (s *Stone) Spec() stone.Spec {
	return s.Describe(stone.Spec{Code: s.cfg.Code, DisplayName: "Machine", Service: "machine", BusinessKey: s.cfg.BusinessKey,
		Description: "Provisions machines on the local host, as supervised processes."})
}

// start makes sure that every wanted machine runs, and no other of this task.
func (s *Stone) start(ctx context.Context, t *stone.Task, p Params) (o Outputs, err error) {
	wanted, err := s.wanted(t, p)
	if err != nil {
		return o, err
	}
	if o, err = s.outputs(wanted); err != nil {
		return o, err
	}
	return o, s.locked(ctx, t.ID, func() error {
		if err := s.removeOthers(ctx, t, wanted); err != nil {
			return err
		}
		for i, m := range wanted {
			if err := ctx.Err(); err != nil {
				return err
			}
			begun, err := s.ensure(ctx, m)
			if err != nil {
				return fmt.Errorf("machine %s: %w", m.Name, err)
			}
			if begun {
				t.Logf("info", "machine %s (%s) is starting", m.Name, m.ID)
			} else {
				t.Logf("info", "machine %s (%s) runs already", m.Name, m.ID)
			}
			t.Progress(10 * (i + 1) / len(wanted)) // the rest is monitor's
		}
		return nil
	})
}

// outputs are known before anything runs, so that they are reported even if
// start fails half-way.
func (s *Stone) outputs(wanted []machine) (o Outputs, err error) {
	o = Outputs{MachineID: wanted[0].ID, Type: s.cfg.Code}
	if o.StrategyID, err = list(s.cfg.Strategies); err != nil {
		return o, err
	}
	if len(wanted) > 1 {
		ids := make([]string, len(wanted))
		for i, m := range wanted {
			ids[i] = m.ID
		}
		o.MachineIDs, err = list(ids)
	}
	return o, err
}

// list returns a text holding a JSON array, "" for none.
func list(all []string) (string, error) {
	if len(all) == 0 {
		return "", nil
	}
	b, err := json.Marshal(all)
	return string(b), err
}

// monitor waits until all machines of the task are up.
func (s *Stone) monitor(_ context.Context, t *stone.Task, _ Params) (o Outputs, err error) {
	all, err := s.machines(t.ID)
	if err != nil {
		return o, err
	}
	if len(all) == 0 {
		return o, stone.Reject("the task has no machine on this host")
	}
	up := 0
	for _, m := range all {
		state, since := s.state(m)
		switch {
		case state == stopped:
			return o, stone.Reject(fmt.Sprintf("machine %s (%s) has stopped", m.Name, m.ID))
		case state == ready:
			up++
		case time.Since(since) > s.cfg.BootTimeout:
			return o, stone.Reject(fmt.Sprintf("machine %s (%s) is not up after %s", m.Name, m.ID, s.cfg.BootTimeout))
		}
	}
	t.Progress(10 + 90*up/len(all))
	if up < len(all) {
		return o, stone.Again(s.cfg.Interval)
	}
	t.Logf("info", "all machines are up: %d", up)
	return o, nil
}

// mock tells what start would make.
func (s *Stone) mock(_ context.Context, t *stone.Task, p Params) (o Outputs, err error) {
	wanted, err := s.wanted(t, p)
	if err != nil {
		return o, err
	}
	o = Outputs{Type: s.cfg.Code, Machines: len(wanted), InstanceTypes: map[string]int{}}
	for _, m := range wanted {
		o.InstanceTypes[m.InstanceType]++
	}
	return o, nil
}

// cancel stops the machines and leaves their directories to be looked at;
// rollback or delete removes them.
func (s *Stone) cancel(ctx context.Context, t *stone.Task) error {
	return s.locked(ctx, t.ID, func() error {
		all, err := s.machines(t.ID)
		if err != nil {
			return err
		}
		for _, m := range all {
			if err := s.stop(ctx, m); err != nil {
				return fmt.Errorf("stop machine %s: %w", m.Name, err)
			}
			t.Logf("info", "machine %s (%s) is stopped", m.Name, m.ID)
		}
		return nil
	})
}

// remove stops the machines and removes all that start made.
func (s *Stone) remove(ctx context.Context, t *stone.Task) error {
	return s.locked(ctx, t.ID, func() error { return s.removeOthers(ctx, t, nil) })
}
