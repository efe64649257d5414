package eventapi

import (
	"strconv"
	"time"

	"github.com/riverstones/riverstones/gateway/rest"
	"github.com/riverstones/riverstones/queue/task"
)

// The kinds of events.
const (
	kindTransition = "transition"
	kindProgress   = "progress"
	kindLog        = "log"
	kindResume     = "resume"
	kindGap        = "gap"
)

// fact is one thing that is told.
type fact struct {
	task.Names

	kind     string
	status   string
	epoch    int
	time     time.Time
	worker   string
	reason   string
	progress *int
	line     *string
}

// frame is a fact as it is sent, without its id.
type frame struct {
	names task.Names
	item  int // of its message, from 1
	body  []byte
}

// encode writes a fact. Secrets in its texts are masked.
func (f *fact) encode(item int) frame {
	dst := append(append(append([]byte("event: "), f.kind...), "\ndata: "...), `{"id":`...)
	dst = rest.AppendText(dst, f.ID)
	dst = rest.AppendText(append(dst, `,"taskId":`...), f.TaskID)
	dst = rest.AppendText(append(dst, `,"processInstanceId":`...), f.ProcessInstanceID)
	dst = rest.AppendText(append(dst, `,"stone":`...), f.Stone)
	dst = rest.AppendText(append(dst, `,"businessKey":`...), f.BusinessKey)
	dst = rest.AppendText(append(dst, `,"status":`...), f.status)
	dst = append(dst, `,"attempt":`...)
	if f.epoch == 0 {
		dst = append(dst, "null"...)
	} else {
		dst = strconv.AppendInt(dst, int64(f.epoch), 10)
	}
	dst = rest.AppendTime(append(dst, `,"time":`...), f.time)
	dst = rest.AppendText(append(dst, `,"worker":`...), f.worker)
	dst = rest.AppendText(append(dst, `,"reason":`...), task.RedactText(f.reason))
	dst = append(dst, `,"progress":`...)
	if f.progress == nil {
		dst = append(dst, "null"...)
	} else {
		dst = strconv.AppendInt(dst, int64(*f.progress), 10)
	}
	dst = append(dst, `,"line":`...)
	if f.line == nil {
		dst = append(dst, "null"...)
	} else {
		dst = rest.AppendString(dst, task.RedactText(*f.line))
	}
	return frame{f.Names, item, append(dst, "}\n\n"...)}
}

// appendID appends the line that lets a listener come back here.
func appendID(dst []byte, p position) []byte {
	return append(append(append(dst, "id: "...), p.String()...), '\n')
}
