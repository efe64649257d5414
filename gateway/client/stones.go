package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"
)

// Stone is a stone as the API shows it. Pointers are nil where the API says
// null. Declared is false for a stone that is known only by its tasks.
type Stone struct {
	Code        string    `json:"code"`
	DisplayName *string   `json:"displayName"`
	Description *string   `json:"description"`
	Service     *string   `json:"service"`
	Version     *string   `json:"version"`
	Methods     []string  `json:"methods"`
	Params      []Param   `json:"params"`
	Outputs     []Output  `json:"outputs"`
	SealKey     string    `json:"sealKey,omitempty"`
	Declared    bool      `json:"declared"`
	Workers     []Serving `json:"workers"`
	// Backlog is how many commands wait for a worker, by method.
	Backlog       map[string]int `json:"backlog"`
	OldestWaiting *time.Time     `json:"oldestWaiting"`
	Paused        bool           `json:"paused"`
}

// Param is a declared parameter. Secrets in it are masked.
type Param struct {
	Name           string            `json:"name"`
	DisplayName    string            `json:"displayName,omitempty"`
	Description    string            `json:"description,omitempty"`
	Type           string            `json:"type"`
	Default        json.RawMessage   `json:"default,omitempty"`
	NoEcho         bool              `json:"noEcho,omitempty"`
	AllowedValues  []json.RawMessage `json:"allowedValues,omitempty"`
	AllowedPattern string            `json:"allowedPattern,omitempty"`
	MinLength      *int              `json:"minLength,omitempty"`
	MaxLength      *int              `json:"maxLength,omitempty"`
	MinValue       json.Number       `json:"minValue,omitempty"`
	MaxValue       json.Number       `json:"maxValue,omitempty"`
	Visible        *bool             `json:"visible,omitempty"`
	Required       bool              `json:"required,omitempty"`
}

// Output is a declared output.
type Output struct {
	Name        string  `json:"name"`
	Description *string `json:"description"`
}

// Serving is a worker of a stone.
type Serving struct {
	Worker      string     `json:"worker"`
	Host        *string    `json:"host"`
	Version     *string    `json:"version"`
	BusinessKey *string    `json:"businessKey"` // that it serves, nil for all
	Concurrency int        `json:"concurrency"`
	LastFetch   *time.Time `json:"lastFetch"`
	Live        bool       `json:"live"`
}

// Stones returns all stones that are known, by code.
func (c *Client) Stones(ctx context.Context) ([]Stone, error) {
	var out []Stone
	_, err := c.call(ctx, http.MethodGet, "/stone", nil, &out)
	return out, err
}

// Stone returns the stone with this code. An unknown one is [ErrNotFound].
func (c *Client) Stone(ctx context.Context, code string) (Stone, error) {
	return c.stone(ctx, http.MethodGet, code, "")
}

// PauseStone holds back the commands of a stone until it is resumed.
func (c *Client) PauseStone(ctx context.Context, code string) (Stone, error) {
	return c.stone(ctx, http.MethodPut, code, "/pause")
}

// ResumeStone lets the commands of a paused stone go on.
func (c *Client) ResumeStone(ctx context.Context, code string) (Stone, error) {
	return c.stone(ctx, http.MethodPut, code, "/resume")
}

func (c *Client) stone(ctx context.Context, method, code, rest string) (Stone, error) {
	var s Stone
	_, err := c.call(ctx, method, "/stone/"+url.PathEscape(code)+rest, nil, &s)
	return s, err
}
