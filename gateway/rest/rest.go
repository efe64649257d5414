// Package rest holds what all handlers of the gateway share: a handler as a
// function of its request, strict JSON, query parameters, the one shape of
// errors, request ids, the access log, and the task object as clients see it.
// It knows no use case. The packages with routes call it, and gateway mounts
// them.
package rest

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"github.com/riverstones/riverstones/gateway/fault"
)

// Router takes routes. Make it with [NewRouter].
type Router struct {
	echo    *echo.Echo
	maxBody int64
}

// NewRouter returns a router on e whose bodies have at most maxBody bytes.
func NewRouter(e *echo.Echo, maxBody int64) *Router { return &Router{e, maxBody} }

// Binder is a pointer to a request, which fills itself from the input. Raw
// values may point into the body until the handler returns.
type Binder[T any] interface {
	*T
	Bind(in *Input) error
}

// Reply is what a handler answers.
type Reply interface {
	Status() int
	// AppendJSON appends the body.
	AppendJSON(dst []byte) []byte
}

// Header is a [Reply] with header fields of its own.
type Header interface {
	Header(h http.Header)
}

// Handle routes requests to f. Whatever goes wrong is an error: a
// [fault.Error], or else an internal one. A GET serves HEAD as well.
func Handle[Req any, P Binder[Req], Resp Reply](r *Router, method, path string, f func(ctx context.Context, req Req) (Resp, error)) {
	handler := func(c echo.Context) error {
		var req Req
		in := Input{c: c, maxBody: r.maxBody}
		defer in.release()
		if err := P(&req).Bind(&in); err != nil {
			return err
		}
		reply, err := f(contextOf(c), req)
		if err != nil {
			return err
		}
		return write(c, reply)
	}
	r.echo.Add(method, path, handler)
	if method == http.MethodGet {
		r.echo.Add(http.MethodHead, path, handler)
	}
}

const (
	contentType = "application/json"
	// maxPooled is the greatest buffer that is kept for the next request.
	maxPooled = 256 << 10
)

var buffers = sync.Pool{New: func() any { return new([]byte) }}

func write(c echo.Context, reply Reply) error {
	h := c.Response().Header()
	if more, ok := reply.(Header); ok {
		more.Header(h)
	}
	if content, ok := reply.(Content); ok {
		return sendContent(c, reply.Status(), content)
	}
	buf := buffers.Get().(*[]byte) //nolint:errcheck // the pool holds nothing else
	body := append(reply.AppendJSON((*buf)[:0]), '\n')
	err := send(c, reply.Status(), body)
	if cap(body) <= maxPooled {
		*buf = body
		buffers.Put(buf)
	}
	return err
}

// send writes an answer. An error says that the client is gone.
func send(c echo.Context, status int, body []byte) error {
	h := c.Response().Header()
	h[echo.HeaderContentType] = jsonType
	h[echo.HeaderContentLength] = []string{strconv.Itoa(len(body))}
	c.Response().WriteHeader(status)
	if c.Request().Method == http.MethodHead {
		return nil
	}
	_, err := c.Response().Write(body)
	return err
}

var jsonType = []string{contentType}

// Input is a request as a [Binder] reads it.
type Input struct {
	c       echo.Context
	maxBody int64
	body    *body
}

// Path returns a parameter of the path, decoded. What no id or name can be is
// not found.
func (in *Input) Path(name string) (string, error) {
	value := in.c.Param(name)
	if strings.Contains(value, "/") {
		// The last parameter of a route takes all that is left of the path.
		return "", fault.New(fault.NotFound, "there is nothing at this path: write / in a name as %%2F")
	}
	if in.c.Request().URL.RawPath != "" { // then echo has matched it, still encoded
		var err error
		if value, err = url.PathUnescape(value); err != nil {
			return "", fault.New(fault.Invalid, "the path is not well encoded: write special characters as %%XX")
		}
	}
	if value == "" {
		return "", fault.New(fault.NotFound, "there is nothing at this path")
	}
	return value, nil
}

// Query returns the parameters of the URL.
func (in *Input) Query() *Query {
	q := &Query{}
	raw := in.c.Request().URL.RawQuery
	if raw == "" {
		return q
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		q.add("the query is not well encoded: write special characters as %%XX, and & between parameters")
	}
	q.values = values
	return q
}

// badText reports whether s has control characters or is no UTF-8.
func badText(s string) bool {
	for _, r := range s {
		if r < 0x20 || r >= 0x7f && r < 0xa0 {
			return true
		}
	}
	return !utf8.ValidString(s)
}
