// Package letters shows what could not be processed: the dead letters of
// RS_DLQ, which are commands that no worker could read and what JetStream says
// about commands it gave up, and the quarantine of the store, which are
// messages that could not be recorded. It changes nothing, and shows no secret.
// Only package gateway mounts it.
package letters

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

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

// add masks a letter whose message is data, and puts it on the page.
func (b *builder) add(l Letter, data []byte) {
	l.Size = len(data)
	l.Reason = cut(task.RedactText(l.Reason))
	if b.shown < maxShown && container(data) {
		l.Bytes = task.Redact(data)
		b.shown += len(l.Bytes)
	} else {
		sum := sha256.Sum256(data)
		l.Digest = "sha256:" + hex.EncodeToString(sum[:])
	}
	b.page.Letters = append(b.page.Letters, l)
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
type Quarantine struct{ Store store.Quarantine }

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
		b.add(Letter{Stream: m.Stream, Seq: m.Sequence, Index: m.Index, Subject: m.Subject, Time: m.Time, Reason: m.Reason, TaskID: m.TaskID}, m.Bytes)
	}
	return b.page, nil
}
