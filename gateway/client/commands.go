package client

import (
	"context"
	"encoding/json"
	"net/http"
)

// ReRun is how a failed task is run again.
type ReRun struct {
	// QueueType is start, monitor, cancel, rollback or delete.
	QueueType string `json:"queueType"`
	// Parameters and Outputs replace those of the task; nil keeps them, as {} does.
	Parameters json.RawMessage `json:"parameters"`
	Outputs    json.RawMessage `json:"outputs"`
}

// ReRun runs a failed task of a process in debug mode again. Any other one is
// [ErrConflict]. A client with retries may see that for a request of its own
// whose answer was lost.
func (c *Client) ReRun(ctx context.Context, key string, r ReRun) (Task, error) {
	if r.Parameters == nil {
		r.Parameters = json.RawMessage("{}")
	}
	if r.Outputs == nil {
		r.Outputs = json.RawMessage("{}")
	}
	return c.command(ctx, taskPath(key, "/reRun"), r)
}

// Resume ends debugging of a failed task.
func (c *Client) Resume(ctx context.Context, key string) (Task, error) {
	return c.command(ctx, taskPath(key, "/resume"), nil)
}

// Cancel stops a task that has not ended.
func (c *Client) Cancel(ctx context.Context, key string) (Task, error) {
	return c.command(ctx, taskPath(key, "/cancel"), nil)
}

// Rollback undoes what an ended task has done.
func (c *Client) Rollback(ctx context.Context, key string) (Task, error) {
	return c.command(ctx, taskPath(key, "/rollback"), nil)
}

// Delete removes what an ended task has made.
func (c *Client) Delete(ctx context.Context, key string) (Task, error) {
	return c.command(ctx, taskPath(key, "/delete"), nil)
}

// Why is what a task waits for.
type Why struct {
	TaskID string  `json:"taskId"`
	Status string  `json:"status"`
	Why    string  `json:"why"` // one sentence
	Fix    *string `json:"fix"` // a command that would change it
}

// Why explains why a task has not ended.
func (c *Client) Why(ctx context.Context, key string) (Why, error) {
	var w Why
	_, err := c.call(ctx, http.MethodGet, taskPath(key, "/why"), nil, &w)
	return w, err
}

func (c *Client) command(ctx context.Context, path string, in any) (Task, error) {
	var t Task
	_, err := c.call(ctx, http.MethodPut, path, in, &t)
	return t, err
}
