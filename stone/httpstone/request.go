package httpstone

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/riverstones/riverstones/stone"
)

// answer is an HTTP answer, read to its end.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// do sends one call. Its error is an outcome.
func (s *Stone) do(ctx context.Context, t *stone.Task, c *call, data map[string]any) (*answer, error) {
	req, err := c.request(ctx, data)
	if err != nil {
		return nil, stone.Reject(err.Error())
	}
	if err := s.guard.checkURL(req.URL); err != nil {
		return nil, stone.Reject(err.Error())
	}
	req.Header.Set("Idempotency-Key", t.IdempotencyKey())
	if trace := stone.TraceOf(ctx); trace != "" {
		req.Header.Set("Traceparent", trace)
	}
	res, err := s.client.Do(req)
	if err != nil {
		return nil, unsent(ctx, err)
	}
	defer res.Body.Close()
	a := &answer{status: res.StatusCode, header: res.Header}
	a.body, err = io.ReadAll(io.LimitReader(res.Body, s.maxAnswer+1))
	switch {
	case err != nil:
		return nil, unsent(ctx, err)
	case int64(len(a.body)) > s.maxAnswer:
		return nil, stone.Reject(fmt.Sprintf("the answer is over %d bytes", s.maxAnswer))
	}
	return a, nil
}

// unsent is the outcome of a call that got no answer. The URL, which may hold
// values of the task, does not go into the reason.
func unsent(ctx context.Context, err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	switch {
	case errors.Is(err, ErrGuard):
		return stone.Reject(err.Error())
	case ctx.Err() != nil:
		return fmt.Errorf("call: %w", context.Cause(ctx))
	default:
		return stone.Retry(0, "no answer: "+err.Error())
	}
}

// request fills the templates.
func (c *call) request(ctx context.Context, data map[string]any) (*http.Request, error) {
	u, err := c.url(data)
	if err != nil {
		return nil, err
	}
	var body io.Reader
	if c.body != nil {
		text, err := c.body.Execute(data)
		if err != nil {
			return nil, err
		}
		if c.json && !json.Valid([]byte(text)) {
			return nil, errors.New("the body is not valid JSON")
		}
		body = strings.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, c.method, u, body)
	if err != nil {
		return nil, errors.New("the URL or a header is malformed") // the cause would show values
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "riverstones-httpstone")
	if c.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, h := range c.headers {
		v, err := h.value.Execute(data)
		if err != nil {
			return nil, err
		}
		req.Header.Set(h.name, v)
	}
	return req, nil
}

func (c *call) url(data map[string]any) (string, error) {
	host, err := c.host.Execute(data)
	if err != nil {
		return "", err
	}
	path, err := c.path.Execute(data)
	if err != nil {
		return "", err
	}
	query, err := c.query.Execute(data)
	if err != nil {
		return "", err
	}
	if query != "" {
		query = "?" + query
	}
	return c.scheme + "://" + host + path + query, nil
}
