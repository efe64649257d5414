package processapi

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/riverstones/riverstones/gateway/rest"
	"github.com/riverstones/riverstones/gateway/river"
	"github.com/riverstones/riverstones/gateway/river/variable"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// process is one with what is shown of it besides its row.
type process struct {
	store.Instance

	status     int
	zone       *time.Location
	deployment string // "" if it was removed
	native     []byte // outputs by namespace, nil if they were not asked for
}

// Status is that of HTTP.
func (p process) Status() int { return p.status }

// AppendJSON appends the object: the fields of the original in their order,
// then ours. Secrets are masked.
func (p process) AppendJSON(dst []byte) []byte {
	dst = rest.AppendString(append(dst, `{"id":`...), p.ID)
	dst = rest.AppendString(append(dst, `,"processInstanceId":`...), p.ID)
	dst = rest.AppendString(append(dst, `,"modelId":`...), p.Definition)
	dst = rest.AppendString(append(dst, `,"modelKey":`...), p.Key)
	dst = rest.AppendText(append(dst, `,"processName":`...), p.Name)
	dst = rest.AppendString(append(dst, `,"processType":`...), typeWords[p.Kind])
	dst = rest.AppendString(append(dst, `,"processStatus":`...), statusWords[p.Instance.Status])
	dst = rest.AppendObject(append(dst, `,"processContent":`...), p.Content, nil)
	dst = rest.AppendSeedTime(append(dst, `,"startTime":`...), p.StartTime, p.zone)
	dst = rest.AppendSeedTime(append(dst, `,"endTime":`...), p.EndTime, p.zone)
	dst = rest.AppendText(append(dst, `,"activitiFileId":`...), p.deployment)
	dst = appendRaw(append(dst, `,"outputs":`...), task.Redact(p.Outputs))
	dst = appendRaw(append(dst, `,"nativeOutputs":`...), p.native)
	dst = rest.AppendText(append(dst, `,"rollbackProcessInstanceId":`...), p.Rollback)
	dst = rest.AppendText(append(dst, `,"cancelProcessInstanceId":`...), p.Cancel)
	dst = rest.AppendText(append(dst, `,"deleteProcessInstanceId":`...), p.Delete)
	return append(p.appendOurs(dst), '}')
}

func (p process) appendOurs(dst []byte) []byte {
	dst = rest.AppendText(append(dst, `,"reason":`...), task.RedactText(p.Reason))
	dst = strconv.AppendBool(append(dst, `,"debug":`...), p.Debug)
	dst = strconv.AppendBool(append(dst, `,"mock":`...), p.Mock)
	dst = strconv.AppendBool(append(dst, `,"suspended":`...), p.Suspended)
	dst = rest.AppendText(append(dst, `,"businessKey":`...), p.BusinessKey)
	dst = rest.AppendText(append(dst, `,"tenantId":`...), p.Tenant)
	dst = rest.AppendText(append(dst, `,"originProcessInstanceId":`...), p.Of)
	return rest.AppendText(append(dst, `,"superProcessInstanceId":`...), p.SuperInstance)
}

func appendRaw(dst, raw []byte) []byte {
	if len(raw) == 0 {
		return append(dst, "null"...)
	}
	return append(dst, raw...)
}

// show completes a process for an answer.
func (a *api) show(ctx context.Context, status int, in store.Instance, native bool) (process, error) {
	p := process{Instance: in, status: status, zone: a.zone}
	var err error
	if p.deployment, err = a.deploymentOf(ctx, in.Definition); err != nil || !native {
		return p, err
	}
	rows, err := a.Store.Variables(ctx, in.ID)
	if err != nil {
		return p, unread(err)
	}
	p.native, err = nativeOutputs(rows)
	return p, err
}

// nativeOutputs makes an object of what each namespace has given back.
func nativeOutputs(rows []store.Variable) ([]byte, error) {
	out := []byte{'{'}
	for i := range rows {
		ns, ok := strings.CutPrefix(rows[i].Name, river.OutputsPrefix)
		if !ok {
			continue
		}
		v, err := variable.Decode(rows[i].Type, rows[i].Data)
		if err != nil {
			return nil, err
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(rest.AppendString(out, ns), ':')
		out = append(out, task.Redact(v.JSON())...)
	}
	return append(out, '}'), nil
}

// deploymentOf returns the deployment of a definition, "" if it was removed.
func (a *api) deploymentOf(ctx context.Context, definition string) (string, error) {
	if id, ok := a.deployments.Get(definition); ok {
		return id, nil
	}
	all, _, err := a.Store.Definitions(ctx, store.DefinitionFilter{ID: definition, Paging: store.Paging{Size: 1}})
	if err != nil {
		return "", unread(err)
	}
	if len(all) == 0 {
		return "", nil
	}
	a.deployments.Add(definition, all[0].Deployment)
	return all[0].Deployment, nil
}

// id is that of a process, in a path.
type id string

// Bind reads the path. A body, if there is one, says nothing.
func (i *id) Bind(in *rest.Input) error {
	value, err := in.Path("processInstanceId")
	*i = id(value)
	return err
}

func (a *api) get(ctx context.Context, i id) (process, error) {
	in, err := a.one(ctx, string(i))
	if err != nil {
		return process{}, err
	}
	return a.show(ctx, http.StatusOK, in, true)
}

// command makes a handler of something that is done with one process.
func (a *api) command(do func(ctx context.Context, id string) (store.Instance, error)) func(context.Context, id) (process, error) {
	return func(ctx context.Context, i id) (process, error) {
		in, err := do(ctx, string(i))
		if err != nil {
			return process{}, err
		}
		return a.show(ctx, http.StatusOK, in, true)
	}
}
