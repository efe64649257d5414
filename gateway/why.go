package gateway

import (
	"context"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/riverstones/riverstones/gateway/dispatch"
	"github.com/riverstones/riverstones/gateway/letters"
)

// deadLetter returns what finds the newest dead letter of a task.
func deadLetter(nc *nats.Conn, js jetstream.JetStream) func(ctx context.Context, taskID string) (dispatch.DeadLetter, error) {
	d := letters.Dead{NC: nc, JS: js}
	return func(ctx context.Context, taskID string) (dispatch.DeadLetter, error) {
		page, err := d.Page(ctx, letters.Filter{TaskID: taskID, Size: 1})
		if err != nil || len(page.Letters) == 0 {
			return dispatch.DeadLetter{}, err
		}
		return dispatch.DeadLetter{Reason: page.Letters[0].Reason, Time: page.Letters[0].Time}, nil
	}
}
