package queue

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/riverstones/riverstones/queue/task"
)

// TimeFormat is how times are written on the wire: RFC 3339 with microseconds.
const TimeFormat = "2006-01-02T15:04:05.000000Z07:00"

// Append writes the command as JSON behind dst.
func (c *Command) Append(dst []byte) []byte {
	dst = appendNames(append(dst, '{'), &c.Names)
	dst = append(dst, `,"businessKey":`...)
	if c.BusinessKey == "" {
		dst = append(dst, "null"...)
	} else {
		dst = appendString(dst, c.BusinessKey)
	}
	dst = append(append(append(dst, `,"method":"`...), c.Method...), `","epoch":`...)
	dst = strconv.AppendInt(dst, int64(c.Epoch), 10)
	if c.Blob != "" {
		dst = append(dst, `,"params":null,"outputs":null`...)
	} else {
		dst = appendRaw(append(dst, `,"params":`...), c.Params, "{}")
		dst = appendRaw(append(dst, `,"outputs":`...), c.Outputs, "{}")
	}
	dst = appendTime(append(dst, `,"createTime":`...), c.CreateTime)
	dst = appendTime(append(dst, `,"deadline":`...), c.Deadline)
	dst = append(dst, `,"retry":`...)
	if c.Retry == nil {
		return append(dst, "null}"...)
	}
	dst = strconv.AppendInt(append(dst, `{"maxAttempts":`...), int64(c.Retry.MaxAttempts), 10)
	dst = append(append(append(dst, `,"backoff":"`...), c.Retry.Backoff.String()...), `"}}`...)
	return dst
}

// Append writes the event as JSON behind dst.
func (e *Event) Append(dst []byte) []byte {
	dst = appendNames(append(dst, '{'), &e.Names)
	dst = append(append(append(dst, `,"method":"`...), e.Method...), `","epoch":`...)
	dst = strconv.AppendInt(dst, int64(e.Epoch), 10)
	dst = strconv.AppendInt(append(dst, `,"delivery":`...), int64(e.Delivery), 10)
	dst = appendString(append(dst, `,"worker":`...), e.Worker)
	if e.Trace != "" {
		dst = appendString(append(dst, `,"traceparent":`...), e.Trace)
	}
	dst = append(dst, `,"transitions":[`...)
	for i := range e.Transitions {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = e.Transitions[i].append(dst)
	}
	dst = append(dst, ']')
	if e.Blob != "" {
		dst = append(dst, `,"outputs":null`...)
	} else if e.Outputs != nil {
		dst = append(append(dst, `,"outputs":`...), e.Outputs...)
	}
	if e.Progress != nil {
		dst = strconv.AppendInt(append(dst, `,"progress":`...), int64(*e.Progress), 10)
	}
	if len(e.Log) > 0 {
		dst = appendLog(append(dst, `,"log":`...), e.Log)
	}
	return append(dst, '}')
}

func (t *Transition) append(dst []byte) []byte {
	dst = append(append(append(dst, `{"status":"`...), t.Status.String()...), `","time":`...)
	dst = appendTime(dst, t.Time)
	if t.Reason != "" {
		dst = appendString(append(dst, `,"reason":`...), t.Reason)
	}
	if t.Final {
		dst = append(dst, `,"final":true`...)
	}
	return append(dst, '}')
}

func appendLog(dst []byte, lines []LogLine) []byte {
	dst = append(dst, '[')
	for i, l := range lines {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendTime(append(dst, `{"time":`...), l.Time)
		dst = appendString(append(dst, `,"level":`...), l.Level)
		dst = append(appendString(append(dst, `,"line":`...), l.Line), '}')
	}
	return append(dst, ']')
}

func appendNames(dst []byte, n *task.Names) []byte {
	dst = appendString(append(dst, `"id":`...), n.ID)
	dst = appendString(append(dst, `,"taskId":`...), n.TaskID)
	dst = appendString(append(dst, `,"processInstanceId":`...), n.ProcessInstanceID)
	dst = appendString(append(dst, `,"name":`...), n.Name)
	dst = appendString(append(dst, `,"namespace":`...), n.Namespace)
	return appendString(append(dst, `,"stone":`...), n.Stone)
}

// appendString quotes s. Bytes that are no UTF-8 become U+FFFD.
func appendString(dst []byte, s string) []byte {
	if out, err := jsontext.AppendQuote(dst, s); err == nil {
		return out
	}
	out, _ := jsontext.AppendQuote(dst, string([]rune(s))) // runes are valid UTF-8
	return out
}

func appendRaw(dst []byte, raw json.RawMessage, otherwise string) []byte {
	if len(raw) == 0 {
		return append(dst, otherwise...)
	}
	return append(dst, raw...)
}

func appendTime(dst []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(dst, "null"...)
	}
	return append(t.UTC().AppendFormat(append(dst, '"'), TimeFormat), '"')
}

// wireNames are the names as they stand in a payload.
type wireNames struct {
	ID                string `json:"id"`
	TaskID            string `json:"taskId"`
	ProcessInstanceID string `json:"processInstanceId"`
	Name              string `json:"name"`
	Namespace         string `json:"namespace"`
	Stone             string `json:"stone"`
}

func (w *wireNames) names() task.Names {
	return task.Names{ID: w.ID, TaskID: w.TaskID, ProcessInstanceID: w.ProcessInstanceID,
		Name: w.Name, Namespace: w.Namespace, Stone: w.Stone}
}

type wireRetry struct {
	MaxAttempts int    `json:"maxAttempts"`
	Backoff     string `json:"backoff"`
}

type wireCommand struct {
	wireNames
	BusinessKey string         `json:"businessKey"`
	Method      string         `json:"method"`
	Epoch       int            `json:"epoch"`
	Params      jsontext.Value `json:"params"`
	Outputs     jsontext.Value `json:"outputs"`
	CreateTime  time.Time      `json:"createTime"`
	Deadline    time.Time      `json:"deadline"`
	Retry       *wireRetry     `json:"retry"`
}

// ParseCommand reads a command. Unknown members are ignored; everything else
// that breaks the protocol is an error that wraps [ErrMessage] and names the
// member. What could be read is returned beside the error, so that a refused
// command can be reported under its task.
func ParseCommand(payload []byte) (*Command, error) {
	w, err := readCommand(payload)
	if err != nil {
		return &Command{Names: w.names(), Epoch: w.Epoch, Method: task.Method(w.Method)}, fmt.Errorf("%w: %w", ErrMessage, err)
	}
	c := &Command{Names: w.names(), Method: task.Method(w.Method), Epoch: w.Epoch,
		CreateTime: w.CreateTime, Deadline: w.Deadline}
	c.BusinessKey = w.BusinessKey
	if err := c.check(&w); err != nil {
		return c, err
	}
	return c, nil
}

func readCommand(payload []byte) (w wireCommand, err error) {
	if c := (canonical{payload: payload}); c.command(&w) {
		return w, nil
	}
	w = wireCommand{}
	err = jsonv2.Unmarshal(payload, &w)
	return w, err
}

func (c *Command) check(w *wireCommand) (err error) {
	if err = checkNames(&c.Names); err != nil {
		return err
	}
	if err = CheckBusinessKey(c.BusinessKey); err != nil {
		return fmt.Errorf("%w: businessKey: %w", ErrMessage, err)
	}
	if err = checkRun(c.Method, c.Epoch); err != nil {
		return err
	}
	if c.Params, err = object("params", w.Params); err != nil {
		return err
	}
	if c.Outputs, err = object("outputs", w.Outputs); err != nil {
		return err
	}
	if w.Retry != nil {
		c.Retry, err = w.Retry.retry()
	}
	return err
}

func (w *wireRetry) retry() (*Retry, error) {
	r := &Retry{MaxAttempts: w.MaxAttempts}
	if w.Backoff != "" {
		d, err := time.ParseDuration(w.Backoff)
		if err != nil || d < 0 {
			return nil, fmt.Errorf("%w: retry.backoff %q is no duration", ErrMessage, w.Backoff)
		}
		r.Backoff = d
	}
	if r.MaxAttempts < 0 {
		return nil, fmt.Errorf("%w: retry.maxAttempts is negative", ErrMessage)
	}
	return r, nil
}

type wireTransition struct {
	Status string    `json:"status"`
	Time   time.Time `json:"time"`
	Reason string    `json:"reason"`
	Final  bool      `json:"final"`
}

type wireLog struct {
	Time  time.Time `json:"time"`
	Level string    `json:"level"`
	Line  string    `json:"line"`
}

type wireEvent struct {
	wireNames
	Method      string           `json:"method"`
	Epoch       int              `json:"epoch"`
	Delivery    int              `json:"delivery"`
	Worker      string           `json:"worker"`
	Trace       string           `json:"traceparent"`
	Transitions []wireTransition `json:"transitions"`
	Outputs     jsontext.Value   `json:"outputs"`
	Progress    *int             `json:"progress"`
	Log         []wireLog        `json:"log"`
}

// Parsed is one event of a message: the event, or why it can not be used. Raw
// holds its bytes in the second case.
type Parsed struct {
	Event Event
	Err   error
	Raw   []byte
}

// ParseEvents reads an event message: one event, or an array of them. A bad
// element spoils itself only. An error says that the payload as a whole can
// not be read.
func ParseEvents(payload []byte) ([]Parsed, error) {
	if jsontext.Value(payload).Kind() != '[' {
		w, err := readEvent(payload)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrMessage, err)
		}
		return []Parsed{w.parsed(payload)}, nil
	}
	c := canonical{payload: payload}
	all, ok := c.events()
	if !ok {
		all = nil
		if err := jsonv2.Unmarshal(payload, &all); err != nil {
			return parseEach(payload)
		}
	}
	if len(all) > MaxBatch {
		return nil, fmt.Errorf("%w: %d events in one message, at most %d", ErrMessage, len(all), MaxBatch)
	}
	out := make([]Parsed, len(all))
	for i := range all {
		if out[i] = all[i].parsed(nil); out[i].Err != nil {
			return parseEach(payload)
		}
	}
	return out, nil
}

func readEvent(payload []byte) (w wireEvent, err error) {
	c := canonical{payload: payload, texts: string(payload)}
	if c.event(&w); !c.failed && c.at == len(c.payload) {
		return w, nil
	}
	w = wireEvent{}
	err = jsonv2.Unmarshal(payload, &w)
	return w, err
}

// parseEach is the slow way, element by element, for a message with a bad one:
// it keeps the bytes of each.
func parseEach(payload []byte) ([]Parsed, error) {
	var raws []jsontext.Value
	if err := jsonv2.Unmarshal(payload, &raws); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMessage, err)
	}
	if len(raws) > MaxBatch {
		return nil, fmt.Errorf("%w: %d events in one message, at most %d", ErrMessage, len(raws), MaxBatch)
	}
	out := make([]Parsed, len(raws))
	for i, raw := range raws {
		w, err := readEvent(raw)
		if err != nil {
			out[i] = Parsed{Event: Event{Names: w.names()}, Err: fmt.Errorf("%w: %w", ErrMessage, err), Raw: raw}
			continue
		}
		out[i] = w.parsed(raw)
	}
	return out, nil
}

func (w *wireEvent) parsed(raw []byte) Parsed {
	e := Event{Names: w.names(), Method: task.Method(w.Method), Epoch: w.Epoch,
		Delivery: w.Delivery, Worker: w.Worker, Progress: w.Progress, Trace: w.Trace}
	err := w.check(&e)
	return Parsed{Event: e, Err: err, Raw: raw}
}

func (w *wireEvent) check(e *Event) (err error) {
	if err = checkNames(&e.Names); err != nil {
		return err
	}
	if err = checkRun(e.Method, e.Epoch); err != nil {
		return err
	}
	if e.Delivery < 1 {
		return fmt.Errorf("%w: delivery is %d, it counts from 1", ErrMessage, e.Delivery)
	}
	if len(e.Worker) > maxName || !utf8.ValidString(e.Worker) {
		return fmt.Errorf("%w: worker is longer than %d bytes", ErrMessage, maxName)
	}
	if e.Progress != nil && (*e.Progress < 0 || *e.Progress > 100) {
		return fmt.Errorf("%w: progress is %d, it goes from 0 to 100", ErrMessage, *e.Progress)
	}
	if len(w.Outputs) > 0 && w.Outputs.Kind() != 'n' {
		if e.Outputs, err = object("outputs", w.Outputs); err != nil {
			return err
		}
	}
	if err = w.transitions(e); err != nil {
		return err
	}
	for _, l := range w.Log {
		e.Log = append(e.Log, LogLine(l))
	}
	return nil
}

func (w *wireEvent) transitions(e *Event) error {
	if len(w.Transitions) == 0 {
		return nil
	}
	e.Transitions = make([]Transition, len(w.Transitions))
	for i, t := range w.Transitions {
		s, err := task.ParseStatus(t.Status)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrMessage, err)
		}
		if s.Produce() {
			return fmt.Errorf("%w: %s is not a worker's to report", ErrMessage, s)
		}
		if t.Time.IsZero() {
			return fmt.Errorf("%w: transition %s has no time", ErrMessage, s)
		}
		e.Transitions[i] = Transition{Status: s, Time: t.Time, Reason: t.Reason, Final: t.Final && s == task.StartSuccess}
	}
	return nil
}

// maxName is the greatest length of a name, in characters (of a worker's: bytes).
const maxName = 255

func checkRun(m task.Method, epoch int) error {
	if !m.Valid() {
		return fmt.Errorf("%w: method %q", ErrMessage, m)
	}
	if epoch < 1 {
		return fmt.Errorf("%w: epoch is %d, it counts from 1", ErrMessage, epoch)
	}
	return nil
}

// Check reports whether the command says which task, epoch and method it is
// about, whatever else may be wrong with it.
func (c *Command) Check() error {
	if err := checkNames(&c.Names); err != nil {
		return err
	}
	return checkRun(c.Method, c.Epoch)
}

func checkNames(n *task.Names) error {
	if !CheckID(n.ID) {
		return fmt.Errorf("%w: id %.64q is no lower-case UUID", ErrMessage, n.ID)
	}
	if err := CheckStone(n.Stone); err != nil {
		return fmt.Errorf("%w: stone: %w", ErrMessage, err)
	}
	for _, f := range [...]struct{ name, value string }{
		{"taskId", n.TaskID}, {"processInstanceId", n.ProcessInstanceID}, {"name", n.Name}, {"namespace", n.Namespace},
	} {
		if !CheckName(f.value) {
			return fmt.Errorf("%w: %s must be 1 to %d characters without control characters", ErrMessage, f.name, maxName)
		}
	}
	return nil
}

// CheckName reports whether s may be a taskId, processInstanceId, name or
// namespace: 1 to 255 characters of valid UTF-8 without control characters.
func CheckName(s string) bool {
	n := 0
	for _, r := range s {
		if r < 0x20 || r >= 0x7f && r < 0xa0 {
			return false
		}
		n++
	}
	return n >= 1 && n <= maxName && utf8.ValidString(s)
}

// CheckID reports whether s is a UUID in its usual form, in lower case.
func CheckID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if c != '-' {
				return false
			}
		} else if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// object returns raw if it is a JSON object that is not too deep; null and
// nothing mean the empty one.
func object(name string, raw jsontext.Value) (json.RawMessage, error) {
	switch raw.Kind() {
	case '{':
	case 'n', 0:
		return json.RawMessage("{}"), nil
	default:
		return nil, fmt.Errorf("%w: %s is no JSON object", ErrMessage, name)
	}
	if bytes.Count(raw, []byte{'{'})+bytes.Count(raw, []byte{'['}) > maxDepth && depth(raw) > maxDepth {
		return nil, fmt.Errorf("%w: %s is nested deeper than %d", ErrMessage, name, maxDepth)
	}
	return json.RawMessage(raw), nil
}

// depth is the nesting of a valid JSON value.
func depth(raw []byte) (deepest int) {
	level, inString := 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case c == '"':
			inString = !inString
		case inString && c == '\\':
			i++
		case inString:
		case c == '{' || c == '[':
			level++
			deepest = max(deepest, level)
		case c == '}' || c == ']':
			level--
		}
	}
	return deepest
}
