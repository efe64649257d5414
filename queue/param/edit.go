package param

import (
	"encoding/json"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/riverstones/riverstones/queue/jsonvalue"
)

// edit collects changes to the text of an object, so that what is not changed
// keeps its bytes.
type edit struct {
	doc      json.RawMessage
	object   jsonvalue.Object
	replaced map[int]json.RawMessage // by position of the member
	added    []byte                  // members, with commas between them
}

func (e *edit) replace(i int, v json.RawMessage) {
	if e.replaced == nil {
		e.replaced = map[int]json.RawMessage{}
	}
	e.replaced[i] = v
}

func (e *edit) add(name string, v json.RawMessage) {
	if len(e.added) > 0 {
		e.added = append(e.added, ',')
	}
	e.added, _ = jsontext.AppendQuote(e.added, name) // invalid UTF-8 becomes U+FFFD
	e.added = append(append(e.added, ':'), v...)
}

// bytes returns the text with the changes, which is the same slice if there are none.
func (e *edit) bytes() json.RawMessage {
	if len(e.replaced) == 0 && len(e.added) == 0 {
		return e.doc
	}
	out, from := make([]byte, 0, len(e.doc)+len(e.added)+1), 0
	for i, m := range e.object.Members {
		if v, ok := e.replaced[i]; ok {
			out = append(append(out, e.doc[from:m.Start]...), v...)
			from = m.End
		}
	}
	out = append(out, e.doc[from:e.object.Close]...)
	if len(e.added) > 0 && len(e.object.Members) > 0 {
		out = append(out, ',')
	}
	out = append(out, e.added...)
	return slices.Concat(out, e.doc[e.object.Close:])
}
