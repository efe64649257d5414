package stone

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/sealkey"
	"github.com/riverstones/riverstones/queue/task"
)

// opened returns the command as the stone sees it, with what is sealed in it
// opened. What is sealed to a key that this worker does not hold is tried
// again, perhaps by another worker; what is broken is a [Reject].
func (j *job) opened() (*queue.Command, error) {
	if !task.MayHoldSealed(j.command.Params) && !task.MayHoldSealed(j.command.Outputs) {
		return j.command, nil
	}
	keys, c := j.lane.r.w.cfg.SealKeys, *j.command
	for _, doc := range []*json.RawMessage{&c.Params, &c.Outputs} {
		plain, err := keys.Open(c.ID, *doc)
		switch {
		case err == nil:
			*doc = plain
		case errors.Is(err, sealkey.ErrUnknown):
			return j.command, fmt.Errorf("secrets can not be opened: %w: give the key to the worker", err)
		default:
			return j.command, Reject("secrets can not be opened: " + err.Error())
		}
	}
	return &c, nil
}

// sealed returns outputs with their secrets sealed to the key that this worker
// announces, if it does.
func (j *job) sealed(outputs json.RawMessage) (json.RawMessage, error) {
	keys := j.lane.r.w.cfg.SealKeys
	if keys == nil || len(outputs) == 0 {
		return outputs, nil
	}
	out, err := keys.Public().Seal(j.command.ID, outputs, nil, nil)
	if err != nil {
		return nil, Reject("secret outputs can not be sealed: " + err.Error())
	}
	return out, nil
}

// newTask makes the task of a run, whose secrets are masked from now on in what
// the job tells.
func (j *job) newTask(c *queue.Command) *Task {
	t := NewTask(c, j.number, j.try, j)
	t.noEcho = j.lane.r.noEcho
	j.task = t
	return t
}

// noEcho returns the names of the params that are secret by declaration.
func noEcho(params []Param) (names []string) {
	for i := range params {
		if params[i].NoEcho {
			names = append(names, params[i].Name)
		}
	}
	return names
}
