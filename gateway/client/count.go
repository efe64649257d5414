package client

import (
	"context"
	"net/http"
	"net/url"
)

// Count is how many match what a list was asked for.
type Count struct {
	Total int
	// Exact is false where there are more: the server does not count on past a
	// limit, so that no list scans everything.
	Exact bool
}

func (a *answer) count(otherwise int) Count {
	return Count{a.total(otherwise), a.header.Get("X-Total-Exact") != "false"}
}

// ListCount is [Client.List], and tells whether all were counted.
func (c *Client) ListCount(ctx context.Context, f Filter) ([]Task, Count, error) {
	return counted[Task](ctx, c, "/task", f.query(), f.Start)
}

// ProcessesCount is [Client.Processes], and tells whether all were counted.
func (c *Client) ProcessesCount(ctx context.Context, f ProcessFilter) ([]ProcessInstance, Count, error) {
	return counted[ProcessInstance](ctx, c, "/process", f.query(), f.Start)
}

// DeadLettersCount is [Client.DeadLetters], and tells whether all were counted.
func (c *Client) DeadLettersCount(ctx context.Context, f LetterFilter) ([]Letter, Count, error) {
	return counted[Letter](ctx, c, "/deadletter", f.query(), f.Start)
}

// QuarantineCount is [Client.Quarantine], and tells whether all were counted.
func (c *Client) QuarantineCount(ctx context.Context, f LetterFilter) ([]Letter, Count, error) {
	return counted[Letter](ctx, c, "/quarantine", f.query(), f.Start)
}

func (f *LetterFilter) query() url.Values {
	return values(map[string]string{"taskId": f.TaskID, "stone": f.Stone, "start": positive(f.Start), "size": positive(f.Size)})
}

func counted[T any](ctx context.Context, c *Client, path string, q url.Values, start int) ([]T, Count, error) {
	var out []T
	a, err := c.call(ctx, http.MethodGet, path+"?"+q.Encode(), nil, &out)
	if err != nil {
		return nil, Count{}, err
	}
	return out, a.count(start + len(out)), nil
}
