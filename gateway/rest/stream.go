package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

// Header returns a field of the request's header, "" if it is not given.
func (in *Input) Header(name string) string { return in.c.Request().Header.Get(name) }

// Stream routes GET requests to f, which writes an answer that goes on: the
// server's time limits do not hold for it, f has to bound each write itself. An
// error before the first byte is answered as those of [Handle] are.
func Stream[Req any, P Binder[Req]](r *Router, path string, f func(ctx context.Context, w http.ResponseWriter, req Req) error) {
	r.echo.GET(path, func(c echo.Context) error {
		var req Req
		in := Input{c: c, maxBody: r.maxBody}
		if err := P(&req).Bind(&in); err != nil {
			return err
		}
		// Past its read deadline the server takes the client for gone.
		control := http.NewResponseController(c.Response())
		if err := control.SetReadDeadline(time.Time{}); err != nil {
			return err
		}
		if err := control.SetWriteDeadline(time.Time{}); err != nil {
			return err
		}
		return f(contextOf(c), c.Response(), req)
	})
}
