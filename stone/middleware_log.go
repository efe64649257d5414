package stone

import (
	"context"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
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
// writes params or outputs, and masks what a reason repeats of secret ones.
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
				fields = append(fields, zap.String(keyReason, cut(t.mask(err.Error()))))
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
