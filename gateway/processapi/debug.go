package processapi

import (
	"context"
	"net/http"
	"strconv"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/gateway/rest"
)

// debugRequest switches the debug mode of a process.
type debugRequest struct {
	process string
	debug   bool
}

// Bind reads path and body.
func (d *debugRequest) Bind(in *rest.Input) error {
	var err error
	if d.process, err = in.Path("processInstanceId"); err != nil {
		return err
	}
	given := false
	err = in.JSON(func(j *rest.JSON) error {
		if j.Kind() != '{' {
			j.Problem("the body must be an object")
			return j.Skip()
		}
		return j.Object(func(name []byte) error {
			if string(name) != "debug" {
				return j.Unknown(name)
			}
			given = j.Kind() != 'n'
			return j.Bool("debug", &d.debug)
		})
	})
	if err == nil && !given {
		err = fault.New(fault.Invalid, "debug is missing: send true or false")
	}
	return err
}

// debugMode is a process's, as it is now.
type debugMode debugRequest

// debug asks the runtime, and where the process is none of its own notes the
// mode for the tasks that an outside orchestrator publishes.
func (a *api) debug(ctx context.Context, r debugRequest) (debugMode, error) {
	_, err := a.Runtime.DebugProcess(ctx, r.process, r.debug)
	if err != nil && fault.Of(err).Kind == fault.NotFound {
		err = a.Outside.SetDebug(ctx, r.process, r.debug)
	}
	return debugMode(r), err
}

// Status is 200.
func (d debugMode) Status() int { return http.StatusOK }

// AppendJSON appends the object.
func (d debugMode) AppendJSON(dst []byte) []byte {
	dst = rest.AppendString(append(dst, `{"processInstanceId":`...), d.process)
	return append(strconv.AppendBool(append(dst, `,"debug":`...), d.debug), '}')
}
