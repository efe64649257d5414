package dispatch

import (
	"context"
	"encoding/json"

	"github.com/riverstones/riverstones/store"
)

// Target says why a URL may not be told in the words of kind, nil if it may.
// The error completes a sentence that begins with the field.
type Target func(kind store.CallbackKind, url string) error

var callbackKinds = map[string]store.CallbackKind{"": store.Webhook, "webhook": store.Webhook, "flowable": store.Flowable}

// callback reads whom to tell, nil for nobody.
func (c *checker) callback(r *Request) *store.Callback {
	if len(r.Callback) == 0 || string(r.Callback) == "null" {
		return nil
	}
	var members map[string]json.RawMessage
	var url, kind string
	if json.Unmarshal(r.Callback, &members) != nil {
		c.add(`callback must be an object such as {"url":"https://example.com/hook","kind":"webhook"}`)
		return nil
	}
	for name, value := range members {
		to, known := map[string]*string{"url": &url, "kind": &kind}[name]
		switch {
		case !known:
			c.add("callback has url and kind, not %.100q", name)
		case json.Unmarshal(value, to) != nil:
			c.add("callback.%s must be a string", name)
		}
	}
	out := &store.Callback{ProcessInstanceID: r.ProcessInstanceID, Kind: callbackKinds[kind], URL: url}
	switch {
	case out.Kind == 0:
		c.add("callback.kind must be webhook or flowable")
	case url == "":
		c.add("callback.url is missing")
	case c.target == nil:
		c.add("callback.url is not served here: leave it out")
	default:
		if err := c.target(out.Kind, url); err != nil {
			c.add("callback.url %v", err)
		}
	}
	return out
}

// want notes whom to tell of the tasks that are to be published, before they
// can end.
func (d *Dispatcher) want(ctx context.Context, drafts []draft) error {
	var rows []store.Callback
	for i := range drafts {
		if one := &drafts[i]; one.mine != nil && one.callback != nil {
			one.callback.ID = one.cmd.ID
			rows = append(rows, *one.callback)
		}
	}
	if len(rows) == 0 {
		return nil
	}
	if err := d.deps.Store.Want(ctx, rows); err != nil {
		return away(err)
	}
	return nil
}
