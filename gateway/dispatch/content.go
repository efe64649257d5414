package dispatch

import (
	"bytes"
	"encoding/json"
	"errors"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/riverstones/riverstones/queue"
)

var (
	errDepth  = errors.New("nested too deeply")
	errObject = errors.New("no JSON object")
)

// object returns what raw means as params or outputs: the object, or the one
// in the string, without white space, in memory of its own. Nothing and null
// mean the empty object.
func object(raw json.RawMessage) (json.RawMessage, error) {
	switch jsontext.Value(raw).Kind() {
	case '{':
	case 'n', 0:
		return json.RawMessage("{}"), nil
	case '"':
		text, err := jsontext.AppendUnquote(nil, raw)
		if v := jsontext.Value(text); err != nil || v.Kind() != '{' || !v.IsValid() {
			return nil, errObject
		}
		raw = text
	default:
		return nil, errObject
	}
	out, depth := compact(raw)
	if depth > maxDepth {
		return nil, errDepth
	}
	return out, nil
}

// compact copies valid JSON without the white space between its tokens, and
// tells how deeply it is nested. Strings and numbers stay as they are.
func compact(raw []byte) (out []byte, deepest int) {
	out = make([]byte, 0, len(raw))
	level := 0
	for i := 0; i < len(raw); {
		switch c := raw[i]; c {
		case ' ', '\t', '\n', '\r':
			i++
			continue
		case '"':
			end := i + stringLen(raw[i:])
			out = append(out, raw[i:end]...)
			i = end
			continue
		case '{', '[':
			level++
			deepest = max(deepest, level)
		case '}', ']':
			level--
		}
		out = append(out, raw[i])
		i++
	}
	return out, deepest
}

// stringLen returns the length of the string that raw begins with, quotes
// included.
func stringLen(raw []byte) int {
	i := 1
	for {
		n := bytes.IndexByte(raw[i:], '"')
		if n < 0 {
			return len(raw)
		}
		end := i + n
		escapes := 0
		for raw[end-1-escapes] == '\\' {
			escapes++
		}
		i = end + 1
		if escapes%2 == 0 {
			return i
		}
	}
}

// sameObject compares two objects as JSON without white space.
func sameObject(a, b json.RawMessage) bool {
	if bytes.Equal(a, b) {
		return true
	}
	a, errA := object(a)
	b, errB := object(b)
	return errA == nil && errB == nil && bytes.Equal(a, b)
}

// difference names the first member in which the content of two tasks differs,
// "" if it is the same. Content is every member but id, debug and callback.
// timeout is that of b, which may not have been published yet.
func difference(a, b *queue.Command, timeout time.Duration) string {
	for _, m := range [...]struct{ name, a, b string }{
		{"taskId", a.TaskID, b.TaskID}, {"processInstanceId", a.ProcessInstanceID, b.ProcessInstanceID},
		{"name", a.Name, b.Name}, {"namespace", a.Namespace, b.Namespace}, {"stone", a.Stone, b.Stone},
		{"businessKey", a.BusinessKey, b.BusinessKey}, {"queueType", string(a.Method), string(b.Method)},
	} {
		if m.a != m.b {
			return m.name
		}
	}
	switch {
	case !sameObject(a.Params, b.Params):
		return "params"
	case !sameObject(a.Outputs, b.Outputs):
		return "outputs"
	case retryOf(a) != retryOf(b):
		return "retry"
	case timeoutOf(a) != timeout:
		return "timeout"
	default:
		return ""
	}
}

func retryOf(c *queue.Command) queue.Retry {
	if c.Retry == nil {
		return queue.Retry{}
	}
	return *c.Retry
}

// timeoutOf returns the timeout that a published command was sent with.
func timeoutOf(c *queue.Command) time.Duration {
	if c.Deadline.IsZero() {
		return 0
	}
	return c.Deadline.Sub(c.CreateTime)
}
