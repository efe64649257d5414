package client

import (
	"context"
	"encoding/json"
	"net/http"
)

// Step is a [Transition] with what its attempt changed.
type Step struct {
	Transition

	Changes []Change `json:"changes"` // at the beginning of an attempt, secrets masked
}

// Change is a member of params or outputs that a new attempt has other than
// the one before. From or To is nil for a member that is not there.
type Change struct {
	Path string          `json:"path"` // such as params.size
	From json.RawMessage `json:"from"`
	To   json.RawMessage `json:"to"`
}

// Steps is [Client.History] with notes, and with what each attempt changed.
func (c *Client) Steps(ctx context.Context, key string) ([]Step, error) {
	var out []Step
	_, err := c.call(ctx, http.MethodGet, taskPath(key, "/history")+"?notes=true", nil, &out)
	return out, err
}
