package letters

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/riverstones/riverstones/queue"
)

// dead is a dead letter with what was found out about it.
type dead struct {
	Letter

	id      string // of the task's record
	stone   string
	command uint64 // that an advisory is about, 0 for none
}

// letter reads a message of RS_DLQ.
func letter(m *raw) dead {
	l := dead{Letter: Letter{Seq: m.seq, Subject: m.subject, Time: m.time}}
	if tok, ok := strings.CutPrefix(m.subject, queue.DLQSubject("")); ok {
		l.stone, _ = queue.ParseToken(tok) // "" for what no worker of ours wrote
		l.Reason = m.header.Get(queue.HeaderReason)
		l.TaskID, l.id = names(m)
		return l
	}
	l.advisory(m)
	return l
}

// names returns what a command says about its task, as far as it can be read.
func names(m *raw) (taskID, id string) {
	c, _ := queue.ParseCommand(m.data) // what could be read comes beside the error
	if queue.CheckName(c.TaskID) {
		taskID = c.TaskID
	}
	if id = c.ID; !queue.CheckID(id) {
		id = m.header.Get(queue.HeaderTask)
	}
	if !queue.CheckID(id) {
		id = ""
	}
	if taskID == "" {
		taskID = id // serves in place of it
	}
	return taskID, id
}

// advisory reads what JetStream says about a command.
func (l *dead) advisory(m *raw) {
	var a struct {
		Stream     string `json:"stream"`
		Consumer   string `json:"consumer"`
		Sequence   uint64 `json:"stream_seq"`
		Deliveries int    `json:"deliveries"`
		Reason     string `json:"reason"`
	}
	if err := json.Unmarshal(m.data, &a); err != nil {
		l.Reason = "an advisory that can not be read"
		return
	}
	switch {
	case a.Reason != "":
		l.Reason = a.Reason
	case strings.Contains(m.subject, "MAX_DELIVERIES"):
		l.Reason = fmt.Sprintf("the command was delivered %d times without an acknowledgement", a.Deliveries)
	default:
		l.Reason = "a worker gave the command up without a reason"
	}
	if a.Stream == queue.StreamTasks {
		l.command = a.Sequence
	}
	if _, name, ok := strings.Cut(a.Consumer, "_"); ok {
		tok, _, _ := strings.Cut(name, "==")
		l.stone, _ = queue.ParseToken(tok) // "" for a consumer that is no stone's
	}
}
