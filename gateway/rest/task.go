package rest

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
)

// seedTime is how the original writes times.
const seedTime = "2006-01-02 15:04:05"

// Tasks writes tasks as clients see them: the fields of the original in their
// order, then ours. Secrets are masked.
type Tasks struct {
	// Zone is the one of createTime and endTime, UTC if it is nil.
	Zone *time.Location
	// NoEcho names the params of a stone that are not shown; nil knows none.
	NoEcho func(stone string) []string
}

// Append appends the object of a task.
func (w Tasks) Append(dst []byte, t *task.Task) []byte {
	dst = AppendString(append(dst, `{"id":`...), t.ID)
	dst = AppendString(append(dst, `,"processInstanceId":`...), t.ProcessInstanceID)
	dst = AppendString(append(dst, `,"taskId":`...), t.TaskID)
	dst = AppendString(append(dst, `,"name":`...), t.Name)
	dst = AppendString(append(dst, `,"namespace":`...), t.Namespace)
	dst = AppendString(append(dst, `,"stone":`...), t.Stone)
	dst = AppendSeedTime(append(dst, `,"createTime":`...), t.CreateTime, w.Zone)
	dst = AppendSeedTime(append(dst, `,"endTime":`...), t.EndTime, w.Zone)
	dst = AppendString(append(dst, `,"status":`...), t.Status.String())
	dst = AppendText(append(dst, `,"reason":`...), task.RedactText(t.Reason))
	dst = AppendObject(append(dst, `,"params":`...), t.Params, w.Hidden(t.Stone))
	dst = AppendObject(append(dst, `,"outputs":`...), t.Outputs, nil)
	dst = append(dst, `,"progress":`...)
	if t.Progress == nil {
		dst = append(dst, "null"...)
	} else {
		dst = strconv.AppendInt(dst, int64(*t.Progress), 10)
	}
	dst = AppendString(append(dst, `,"queueType":`...), string(t.Method))
	dst = strconv.AppendInt(append(dst, `,"attempt":`...), int64(t.Epoch), 10)
	dst = AppendText(append(dst, `,"businessKey":`...), t.BusinessKey)
	dst = strconv.AppendBool(append(dst, `,"debug":`...), t.Debug)
	dst = AppendTime(append(dst, `,"notBefore":`...), t.NotBefore)
	return append(AppendTime(append(dst, `,"updateTime":`...), t.UpdateTime), '}')
}

// Hidden returns the names of a stone's params that are not shown.
func (w Tasks) Hidden(stone string) []string {
	if w.NoEcho == nil {
		return nil
	}
	return w.NoEcho(stone)
}

// AppendAll appends an array of tasks.
func (w Tasks) AppendAll(dst []byte, tasks []task.Task) []byte {
	return AppendArray(dst, len(tasks), func(dst []byte, i int) []byte { return w.Append(dst, &tasks[i]) })
}

// AppendSeedTime appends a time as the original writes it, null for none. A nil
// zone is UTC.
func AppendSeedTime(dst []byte, t time.Time, zone *time.Location) []byte {
	if t.IsZero() {
		return append(dst, "null"...)
	}
	if zone == nil {
		zone = time.UTC
	}
	return append(t.In(zone).AppendFormat(append(dst, '"'), seedTime), '"')
}

// maxAhead is the most room that is made for an array by the size of its first element.
const maxAhead = 1 << 20

// AppendArray appends an array of n elements.
func AppendArray(dst []byte, n int, element func(dst []byte, i int) []byte) []byte {
	dst = append(dst, '[')
	before := len(dst)
	for i := range n {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst = element(dst, i); i == 0 { // the others are about as long
			dst = slices.Grow(dst, min((n-1)*(len(dst)-before), maxAhead))
		}
	}
	return append(dst, ']')
}

// AppendTime appends a time as those that are ours are written: RFC 3339 in
// UTC with microseconds, null for none.
func AppendTime(dst []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(dst, "null"...)
	}
	return append(t.UTC().AppendFormat(append(dst, '"'), queue.TimeFormat), '"')
}

// AppendText appends a string, null for an empty one.
func AppendText(dst []byte, s string) []byte {
	if s == "" {
		return append(dst, "null"...)
	}
	return AppendString(dst, s)
}

// AppendObject appends a string that holds a JSON object, {} for none. Secrets
// in it, and its members that noEcho names, are masked.
func AppendObject(dst []byte, doc json.RawMessage, noEcho []string) []byte {
	if len(doc) == 0 {
		return append(dst, `"{}"`...)
	}
	masked := task.RedactWith(doc, noEcho)
	out, err := jsontext.AppendQuote(dst, masked)
	if err != nil {
		return AppendString(dst, string(masked))
	}
	return out
}
