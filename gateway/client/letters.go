package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Letter is a message that could not be processed: a dead letter, or one in
// quarantine.
type Letter struct {
	Seq     uint64    `json:"seq"` // in RS_DLQ, or in Stream
	Subject string    `json:"subject"`
	Time    time.Time `json:"time"`
	Reason  *string   `json:"reason"`
	TaskID  *string   `json:"taskId"`
	// Bytes is the message with its secrets masked, nil if it may not be
	// shown: then Digest is set.
	Bytes  []byte  `json:"bytes"`
	Size   int     `json:"size"` // of the message in bytes
	Digest *string `json:"digest"`
	Stream string  `json:"stream,omitempty"` // of one in quarantine
	Index  int     `json:"index,omitempty"`  // of an event in a message of several
}

// LetterFilter selects a page of letters. Its zero value is the newest 50.
type LetterFilter struct {
	TaskID string
	Stone  string // of dead letters only
	Start  int
	Size   int // 0 is the server's own
}

// DeadLetters returns commands that no worker could process, the newest first,
// and how many there are, or, where they are not all counted, at least.
func (c *Client) DeadLetters(ctx context.Context, f LetterFilter) ([]Letter, int, error) {
	return c.letters(ctx, "/deadletter", f)
}

// Quarantine returns messages that could not be recorded, as
// [Client.DeadLetters] does.
func (c *Client) Quarantine(ctx context.Context, f LetterFilter) ([]Letter, int, error) {
	return c.letters(ctx, "/quarantine", f)
}

func (c *Client) letters(ctx context.Context, path string, f LetterFilter) ([]Letter, int, error) {
	q := url.Values{}
	for name, value := range map[string]string{"taskId": f.TaskID, "stone": f.Stone, "start": positive(f.Start), "size": positive(f.Size)} {
		if value != "" {
			q.Set(name, value)
		}
	}
	var out []Letter
	a, err := c.call(ctx, http.MethodGet, path+"?"+q.Encode(), nil, &out)
	if err != nil {
		return nil, 0, err
	}
	return out, a.total(f.Start + len(out)), nil
}
