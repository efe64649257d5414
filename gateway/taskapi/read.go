package taskapi

import (
	"context"
	"net/http"
	"strconv"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/gateway/rest"
	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// key is a taskId, or the id of a record, in a path.
type key string

// Bind reads the path.
func (k *key) Bind(in *rest.Input) error {
	value, err := in.Path("taskId")
	if err == nil && !queue.CheckName(value) {
		err = fault.New(fault.NotFound, "no task can have this taskId: it has 1 to 255 characters")
	}
	*k = key(value)
	return err
}

// getRequest asks for one task.
type getRequest struct{ key }

// gotten is the task.
type gotten struct {
	task  task.Task
	tasks rest.Tasks
}

func (a *api) get(ctx context.Context, r getRequest) (gotten, error) {
	t, err := a.reader.Task(ctx, string(r.key))
	if err != nil {
		return gotten{}, unread(err, string(r.key))
	}
	return gotten{t, a.tasks}, nil
}

// Status is 200.
func (g gotten) Status() int { return http.StatusOK }

// AppendJSON appends the task.
func (g gotten) AppendJSON(dst []byte) []byte { return g.tasks.Append(dst, &g.task) }

// historyRequest asks for the transitions of a task.
type historyRequest struct {
	key
	notes bool
}

// Bind reads path and query.
func (h *historyRequest) Bind(in *rest.Input) error {
	if err := h.key.Bind(in); err != nil {
		return err
	}
	q := in.Query()
	h.notes = q.Bool("notes")
	return q.Err()
}

// history is what happened, oldest first.
type history struct {
	notes   []store.Note
	changes map[int][]change // of each attempt
}

func (a *api) history(ctx context.Context, r historyRequest) (history, error) {
	t, err := a.reader.Task(ctx, string(r.key))
	if err != nil {
		return history{}, unread(err, string(r.key))
	}
	h := history{}
	if h.notes, err = a.reader.History(ctx, t.ID, r.notes); err != nil {
		return history{}, unread(err, string(r.key))
	}
	if t.Epoch > 1 {
		attempts, err := a.reader.Attempts(ctx, t.ID)
		if err != nil {
			return history{}, unread(err, string(r.key))
		}
		h.changes = changes(attempts, a.tasks.Hidden(t.Stone))
	}
	return h, nil
}

// Status is 200.
func (h history) Status() int { return http.StatusOK }

// AppendJSON appends the array.
func (h history) AppendJSON(dst []byte) []byte {
	return rest.AppendArray(dst, len(h.notes), func(dst []byte, i int) []byte {
		n := &h.notes[i]
		dst = append(append(append(dst, `{"status":"`...), n.Status.String()...), '"')
		dst = rest.AppendTime(append(dst, `,"time":`...), n.Time)
		dst = strconv.AppendInt(append(dst, `,"attempt":`...), int64(n.Epoch), 10)
		dst = append(dst, `,"delivery":`...)
		if n.Delivery == 0 { // no worker said so
			dst = append(dst, "null"...)
		} else {
			dst = strconv.AppendInt(dst, int64(n.Delivery), 10)
		}
		dst = rest.AppendText(append(dst, `,"worker":`...), n.Worker)
		dst = rest.AppendText(append(dst, `,"reason":`...), task.RedactText(n.Reason))
		if n.Why != "" {
			dst = rest.AppendText(append(dst, `,"note":`...), n.Why)
		} else if all := h.changes[n.Epoch]; n.Status == task.ProduceSuccess && len(all) > 0 {
			dst = appendChanges(append(dst, `,"changes":`...), all)
		}
		return append(dst, '}')
	})
}

// logRequest asks for a page of a task's log.
type logRequest struct {
	key
	start, size int
}

// Bind reads path and query.
func (l *logRequest) Bind(in *rest.Input) error {
	if err := l.key.Bind(in); err != nil {
		return err
	}
	q := in.Query()
	l.start, l.size = q.Page(rest.MaxSize)
	return q.Err()
}

// lines are a page of a log, oldest first.
type lines []store.LogLine

func (a *api) log(ctx context.Context, r logRequest) (lines, error) {
	t, err := a.reader.Task(ctx, string(r.key))
	if err != nil {
		return nil, unread(err, string(r.key))
	}
	page, err := a.reader.Log(ctx, t.ID, r.start, r.size)
	if err != nil {
		return nil, unread(err, string(r.key))
	}
	return page, nil
}

// Status is 200.
func (l lines) Status() int { return http.StatusOK }

// AppendJSON appends the array.
func (l lines) AppendJSON(dst []byte) []byte {
	return rest.AppendArray(dst, len(l), func(dst []byte, i int) []byte {
		one := &l[i]
		dst = rest.AppendTime(append(dst, `{"time":`...), one.Time)
		dst = rest.AppendText(append(dst, `,"level":`...), one.Level)
		dst = rest.AppendString(append(dst, `,"line":`...), task.RedactText(one.Line))
		dst = strconv.AppendInt(append(dst, `,"attempt":`...), int64(one.Epoch), 10)
		return append(rest.AppendText(append(dst, `,"worker":`...), one.Worker), '}')
	})
}
