package client

import (
	"context"
	"net/http"
	"net/url"
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

// TaskDelivery is a delivery, and the task whose end it tells of.
type TaskDelivery struct {
	ID                string `json:"id"` // of the task's record
	TaskID            string `json:"taskId"`
	ProcessInstanceID string `json:"processInstanceId"`
	Name              string `json:"name"`
	Stone             string `json:"stone"`

	Delivery
}

// CallbackFilter selects a page of deliveries. Its zero value is the newest 50.
type CallbackFilter struct {
	TaskID            string
	ProcessInstanceID string
	State             string // due, parked, done or givenUp; "" for any
	Start             int
	Size              int // 0 is the server's own
}

func (f *CallbackFilter) query() url.Values {
	return values(map[string]string{"taskId": f.TaskID, "processInstanceId": f.ProcessInstanceID, "state": f.State,
		"start": positive(f.Start), "size": positive(f.Size)})
}

// AllCallbacks returns what was and is to be told of the ends of all tasks that
// match, the newest first, and how many there are, or, where they are not all
// counted, at least.
func (c *Client) AllCallbacks(ctx context.Context, f CallbackFilter) ([]TaskDelivery, Count, error) {
	return counted[TaskDelivery](ctx, c, "/callback", f.query(), f.Start)
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
