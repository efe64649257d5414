package stone

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"go.uber.org/zap"
)

// The outcomes of a run, as logs, metrics and traces call them.
const (
	outcomeSuccess = "success"
	outcomeAgain   = "again"
	outcomeRetry   = "retry"
	outcomeReject  = "reject"
	outcomeStopped = "stopped" // the context ended, which may spend no attempt
)

// outcomeOf names what a handler returned.
func outcomeOf(ctx context.Context, err error) string {
	if err == nil {
		return outcomeSuccess
	}
	if _, ok := AsAgain(err); ok {
		return outcomeAgain
	}
	if AsReject(err) {
		return outcomeReject
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return outcomeStopped
	}
	return outcomeRetry
}

// Recovery turns a panic into an outcome: the run failed as by any error, which
// spends an attempt, with the reason "panic: " and the first line of the value.
// The stack goes to the log only. Put it inside of [Logging], [Metrics] and
// [Tracing], so that they see the outcome.
func Recovery(log *zap.Logger) Middleware {
	return func(next Handler) Handler {
		return func(ctx context.Context, t *Task) (err error) {
			defer func() {
				v := recover()
				if v == nil {
					return
				}
				why := "panic: " + cut(t.mask(firstLine(fmt.Sprint(v))))
				log.Error("stone panicked", append(fieldsFor(t), zap.String(keyReason, why),
					zap.ByteString(keyStack, debug.Stack()))...)
				err = Retry(0, why)
			}()
			return next(ctx, t)
		}
	}
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// maxLogText bounds the texts of stones in logs, in bytes.
const maxLogText = 1 << 10

// cut shortens a text for the log, at a whole character.
func cut(s string) string {
	if len(s) <= maxLogText {
		return s
	}
	return strings.ToValidUTF8(s[:maxLogText], "") + "…"
}

// Timeout ends the context of a run after d. A run that fails after that is a
// [Retry] that says so. A handler that ignores its context is not cut off. A
// d of 0 or less means no timeout.
func Timeout(d time.Duration) Middleware {
	return func(next Handler) Handler {
		if d <= 0 {
			return next
		}
		return func(ctx context.Context, t *Task) error {
			inner, cancel := context.WithTimeout(ctx, d)
			defer cancel()
			err := next(inner, t)
			if err == nil || ctx.Err() != nil || inner.Err() == nil || named(err) {
				return err
			}
			return Retry(0, fmt.Sprintf("timeout after %s: %v", d, err))
		}
	}
}

// named reports whether the stone chose its outcome.
func named(err error) bool {
	_, retry := AsRetry(err)
	_, again := AsAgain(err)
	return retry || again || AsReject(err)
}
