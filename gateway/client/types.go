package client

import (
	"encoding/json"
	"time"
)

// NewTask is a task to publish. ProcessInstanceID, TaskID and Stone are
// required; the same TaskID with the same content may be sent again.
type NewTask struct {
	ID                string          `json:"id,omitempty"` // a UUID, made by the server if empty
	ProcessInstanceID string          `json:"processInstanceId"`
	TaskID            string          `json:"taskId"`
	Name              string          `json:"name,omitempty"`      // the stone's code by default
	Namespace         string          `json:"namespace,omitempty"` // the stone's code by default
	Stone             string          `json:"stone"`
	QueueType         string          `json:"queueType,omitempty"` // the method, "start" by default
	BusinessKey       string          `json:"businessKey,omitempty"`
	Params            json.RawMessage `json:"params,omitempty"`  // an object, or a string that holds one
	Outputs           json.RawMessage `json:"outputs,omitempty"` // likewise
	Debug             *bool           `json:"debug,omitempty"`   // puts the process into debug mode
	Retry             *Retry          `json:"retry,omitempty"`
	Timeout           string          `json:"timeout,omitempty"`   // "90s", "5m"
	Delay             string          `json:"delay,omitempty"`     // as Timeout
	NotBefore         *time.Time      `json:"notBefore,omitempty"` // in place of Delay
	Callback          *Callback       `json:"callback,omitempty"`
}

// Retry is a task's own policy, over that of its stone.
type Retry struct {
	MaxAttempts int    `json:"maxAttempts,omitempty"`
	Backoff     string `json:"backoff,omitempty"` // "5s"
}

// Callback is told at every end of the task.
type Callback struct {
	URL  string `json:"url"`
	Kind string `json:"kind,omitempty"` // webhook or flowable
}

// Task is a task as the API shows it, its members in the API's order. Pointers
// are nil where the API says null.
type Task struct {
	ID                string  `json:"id"`
	ProcessInstanceID string  `json:"processInstanceId"`
	TaskID            string  `json:"taskId"`
	Name              string  `json:"name"`
	Namespace         string  `json:"namespace"`
	Stone             string  `json:"stone"`
	CreateTime        string  `json:"createTime"` // 2006-01-02 15:04:05 in the server's zone
	EndTime           *string `json:"endTime"`    // set while the task is at an end
	Status            string  `json:"status"`
	Reason            *string `json:"reason"`
	Params            *string `json:"params"`  // text that holds a JSON object, secrets masked
	Outputs           *string `json:"outputs"` // likewise
	Progress          *int    `json:"progress"`

	QueueType   string     `json:"queueType"`
	Attempt     int        `json:"attempt"`
	BusinessKey *string    `json:"businessKey"`
	Debug       bool       `json:"debug"`
	NotBefore   *time.Time `json:"notBefore"`
	UpdateTime  *time.Time `json:"updateTime"`
}

// Ended reports whether the task is at an end.
func (t *Task) Ended() bool { return t.EndTime != nil }

// Transition is a recorded change of status.
type Transition struct {
	Status   string    `json:"status"`
	Time     time.Time `json:"time"`
	Attempt  int       `json:"attempt"`
	Delivery int       `json:"delivery"`
	Worker   *string   `json:"worker"`
	Reason   *string   `json:"reason"`
	// Note says why it was kept without changing anything, "" for a real one.
	Note string `json:"note,omitempty"`
}

// LogLine is a line that a stone wrote about a task.
type LogLine struct {
	Time    time.Time `json:"time"`
	Level   string    `json:"level"`
	Line    string    `json:"line"`
	Attempt int       `json:"attempt"`
	Worker  *string   `json:"worker"`
}

// Filter selects tasks. Empty fields select nothing away, but the server wants
// at least one that is not about paging.
type Filter struct {
	TaskID, ProcessInstanceID, Name, Namespace, Stone, BusinessKey string

	Statuses      []string // any of these; "failed" is every *.failed
	CreatedAfter  time.Time
	CreatedBefore time.Time
	Start         int  // offset
	Size          int  // 0: all of one process, else 50; at most 1000
	Descending    bool // newest first
}
