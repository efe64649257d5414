package gateway

import (
	"context"

	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// debugSteps is a store that tells which debug modes a step of the process
// runtime has changed, once it is committed.
type debugSteps struct {
	RiverStore
	note func(ctx context.Context, processInstanceID string, debug bool)
}

// Step implements [store.Runtime].
func (d debugSteps) Step(ctx context.Context, f func(ctx context.Context, tx store.RuntimeTx) error) error {
	var changed map[string]bool
	err := d.RiverStore.Step(ctx, func(ctx context.Context, tx store.RuntimeTx) error {
		changed = nil // f may be called again
		return f(ctx, debugTx{tx, func(process string, debug bool) {
			if changed == nil {
				changed = map[string]bool{}
			}
			changed[process] = debug
		}})
	})
	if err != nil {
		return err
	}
	for process, debug := range changed {
		d.note(ctx, process, debug)
	}
	return nil
}

// debugTx notes changes of debug modes.
type debugTx struct {
	store.RuntimeTx
	note func(processInstanceID string, debug bool)
}

// SetDebug implements [store.RuntimeTx].
func (tx debugTx) SetDebug(ctx context.Context, processInstanceID string, debug bool) error {
	tx.note(processInstanceID, debug)
	return tx.RuntimeTx.SetDebug(ctx, processInstanceID, debug)
}

// Command implements [store.RuntimeTx].
func (tx debugTx) Command(ctx context.Context, key string, decide func(store.Standing) (*store.Step, error)) (task.Task, error) {
	return tx.RuntimeTx.Command(ctx, key, func(was store.Standing) (*store.Step, error) {
		step, err := decide(was)
		if err == nil && step != nil && step.Debug != nil {
			tx.note(was.ProcessInstanceID, *step.Debug)
		}
		return step, err
	})
}
