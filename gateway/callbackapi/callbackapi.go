// Package callbackapi serves /task/{taskId}/callbacks and /callback: what was and
// is to be told of the ends of a task, or of all tasks, and telling it again. It
// tells nothing itself; package callback does. Only package gateway mounts it.
package callbackapi

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/gateway/rest"
	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// Store is what the routes read and write.
type Store interface {
	Task(ctx context.Context, key string) (task.Task, error)
	Deliveries(ctx context.Context, id string) ([]store.Delivery, error)
	ListDeliveries(ctx context.Context, f store.DeliveryFilter) (store.DeliveryPage, error)
	Replay(ctx context.Context, id string, now time.Time) (int, error)
}

// Mount adds the routes.
func Mount(r *rest.Router, st Store, now func() time.Time) {
	a := &api{st, now}
	rest.Handle(r, http.MethodGet, "/task/:taskId/callbacks", a.list)
	rest.Handle(r, http.MethodGet, "/callback", a.all)
	rest.Handle(r, http.MethodPut, "/task/:taskId/callbacks/replay", a.replay)
}

type api struct {
	store Store
	now   func() time.Time
}

// key is a taskId, or the id of a record, in a path.
type key string

// Bind reads the path.
func (k *key) Bind(in *rest.Input) error {
	value, err := in.Path("taskId")
	if err == nil && !queue.CheckName(value) {
		err = fault.New(fault.NotFound, "no task can have this taskId: it has 1 to 255 characters")
	}
	*k = key(value)
	return err
}

func (a *api) list(ctx context.Context, k key) (deliveries, error) {
	t, err := a.store.Task(ctx, string(k))
	if err != nil {
		return nil, unread(err, k)
	}
	all, err := a.store.Deliveries(ctx, t.ID)
	return all, unread(err, k)
}

func (a *api) replay(ctx context.Context, k key) (deliveries, error) {
	t, err := a.store.Task(ctx, string(k))
	if err != nil {
		return nil, unread(err, k)
	}
	n, err := a.store.Replay(ctx, t.ID, a.now())
	if err != nil {
		return nil, unread(err, k)
	}
	if n == 0 {
		return nil, fault.New(fault.Conflict, "nothing of task %s is to be told: it has not ended, or was published without a callback", k)
	}
	all, err := a.store.Deliveries(ctx, t.ID)
	return all, unread(err, k)
}

// unread turns an error of the store into one for the caller.
func unread(err error, k key) error {
	const retryAfter = 2 * time.Second
	switch {
	case err == nil:
		return nil
	case errors.Is(err, store.ErrNotFound):
		return fault.New(fault.NotFound, "task %s does not exist", k)
	default:
		return fault.New(fault.Unavailable, "the database can not answer now: ask again").Because(err).After(retryAfter)
	}
}

// deliveries are answered as an array, oldest first.
type deliveries []store.Delivery

// Status is 200.
func (d deliveries) Status() int { return http.StatusOK }

// AppendJSON appends the array.
func (d deliveries) AppendJSON(dst []byte) []byte {
	return rest.AppendArray(dst, len(d), func(dst []byte, i int) []byte { return appendDelivery(dst, &d[i]) })
}

var (
	kinds     = map[store.CallbackKind]string{store.Webhook: "webhook", store.Flowable: "flowable"}
	occasions = map[store.Occasion]string{store.Ended: "ended", store.Resumed: "resumed"}
	states    = map[store.DeliveryState]string{store.DeliveryDue: "due", store.DeliveryParked: "parked", store.DeliveryDone: "done", store.DeliveryGivenUp: "givenUp"}
)

func appendDelivery(dst []byte, d *store.Delivery) []byte {
	return append(appendMembers(append(dst, '{'), d), '}')
}

// appendMembers appends what is told of a delivery wherever it is shown.
func appendMembers(dst []byte, d *store.Delivery) []byte {
	dst = rest.AppendText(append(dst, `"event":`...), occasions[d.Occasion])
	dst = rest.AppendString(append(dst, `,"status":`...), d.Status.String())
	dst = strconv.AppendInt(append(dst, `,"attempt":`...), int64(d.Epoch), 10)
	dst = rest.AppendTime(append(dst, `,"time":`...), d.Time)
	dst = rest.AppendText(append(dst, `,"kind":`...), kinds[d.Kind])
	dst = rest.AppendString(append(dst, `,"url":`...), masked(d.URL))
	dst = rest.AppendText(append(dst, `,"state":`...), states[d.State])
	dst = strconv.AppendInt(append(dst, `,"tries":`...), int64(d.Tries), 10)
	next := d.Due
	if !d.State.Open() {
		next = time.Time{}
	}
	dst = rest.AppendTime(append(dst, `,"nextTry":`...), next)
	return rest.AppendText(append(dst, `,"problem":`...), task.RedactText(d.Problem))
}

// masked returns a URL without the values of its query, which may be secret.
func masked(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	u.User = nil
	if u.RawQuery != "" {
		u.RawQuery = task.Mask
	}
	return u.String()
}
