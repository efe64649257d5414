package flowable

import (
	"context"
	"net/http"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/gateway/rest"
	"github.com/riverstones/riverstones/gateway/river"
)

// actionBody is what is to be done to executions.
type actionBody struct {
	Action      *string  `json:"action"`
	SignalName  *string  `json:"signalName"`
	MessageName *string  `json:"messageName"`
	Variables   []*given `json:"variables"`
	Transient   []*given `json:"transientVariables"`
}

const signalReceived = "signalEventReceived"

// kind returns what an action on one execution does, and the name it needs.
func (b *actionBody) kind() (kind river.ActionKind, member string, name *string, err error) {
	if b.Action == nil {
		return 0, "", nil, fault.New(fault.Invalid, "action is missing: send signal, trigger, signalEventReceived or messageEventReceived")
	}
	switch *b.Action {
	case "signal", "trigger":
		return river.Trigger, "", nil, nil
	case signalReceived:
		return river.SignalReceived, "signalName", b.SignalName, nil
	case "messageEventReceived":
		return river.MessageReceived, "messageName", b.MessageName, nil
	}
	return 0, "", nil, fault.New(fault.Invalid, "action %s is not known: send signal, trigger, signalEventReceived or messageEventReceived", quote(*b.Action))
}

// required returns a name that must be given.
func required(member string, name *string) (string, error) {
	if name == nil || *name == "" {
		return "", fault.New(fault.Invalid, "%s is missing", member)
	}
	return *name, nil
}

// act moves one execution.
func (a *api) act(ctx context.Context, c call) (rest.Reply, error) {
	var b actionBody
	if err := c.read(&b); err != nil {
		return nil, err
	}
	e, err := a.executionOf(ctx, &c)
	if err != nil {
		return nil, err
	}
	do, err := a.action(&b)
	if err != nil {
		return nil, err
	}
	after, err := a.runtime.Act(ctx, e.ID, do)
	if err != nil {
		return nil, err
	}
	if after == nil {
		return empty(http.StatusNoContent), nil
	}
	return c.links.showExecution(after), nil
}

// action checks the body of an action on one execution.
func (a *api) action(b *actionBody) (do river.Action, err error) {
	kind, member, name, err := b.kind()
	if err != nil {
		return do, err
	}
	do.Kind = kind
	if member != "" {
		if do.Name, err = required(member, name); err != nil {
			return do, err
		}
	}
	if do.Variables, err = a.variables(b.Variables); err != nil {
		return do, err
	}
	if kind == river.Trigger {
		do.Transient, err = a.variables(b.Transient)
	}
	return do, err
}

// broadcast delivers a signal to everybody who waits for it.
func (a *api) broadcast(ctx context.Context, c call) (rest.Reply, error) {
	var b actionBody
	if err := c.read(&b); err != nil {
		return nil, err
	}
	if b.Action == nil || *b.Action != signalReceived {
		return nil, fault.New(fault.Invalid, "action must be %s: others are for one execution", signalReceived)
	}
	name, err := required("signalName", b.SignalName)
	if err != nil {
		return nil, err
	}
	vars, err := a.variables(b.Variables)
	if err != nil {
		return nil, err
	}
	if err := a.runtime.Broadcast(ctx, river.Broadcast{Signal: name, Variables: vars}); err != nil {
		return nil, err
	}
	return empty(http.StatusNoContent), nil
}

// signalBody is a signal for everybody of a tenant.
type signalBody struct {
	SignalName *string  `json:"signalName"`
	TenantID   *string  `json:"tenantId"`
	Async      *truth   `json:"async"`
	Variables  []*given `json:"variables"`
}

// signal delivers a signal in a tenant. One that is asked for asynchronously is
// delivered before the answer too.
func (a *api) signal(ctx context.Context, c call) (rest.Reply, error) {
	var b signalBody
	if err := c.read(&b); err != nil {
		return nil, err
	}
	name, err := required("signalName", b.SignalName)
	if err != nil {
		return nil, err
	}
	status := http.StatusNoContent
	if b.Async != nil && bool(*b.Async) {
		if len(b.Variables) > 0 {
			return nil, fault.New(fault.Invalid, "variables can not be sent with an asynchronous signal: leave out async")
		}
		status = http.StatusAccepted
	}
	vars, err := a.variables(b.Variables)
	if err != nil {
		return nil, err
	}
	do := river.Broadcast{Signal: name, Tenant: orEmpty(b.TenantID), Variables: vars}
	if err := a.runtime.Broadcast(ctx, do); err != nil {
		return nil, err
	}
	return empty(status), nil
}

// orEmpty returns a text, "" if it is not given.
func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
