package stoneapi

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/riverstones/riverstones/gateway/registry"
	"github.com/riverstones/riverstones/gateway/rest"
	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/param"
	"github.com/riverstones/riverstones/queue/task"
)

// stone is one of them, as clients see it.
type stone struct{ registry.Stone }

// Status is 200.
func (stone) Status() int { return http.StatusOK }

// AppendJSON appends what was announced, with the secrets in it masked, then
// who serves the stone and what waits.
func (s stone) AppendJSON(dst []byte) []byte {
	a := s.Announcement
	if a == nil {
		a = &queue.Announcement{}
	}
	dst = rest.AppendString(append(dst, `{"code":`...), s.Code)
	dst = rest.AppendText(append(dst, `,"displayName":`...), a.DisplayName)
	dst = rest.AppendText(append(dst, `,"description":`...), a.Description)
	dst = rest.AppendText(append(dst, `,"service":`...), a.Service)
	dst = rest.AppendText(append(dst, `,"version":`...), a.Version)
	dst = rest.AppendArray(append(dst, `,"methods":`...), len(a.Methods), func(dst []byte, i int) []byte {
		return rest.AppendString(dst, string(a.Methods[i]))
	})
	dst = rest.AppendArray(append(dst, `,"params":`...), len(a.Params), func(dst []byte, i int) []byte {
		return appendParam(dst, a.Params[i])
	})
	dst = rest.AppendArray(append(dst, `,"outputs":`...), len(a.Outputs), func(dst []byte, i int) []byte {
		o := &a.Outputs[i]
		dst = rest.AppendString(append(dst, `{"name":`...), o.Name)
		return append(rest.AppendText(append(dst, `,"description":`...), o.Description), '}')
	})
	if a.SealKey != "" {
		dst = rest.AppendString(append(dst, `,"sealKey":`...), a.SealKey)
	}
	dst = strconv.AppendBool(append(dst, `,"declared":`...), s.Declared)
	dst = rest.AppendArray(append(dst, `,"workers":`...), len(s.Workers), func(dst []byte, i int) []byte {
		return appendWorker(dst, &s.Workers[i])
	})
	dst = appendBacklog(append(dst, `,"backlog":`...), s.Backlog)
	dst = rest.AppendTime(append(dst, `,"oldestWaiting":`...), s.OldestWaiting)
	dst = strconv.AppendBool(append(dst, `,"paused":`...), s.Paused)
	return append(dst, '}')
}

// appendParam appends a declared parameter. The default of a secret is one, and
// its allowed values would give it away.
func appendParam(dst []byte, p param.Param) []byte {
	if p.NoEcho || task.Secret(p.Name) {
		if p.Default != nil {
			p.Default = json.RawMessage(`"` + task.Mask + `"`)
		}
		p.AllowedValues = nil
	}
	if p.Default != nil {
		p.Default = task.Redact(p.Default)
	}
	for i, v := range p.AllowedValues {
		if masked := task.Redact(v); !bytes.Equal(masked, v) {
			p.AllowedValues = append([]json.RawMessage{}, p.AllowedValues...) // the registry's stay
			p.AllowedValues[i] = masked
		}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(p) != nil { // never for what was read as JSON
		return append(dst, "null"...)
	}
	return append(dst, bytes.TrimSuffix(b.Bytes(), []byte("\n"))...)
}

func appendWorker(dst []byte, w *registry.Worker) []byte {
	dst = rest.AppendString(append(dst, `{"worker":`...), w.Name)
	dst = rest.AppendText(append(dst, `,"host":`...), w.Host)
	dst = rest.AppendText(append(dst, `,"version":`...), w.Version)
	dst = rest.AppendText(append(dst, `,"businessKey":`...), w.BusinessKey)
	dst = strconv.AppendInt(append(dst, `,"concurrency":`...), int64(w.Concurrency), 10)
	dst = rest.AppendTime(append(dst, `,"lastFetch":`...), w.LastFetch)
	dst = strconv.AppendBool(append(dst, `,"live":`...), w.Live)
	return append(dst, '}')
}

// appendBacklog appends the numbers of all methods, in their usual order.
func appendBacklog(dst []byte, n map[task.Method]int) []byte {
	dst = append(dst, '{')
	for i, m := range task.Methods() {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(append(append(dst, '"'), m...), `":`...)
		dst = strconv.AppendInt(dst, int64(n[m]), 10)
	}
	return append(dst, '}')
}

// stones are all of them, by code.
type stones []registry.Stone

// Status is 200.
func (stones) Status() int { return http.StatusOK }

// AppendJSON appends the array.
func (s stones) AppendJSON(dst []byte) []byte {
	return rest.AppendArray(dst, len(s), func(dst []byte, i int) []byte { return stone{s[i]}.AppendJSON(dst) })
}
