package flowable

import (
	"net/url"
	"strconv"
	"time"

	"github.com/riverstones/riverstones/gateway/rest"
)

// object writes the members of a JSON object in the order of the calls. Every
// member is written, null for what is not there.
type object struct{ buf []byte }

// begin opens an object behind dst.
func begin(dst []byte) *object { return &object{append(dst, '{')} }

// end closes the object and returns all that was written.
func (o *object) end() []byte { return append(o.buf, '}') }

// name writes a name, which needs no escapes.
func (o *object) name(name string) {
	if o.buf[len(o.buf)-1] != '{' {
		o.buf = append(o.buf, ',')
	}
	o.buf = append(append(append(o.buf, '"'), name...), '"', ':')
}

// text writes a string, null for "".
func (o *object) text(name, value string) {
	o.name(name)
	o.buf = rest.AppendText(o.buf, value)
}

// str writes a string that may be empty.
func (o *object) str(name, value string) {
	o.name(name)
	o.buf = rest.AppendString(o.buf, value)
}

func (o *object) null(names ...string) {
	for _, name := range names {
		o.name(name)
		o.buf = append(o.buf, "null"...)
	}
}

func (o *object) bool(name string, value bool) {
	o.name(name)
	o.buf = strconv.AppendBool(o.buf, value)
}

func (o *object) int(name string, value int64) {
	o.name(name)
	o.buf = strconv.AppendInt(o.buf, value, 10)
}

// timeFormat is how Flowable writes times: always with milliseconds.
const timeFormat = "2006-01-02T15:04:05.000Z07:00"

// time writes a time in UTC, null for none.
func (o *object) time(name string, t time.Time) {
	o.name(name)
	if t.IsZero() {
		o.buf = append(o.buf, "null"...)
		return
	}
	o.buf = append(t.UTC().AppendFormat(append(o.buf, '"'), timeFormat), '"')
}

// with writes a member's value by a function that appends it.
func (o *object) with(name string, appendTo func(dst []byte) []byte) {
	o.name(name)
	o.buf = appendTo(o.buf)
}

// links makes the URLs in answers. What has no id has no URL.
type links struct{ base string }

func (l links) to(kind, id string) string {
	if id == "" {
		return ""
	}
	return l.base + "/" + kind + "/" + id
}

// Where things are.
const (
	kindExecution  = "runtime/executions"
	kindInstance   = "runtime/process-instances"
	kindTask       = "runtime/tasks"
	kindDefinition = "repository/process-definitions"
	kindDeployment = "repository/deployments"
	kindHistoric   = "history/historic-process-instances"
)

// data is where the bytes of a variable are.
func (l links) data(kind, id, name string) string {
	return l.to(kind, id) + "/variables/" + url.PathEscape(name) + "/data"
}
