package stone

import (
	"context"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/riverstones/riverstones/queue/task"
)

// The names of log fields.
const (
	keyStone    = "stone"
	keyMethod   = "method"
	keyID       = "id"
	keyTaskID   = "taskId"
	keyProcess  = "processInstanceId"
	keyAttempt  = "attempt"
	keyTry      = "try"
	keyOutcome  = "outcome"
	keyReason   = "reason"
	keyDuration = "duration"
	keyStack    = "stack"
)

// Logging writes one line for each run: at info when it succeeded, at debug
// when a monitor is to look again, else at warn with the reason. It never
// writes params or outputs, and masks secret params that a reason repeats.
func Logging(log *zap.Logger) Middleware {
	return func(next Handler) Handler {
		return func(ctx context.Context, t *Task) error {
			began := time.Now()
			err := next(ctx, t)
			outcome := outcomeOf(ctx, err)
			entry := log.Check(levelOf(outcome), "stone ran")
			if entry == nil {
				return err
			}
			fields := append(fieldsFor(t), zap.String(keyOutcome, outcome), zap.Duration(keyDuration, time.Since(began)))
			if err != nil && outcome != outcomeAgain {
				fields = append(fields, zap.String(keyReason, cut(mask(t, err.Error()))))
			}
			entry.Write(fields...)
			return err
		}
	}
}

func levelOf(outcome string) zapcore.Level {
	switch outcome {
	case outcomeSuccess, outcomeStopped:
		return zapcore.InfoLevel
	case outcomeAgain:
		return zapcore.DebugLevel
	default:
		return zapcore.WarnLevel
	}
}

// fieldsFor names the run, with texts from outside cut.
func fieldsFor(t *Task) []zap.Field {
	return []zap.Field{
		zap.String(keyStone, t.Stone), zap.String(keyMethod, string(t.Method)),
		zap.String(keyID, t.ID), zap.String(keyTaskID, cut(t.TaskID)),
		zap.String(keyProcess, cut(t.ProcessInstanceID)),
		zap.Int(keyAttempt, t.Attempt), zap.Int(keyTry, t.Try),
	}
}

// mask hides the values of secret params in a text that goes to a log.
func mask(t *Task, text string) string {
	var known task.Concealer
	known.Add(t.Params(), nil)
	return known.Mask(text)
}
