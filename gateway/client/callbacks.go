package client

import (
	"context"
	"net/http"
	"time"
)

// Delivery is an end of a task that its orchestrator is told.
type Delivery struct {
	Event   string     `json:"event"`  // ended or resumed
	Status  string     `json:"status"` // that the attempt ended with
	Attempt int        `json:"attempt"`
	Time    *time.Time `json:"time"` // of the end
	Kind    string     `json:"kind"` // webhook or flowable
	URL     string     `json:"url"`  // the values of its query are masked
	State   string     `json:"state"`
	Tries   int        `json:"tries"`
	NextTry *time.Time `json:"nextTry"` // nil for at once, or if there is none
	Problem *string    `json:"problem"` // of the last try
}

// Callbacks returns what was and is to be told of a task's ends, oldest first.
func (c *Client) Callbacks(ctx context.Context, key string) ([]Delivery, error) {
	var out []Delivery
	_, err := c.call(ctx, http.MethodGet, taskPath(key, "/callbacks"), nil, &out)
	return out, err
}

// ReplayCallbacks tells all ends of a task again.
func (c *Client) ReplayCallbacks(ctx context.Context, key string) ([]Delivery, error) {
	var out []Delivery
	_, err := c.call(ctx, http.MethodPut, taskPath(key, "/callbacks/replay"), nil, &out)
	return out, err
}
