package stone

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"go.uber.org/zap"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
)

// fetched gets the params and outputs of a command that are too large for its
// message, and reports whether to run. What can not be fetched now is given
// back; what is missing or broken costs tries, and then fails the task.
func (j *job) fetched() bool {
	err := j.lane.r.w.blobs.Command(j.ctx, j.command)
	cause := context.Cause(j.ctx)
	switch {
	case err == nil:
		return true
	case cause != nil:
		j.abandon(cause)
	case errors.Is(err, queue.ErrBlob):
		j.begin()
		j.settle(j.newTask(j.command), fmt.Errorf("params can not be had: %w", err))
	default:
		j.lane.warn("params can not be fetched now, the command will come again", j, err)
		j.unused()
		j.giveBack(retryAsk)
	}
	return false
}

// unused takes back the grant of a command that was asked about and not run.
// Looks of monitor cost no try.
func (j *job) unused() {
	if j.command.Method == task.Monitor || j.delivery.Count == 1 {
		return
	}
	if _, err := j.ask(true); err != nil {
		j.lane.r.log.Warn("grant not taken back, it counts as a try", zap.String("task", j.command.ID), zap.Error(err))
	}
}

// stow puts outputs that are too large for a message into an object, and
// returns what is left to send in the event: outputs or the object's name.
func (j *job) stow(outputs json.RawMessage) (inline json.RawMessage, blob string, err error) {
	if len(outputs) <= queue.MaxInline {
		return outputs, "", nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), j.lane.r.w.cfg.AckWait)
	defer cancel()
	blob, err = j.lane.r.w.blobs.Put(ctx, nil, outputs)
	return nil, blob, err
}

// unstored ends a run whose outputs could not be stored as one that failed.
func (j *job) unstored(err error) {
	err = fmt.Errorf("outputs can not be stored: %w", err)
	t := NewTask(j.command, j.number, j.try, j)
	if j.command.Method == task.Monitor {
		j.settleLook(t, err)
		return
	}
	j.settleFailure(t, err)
}

// tooLarge returns why the outputs can not be kept, if so.
func (j *job) tooLarge(fresh json.RawMessage) error {
	all := len(fresh) + len(j.command.Outputs)
	if len(fresh) == 0 || all <= queue.MaxBlob {
		return nil
	}
	return Reject(fmt.Sprintf("the outputs have %d KiB, a task may have %d: keep large results elsewhere and name the place", all>>10, queue.MaxBlob>>10))
}
