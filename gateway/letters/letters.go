// Package letters shows what could not be processed: the dead letters of
// RS_DLQ, which are commands that no worker could read and what JetStream says
// about commands it gave up, and the quarantine of the store, which are
// messages that could not be recorded. It changes nothing, and shows no secret.
// Only package gateway mounts it.
package letters

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

const (
	// maxShown is how many bytes of messages one page shows. What is past it
	// is told by length and digest.
	maxShown = 16 << 20
	// maxReason is how many bytes of a reason are shown.
	maxReason = 4 << 10
)

// Filter selects a page, the newest first.
type Filter struct {
	TaskID string // "" for all
	Stone  string // "" for all; of dead letters only
	Start  int
	Size   int
}

// Letter is one message as it may be shown to anybody.
type Letter struct {
	Stream  string // of a message in quarantine, "" for a dead letter
	Seq     uint64 // in RS_DLQ, or in Stream
	Index   int    // within a message of several events
	Subject string
	Time    time.Time
	Reason  string
	TaskID  string // "" if it is not known
	// Bytes is the message with its secrets masked, nil if it may not be
	// shown: then Digest, "sha256:" and hex, is set.
	Bytes  []byte
	Digest string
	Size   int // of the message in bytes
}

// Page is a part of the list.
type Page struct {
	Letters []Letter
	Total   int
	Exact   bool // false: there are Total of them at least
}

// builder makes a page within the bounds of what is shown.
type builder struct {
	page  Page
	shown int
}

// add masks a letter whose message is data, about a stone whose params in noEcho
// are secret, and puts it on the page.
func (b *builder) add(l Letter, data []byte, noEcho []string) {
	l.Size = len(data)
	readable := container(data)
	params := paramsOf(data, noEcho, readable)
	l.Reason = cut(repeated(l.Reason, data, params, noEcho))
	if b.shown < maxShown && readable {
		if params != nil {
			data = bytes.ReplaceAll(data, params, task.RedactWith(params, noEcho))
		}
		l.Bytes = task.Redact(data)
		b.shown += len(l.Bytes)
	} else {
		sum := sha256.Sum256(data)
		l.Digest = "sha256:" + hex.EncodeToString(sum[:])
	}
	b.page.Letters = append(b.page.Letters, l)
}

// paramsOf returns the params of a command as they stand in its message, nil if
// there are none that are secret by their declaration.
func paramsOf(data []byte, noEcho []string, readable bool) []byte {
	if len(noEcho) == 0 || !readable {
		return nil
	}
	var c struct {
		Params json.RawMessage `json:"params"`
	}
	if json.Unmarshal(data, &c) != nil || len(c.Params) <= len("{}") {
		return nil // an array of events has no params
	}
	return c.Params
}

// repeated masks what a reason repeats of the secrets of its message.
func repeated(reason string, data, params []byte, noEcho []string) string {
	if reason == "" {
		return reason
	}
	var known task.Concealer
	known.Add(data, nil)
	known.Add(params, noEcho)
	return known.Mask(reason)
}

// container reports whether data is a JSON object or array, in which secrets
// are known by their names.
func container(data []byte) bool {
	text := strings.TrimLeft(string(data[:min(len(data), 64)]), " \t\r\n")
	return text != "" && (text[0] == '{' || text[0] == '[') && json.Valid(data)
}

func cut(s string) string {
	if len(s) <= maxReason {
		return s
	}
	return strings.ToValidUTF8(s[:maxReason], "") + "…"
}

// Quarantine shows the store's quarantine.
type Quarantine struct {
	Store store.Quarantine
	// NoEcho names the params of a stone that are secret; nil knows none.
	NoEcho func(stone string) []string
}

// noEcho returns the secret params of the stone that a message was sent to.
func (q Quarantine) noEcho(subject string) []string {
	if q.NoEcho == nil {
		return nil
	}
	stone, _, _, err := queue.ParseTaskSubject(subject)
	if err != nil {
		return nil
	}
	return q.NoEcho(stone)
}

// Page returns a page. How many there are in all is not counted: Total says how
// many there are at least.
func (q Quarantine) Page(ctx context.Context, f Filter) (Page, error) {
	rows, err := q.Store.Quarantine(ctx, f.TaskID, f.Start, f.Size+1)
	if err != nil {
		return Page{}, err
	}
	var b builder
	b.page.Total, b.page.Exact = f.Start+len(rows), len(rows) <= f.Size && (len(rows) > 0 || f.Start == 0)
	for i := range rows[:min(len(rows), f.Size)] {
		m := &rows[i]
		b.add(Letter{Stream: m.Stream, Seq: m.Sequence, Index: m.Index, Subject: m.Subject, Time: m.Time, Reason: m.Reason, TaskID: m.TaskID}, m.Bytes, q.noEcho(m.Subject))
	}
	return b.page, nil
}
