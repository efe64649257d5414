package callback

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"

	"go.opentelemetry.io/otel/propagation"
	"go.uber.org/zap"

	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// maxAnswer is how much of an answer is read, so that its connection can be
// used again. Nothing of it is kept.
const maxAnswer = 64 << 10

// one tries a delivery once and says what became of it.
func (s *Service) one(ctx context.Context, d *store.Delivery) (told store.Told) {
	began := time.Now()
	ctx, span := s.follow(ctx, d)
	defer func() { s.tried(span, d, &told, time.Since(began)) }()
	state, problem := s.try(ctx, d)
	told = store.Told{Number: d.Number, Since: d.Since, State: state, Problem: problem}
	if !state.Open() {
		if state == store.DeliveryGivenUp {
			s.log.Warn("an end is not told any more", zap.String("task", d.ID), zap.String("problem", problem))
		}
		return told
	}
	now := s.cfg.Now()
	end := d.Since.Add(s.cfg.Patience)
	if !now.Before(end) {
		told.State = store.DeliveryGivenUp
		s.log.Warn("an end is not told any more", zap.String("task", d.ID), zap.Int("tries", d.Tries+1), zap.String("problem", problem))
		return told
	}
	told.Due = now.Add(s.wait(d.Tries, state))
	if told.Due.After(end) {
		told.Due = end // the last try
	}
	s.log.Debug("an end is told later", zap.String("task", d.ID), zap.Time("at", told.Due), zap.String("problem", problem))
	return told
}

// wait is the pause after a try that failed: doubled each time, a fifth more
// or less, so that those that failed together do not come back together.
func (s *Service) wait(tries int, state store.DeliveryState) time.Duration {
	const maxDoubled, jitter = 20, 0.2
	most := s.cfg.MaxBackoff
	if state == store.DeliveryParked {
		most = s.cfg.MaxParked
	}
	d := min(s.cfg.Backoff<<min(tries, maxDoubled), most)
	return time.Duration(float64(d) * (1 - jitter + 2*jitter*rand.Float64()))
}

// try makes the call, unless there is nothing to be told.
func (s *Service) try(ctx context.Context, d *store.Delivery) (state store.DeliveryState, problem string) {
	u, err := s.guard.check(d.URL)
	if err != nil {
		return store.DeliveryDue, "the URL " + err.Error()
	}
	t, superseded, err := s.current(ctx, d)
	if err != nil {
		return store.DeliveryDue, "the task can not be read now"
	}
	var req *http.Request
	switch d.Kind {
	case store.Webhook:
		if len(s.cfg.Secrets) == 0 {
			return store.DeliveryDue, "there is no secret to sign it"
		}
		req, err = s.webhook(ctx, u, d, &t)
	case store.Flowable:
		if state, problem := untold(d, &t, superseded); state != 0 {
			return state, problem
		}
		req, err = s.flowable(ctx, u, &t)
	default:
		err = fmt.Errorf("unknown kind %d", d.Kind)
	}
	if err != nil {
		return store.DeliveryDue, "the request can not be made: " + err.Error()
	}
	status, err := s.call(req)
	if err != nil {
		return store.DeliveryDue, task.RedactText(err.Error())
	}
	return judge(d.Kind, status)
}

// untold says what an engine is not told: it can go on once only, so it hears
// of the end that counts. state is 0 for an end that it is told.
func untold(d *store.Delivery, t *task.Task, superseded bool) (state store.DeliveryState, problem string) {
	switch {
	case d.Occasion == store.Resumed:
		return store.DeliveryDone, "" // the end before it has told
	case superseded:
		return store.DeliveryDone, "not told: a later attempt has taken over"
	case d.Status == task.ProduceFailed && d.Epoch == 1:
		return store.DeliveryDone, "not told: the answer to the POST has said it"
	case d.Status.Failed() && t.Debug:
		return store.DeliveryParked, "the process is in debug mode: it is told when the task is run again or resumed"
	default:
		return 0, ""
	}
}

// call returns the status of the answer. Its errors name neither path nor
// query of the URL.
func (s *Service) call(req *http.Request) (status int, err error) {
	s.cfg.Logins.apply(req)
	propagation.TraceContext{}.Inject(req.Context(), propagation.HeaderCarrier(req.Header))
	resp, err := s.http.Do(req)
	if err != nil {
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err
		}
		return 0, err
	}
	_, _ = io.CopyN(io.Discard, resp.Body, maxAnswer) // the status has said it all
	_ = resp.Body.Close()
	return resp.StatusCode, nil
}

// judge says what an answer means.
func judge(kind store.CallbackKind, status int) (state store.DeliveryState, problem string) {
	told := fmt.Sprintf("the receiver answered %d %s", status, http.StatusText(status))
	switch {
	case status >= 200 && status < 300:
		return store.DeliveryDone, ""
	case kind == store.Flowable && (status == http.StatusNotFound || status == http.StatusConflict):
		return store.DeliveryParked, told + ": it does not wait there yet"
	case kind == store.Webhook && status == http.StatusGone:
		return store.DeliveryGivenUp, told
	case status >= 300 && status < 400:
		return store.DeliveryDue, told + ": redirects are not followed"
	default:
		return store.DeliveryDue, told
	}
}
