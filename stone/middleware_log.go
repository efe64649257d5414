package stone

import (
	"bytes"
	"context"
	"encoding/base64"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
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

const (
	minSecret   = 4 // shorter values would mask half of every text
	maxSecretIn = 8 // documents within documents that are searched
)

// mask hides the values of secret params in a text that goes to a log.
func mask(t *Task, text string) string {
	for _, s := range secrets(nil, t.Params(), 0) {
		text = strings.ReplaceAll(text, s, task.Mask)
	}
	return task.RedactText(text)
}

// secrets collects the texts that stand under secret names, at any depth, also
// in texts that hold JSON, plain or as base64.
func secrets(found []string, doc []byte, depth int) []string {
	if depth > maxSecretIn {
		return found
	}
	dec := jsontext.NewDecoder(bytes.NewReader(doc), jsontext.AllowDuplicateNames(true))
	for secret := -1; ; { // depth at which a secret value began, -1 outside of one
		tok, err := dec.ReadToken()
		if err != nil {
			return found
		}
		if secret >= 0 && dec.StackDepth() < secret {
			secret = -1
		}
		if tok.Kind() != jsontext.KindString {
			continue
		}
		text := tok.String()
		kind, n := dec.StackIndex(dec.StackDepth())
		if kind == jsontext.KindBeginObject && n%2 == 1 { // a name
			if secret < 0 || dec.StackDepth() <= secret {
				secret = -1
				if task.Secret(text) {
					secret = dec.StackDepth()
				}
			}
			continue
		}
		if secret >= 0 {
			if len(text) >= minSecret {
				found = append(found, text)
			}
			continue
		}
		found = secrets(found, inner(text), depth+1)
	}
}

// inner returns the JSON that a text holds, nil for none.
func inner(text string) []byte {
	if strings.HasPrefix(strings.TrimSpace(text), "{") || strings.HasPrefix(strings.TrimSpace(text), "[") {
		return []byte(text)
	}
	if b, err := base64.StdEncoding.DecodeString(text); err == nil && len(b) > 0 && (b[0] == '{' || b[0] == '[') {
		return b
	}
	return nil
}
