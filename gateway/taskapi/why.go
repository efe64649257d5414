package taskapi

import (
	"context"
	"net/http"

	"github.com/riverstones/riverstones/gateway/dispatch"
	"github.com/riverstones/riverstones/gateway/rest"
)

// Explainer tells what tasks wait for. [dispatch.Asker] does.
type Explainer interface {
	Why(ctx context.Context, key string) (dispatch.Why, error)
}

// explained is an answer to why.
type explained struct{ why dispatch.Why }

func (a *api) why(ctx context.Context, r getRequest) (explained, error) {
	w, err := a.explainer.Why(ctx, string(r.key))
	return explained{w}, err
}

// Status is 200.
func (e explained) Status() int { return http.StatusOK }

// AppendJSON appends the object.
func (e explained) AppendJSON(dst []byte) []byte {
	dst = rest.AppendString(append(dst, `{"taskId":`...), e.why.TaskID)
	dst = rest.AppendString(append(dst, `,"status":`...), e.why.Status.String())
	dst = rest.AppendString(append(dst, `,"why":`...), e.why.Why)
	return append(rest.AppendText(append(dst, `,"fix":`...), e.why.Fix), '}')
}
