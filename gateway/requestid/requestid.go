// Package requestid carries the id of a request to whatever serves it, so that
// all log lines of one request can be found by it. It makes no ids and knows no
// HTTP. Package rest puts the id into a context; whoever logs takes it out.
package requestid

import (
	"context"

	"go.uber.org/zap"
)

// Key is the name of the field in log lines.
const Key = "request_id"

// Context is a context that carries an id. Embed it in what is made for each
// request anyway: it needs no room of its own then, nor a value for the id.
type Context struct {
	context.Context //nolint:containedctx // it is one

	ID string
}

type contextKey struct{}

// Value returns c itself for the key of this package.
func (c *Context) Value(key any) any {
	if key == (contextKey{}) {
		return c
	}
	return c.Context.Value(key)
}

// Of returns the id of the request that ctx belongs to, "" for none.
func Of(ctx context.Context) string {
	if c, ok := ctx.Value(contextKey{}).(*Context); ok {
		return c.ID
	}
	return ""
}

// Field returns the id as a field of a log line, an empty field for none.
func Field(ctx context.Context) zap.Field {
	if id := Of(ctx); id != "" {
		return zap.String(Key, id)
	}
	return zap.Skip()
}
