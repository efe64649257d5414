package rest

import (
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/riverstones/riverstones/gateway/fault"
)

// Content is a [Reply] that is no JSON: its AppendJSON is not asked.
type Content interface {
	// Content returns the body with its media type and size in bytes, nil for
	// an answer without a body.
	Content() (mediaType string, size int64, body io.Reader)
}

// Guard lets check refuse requests, whatever is at their paths or nothing. It
// may set header fields of the answer. Call it before the first request.
func (r *Router) Guard(check func(req *http.Request, answer http.Header) error) {
	r.echo.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if err := check(c.Request(), c.Response().Header()); err != nil {
				return err
			}
			return next(c)
		}
	})
}

// Request returns the request, whose body is to be read by the methods of the
// input.
func (in *Input) Request() *http.Request { return in.c.Request() }

// Bytes reads the body, which must say that it is JSON. They may be kept until
// the handler returns.
func (in *Input) Bytes() ([]byte, error) {
	r := in.c.Request()
	if err := jsonContent(r.Header); err != nil {
		return nil, err
	}
	if in.body == nil {
		in.body = bodies.Get().(*body) //nolint:errcheck // the pool holds nothing else
	}
	if err := in.body.read(in.c.Response(), r, in.maxBody); err != nil {
		return nil, err
	}
	return in.body.buf.Bytes(), nil
}

// Stream returns the body to be read bit by bit, of whatever type. Reading past
// limit bytes is a [fault.TooLarge], as is a body that announces more.
func (in *Input) Stream(limit int64) (io.Reader, error) {
	w, r := in.c.Response(), in.c.Request()
	tooLarge := fault.New(fault.TooLarge, "the body has more than %d bytes: send less", limit)
	if r.ContentLength > limit {
		w.Header().Set(echo.HeaderConnection, "close")
		return nil, tooLarge
	}
	return &stream{http.MaxBytesReader(w.Writer, r.Body, limit), tooLarge}, nil
}

// stream tells in our words that a body is too large.
type stream struct {
	from     io.Reader
	tooLarge error
}

func (s *stream) Read(p []byte) (int, error) {
	n, err := s.from.Read(p)
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		err = s.tooLarge
	}
	return n, err
}

// sendContent writes an answer that is no JSON. An error says that the client
// is gone.
func sendContent(c echo.Context, status int, content Content) error {
	mediaType, size, from := content.Content()
	if from == nil {
		if status != http.StatusNoContent {
			c.Response().Header()[echo.HeaderContentLength] = []string{"0"}
		}
		return c.NoContent(status)
	}
	h := c.Response().Header()
	h[echo.HeaderContentType] = []string{mediaType}
	h[echo.HeaderContentLength] = []string{strconv.FormatInt(size, 10)}
	h[echo.HeaderXContentTypeOptions] = []string{"nosniff"}
	c.Response().WriteHeader(status)
	if c.Request().Method == http.MethodHead {
		return nil
	}
	_, err := io.Copy(c.Response(), from)
	return err
}
