package queue

import (
	"bytes"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Reading JSON is a third of what a task costs, and nearly all messages are in
// the form that [Command.Append] and [Event.Append] write. The readers here
// know that form and nothing else: members in that order, no spaces, printable
// ASCII without escapes. Of everything else they say so, and it is read by the
// library. What they read goes through the same checks.

// canonical reads a payload from its start. After the first thing that is not
// as expected it has failed and reads nothing more.
type canonical struct {
	payload []byte
	at      int
	failed  bool
	texts   string // a copy of the payload or its beginning, which all texts share
}

// skip reports whether text comes next, and steps over it.
func (c *canonical) skip(text string) bool {
	end := c.at + len(text)
	if c.failed || end > len(c.payload) || string(c.payload[c.at:end]) != text {
		return false
	}
	c.at = end
	return true
}

// want is skip of what must be there.
func (c *canonical) want(text string) {
	if !c.skip(text) {
		c.failed = true
	}
}

// quoted steps over a string and returns where the text between its quotes is.
func (c *canonical) quoted() (from, to int) {
	c.want(`"`)
	if c.failed {
		return 0, 0
	}
	for i, b := range c.payload[c.at:] {
		if b == '"' {
			from, to = c.at, c.at+i
			c.at = to + 1
			return from, to
		}
		if b < 0x20 || b >= 0x7f || b == '\\' {
			break
		}
	}
	c.failed = true
	return 0, 0
}

func (c *canonical) text() string {
	from, to := c.quoted()
	if to <= len(c.texts) {
		return c.texts[from:to]
	}
	return string(c.payload[from:to])
}

// maxDigits keeps numbers far from overflow.
const maxDigits = 9

func (c *canonical) number() (n int) {
	rest := c.payload[c.at:]
	digits := 0
	for digits < len(rest) && digits <= maxDigits && rest[digits] >= '0' && rest[digits] <= '9' {
		n = 10*n + int(rest[digits]-'0')
		digits++
	}
	if c.failed || digits == 0 || digits > maxDigits || digits > 1 && rest[0] == '0' {
		c.failed = true
		return 0
	}
	c.at += digits
	return n
}

// digits returns the number that b consists of.
func (c *canonical) digits(b []byte) (n int) {
	for _, d := range b {
		if d < '0' || d > '9' {
			c.failed = true
			return 0
		}
		n = 10*n + int(d-'0')
	}
	return n
}

// time reads [TimeFormat] in UTC, or null as the zero time.
func (c *canonical) time() time.Time {
	const form = "2006-01-02T15:04:05.000000Z"
	if c.skip("null") {
		return time.Time{}
	}
	from, to := c.quoted()
	b := c.payload[from:to]
	if len(b) != len(form) || b[4] != '-' || b[7] != '-' || b[10] != 'T' || b[13] != ':' || b[16] != ':' || b[19] != '.' || b[26] != 'Z' {
		c.failed = true
		return time.Time{}
	}
	year, month, day := c.digits(b[:4]), c.digits(b[5:7]), c.digits(b[8:10])
	hour, minute, second, micro := c.digits(b[11:13]), c.digits(b[14:16]), c.digits(b[17:19]), c.digits(b[20:26])
	t := time.Date(year, time.Month(month), day, hour, minute, second, micro*int(time.Microsecond), time.UTC)
	if y, m, d := t.Date(); y != year || int(m) != month || d != day || hour > 23 || minute > 59 || second > 59 {
		c.failed = true // a date that there is not
	}
	return t
}

// object steps over an object and returns it, of valid JSON without duplicate names.
func (c *canonical) object() jsontext.Value {
	if end := c.end(); !c.failed && end > 0 {
		raw := jsontext.Value(c.payload[c.at:end:end])
		if len(raw) == len("{}") || raw.IsValid() {
			c.at = end
			return raw
		}
	}
	c.failed = true
	return nil
}

// end is where the object that begins here ends if it is valid, 0 if there is none.
func (c *canonical) end() int {
	depth := 0
	for i := c.at; i < len(c.payload); i++ {
		switch c.payload[i] {
		case '"':
			n := textEnd(c.payload[i+1:])
			if n < 0 {
				return 0
			}
			i += 1 + n
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i + 1
			}
		}
		if depth == 0 {
			return 0
		}
	}
	return 0
}

// textEnd is where the quote is that ends a text.
func textEnd(b []byte) int {
	for at := 0; ; {
		n := bytes.IndexByte(b[at:], '"')
		if n < 0 {
			return n
		}
		at += n
		slashes := 0
		for slashes < at && b[at-1-slashes] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			return at
		}
		at++
	}
}

func (c *canonical) names(w *wireNames) {
	c.want(`"id":`)
	w.ID = c.text()
	c.want(`,"taskId":`)
	w.TaskID = c.text()
	c.want(`,"processInstanceId":`)
	w.ProcessInstanceID = c.text()
	c.want(`,"name":`)
	w.Name = c.text()
	c.want(`,"namespace":`)
	w.Namespace = c.text()
	c.want(`,"stone":`)
	w.Stone = c.text()
}

// command reads all of the payload into w, or reports false.
func (c *canonical) command(w *wireCommand) bool {
	c.texts = string(c.payload[:max(0, bytes.Index(c.payload, []byte(`,"params":`)))]) // not the params, too
	c.want("{")
	c.names(&w.wireNames)
	c.want(`,"businessKey":`)
	if !c.skip("null") {
		w.BusinessKey = c.text()
	}
	c.want(`,"method":`)
	w.Method = c.text()
	c.want(`,"epoch":`)
	w.Epoch = c.number()
	c.want(`,"params":`)
	w.Params = c.object()
	c.want(`,"outputs":`)
	w.Outputs = c.object()
	c.want(`,"createTime":`)
	w.CreateTime = c.time()
	c.want(`,"deadline":`)
	w.Deadline = c.time()
	c.want(`,"retry":null}`)
	return !c.failed && c.at == len(c.payload)
}

// event reads one event. Those with log lines are left to the library.
func (c *canonical) event(w *wireEvent) {
	c.want("{")
	c.names(&w.wireNames)
	c.want(`,"method":`)
	w.Method = c.text()
	c.want(`,"epoch":`)
	w.Epoch = c.number()
	c.want(`,"delivery":`)
	w.Delivery = c.number()
	c.want(`,"worker":`)
	w.Worker = c.text()
	if c.skip(`,"traceparent":`) {
		w.Trace = c.text()
	}
	c.want(`,"transitions":[`)
	for more := !c.skip("]"); more && !c.failed; more = !c.skip("]") {
		if w.Transitions == nil {
			w.Transitions = make([]wireTransition, 0, 4) // as many as a plain task has
		} else {
			c.want(",")
		}
		w.Transitions = append(w.Transitions, c.transition())
	}
	if c.skip(`,"outputs":`) {
		w.Outputs = c.object()
	}
	if c.skip(`,"progress":`) {
		n := c.number()
		w.Progress = &n
	}
	c.want("}")
}

func (c *canonical) transition() (t wireTransition) {
	c.want(`{"status":`)
	t.Status = c.text()
	c.want(`,"time":`)
	t.Time = c.time()
	if c.skip(`,"reason":`) {
		t.Reason = c.text()
	}
	t.Final = c.skip(`,"final":true`)
	c.want("}")
	return t
}

// events reads an array of events that is all of the payload, or reports false.
func (c *canonical) events() ([]wireEvent, bool) {
	var all []wireEvent
	c.texts = string(c.payload)
	c.want("[")
	for more := !c.skip("]"); more && !c.failed; more = !c.skip("]") {
		if len(all) > 0 {
			c.want(",")
		}
		all = append(all, wireEvent{})
		c.event(&all[len(all)-1])
	}
	return all, !c.failed && c.at == len(c.payload)
}
