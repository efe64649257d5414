// Package client is the Go client of the REST API: it publishes tasks, reads
// them back, and waits for their end. It knows HTTP and the shapes of the API,
// nothing of queue or store. The command line, the load generator and programs
// of users call it.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Defaults of [Config].
const (
	DefaultMaxAnswer = 64 << 20 // bytes
	DefaultTimeout   = 30 * time.Second
	DefaultBackoff   = 200 * time.Millisecond
)

// Config says how a [Client] works. Its zero value is ready to use.
type Config struct {
	// HTTP does the requests. By default it is a client of its own, whose
	// requests time out after [DefaultTimeout].
	HTTP *http.Client
	// MaxAnswer is how many bytes of one answer are read, [DefaultMaxAnswer]
	// by default. A longer one is [ErrTooLarge].
	MaxAnswer int64
	// Retries is how often a request is sent again after a connection error,
	// a 429 or a 503. It is 0 by default: such an error is returned at once.
	// Sending a task again is safe, its taskId is recognised.
	Retries int
	// Backoff is the wait before the first retry, [DefaultBackoff] by default.
	// It doubles with each further one up to 10 s; an answer's Retry-After
	// may make it longer.
	Backoff time.Duration
	// UserAgent goes into the header of this name.
	UserAgent string
}

// Client talks to one gateway. It may be used by several goroutines.
type Client struct {
	base string
	cfg  Config
}

// New returns a client of the gateway at baseURL, such as http://127.0.0.1:8306.
// It sends nothing yet.
func New(baseURL string, cfg Config) (*Client, error) {
	u, err := url.Parse(baseURL)
	if err != nil {
		return nil, fmt.Errorf("server URL: %w", err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("server URL %q must look like http://127.0.0.1:8306", u.Redacted())
	}
	if cfg.HTTP == nil {
		cfg.HTTP = &http.Client{Timeout: DefaultTimeout}
	}
	if cfg.MaxAnswer <= 0 {
		cfg.MaxAnswer = DefaultMaxAnswer
	}
	if cfg.Backoff <= 0 {
		cfg.Backoff = DefaultBackoff
	}
	if cfg.UserAgent == "" {
		cfg.UserAgent = "riverstones-client"
	}
	return &Client{base: strings.TrimRight(baseURL, "/"), cfg: cfg}, nil
}

// answer is what came back with a status below 400.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// request is what is sent.
type request struct {
	method, path   string // with the query
	kind           string // media type of the body, "" for none
	body           []byte
	user, password string // for Basic auth, "" for none
	// once says that sending it twice would do it twice: it is not sent again
	// unless it was surely not taken.
	once bool
}

// call does one request, again as often as [Config.Retries] allows, and
// decodes a good answer into out (nil to drop it).
func (c *Client) call(ctx context.Context, method, path string, in, out any) (*answer, error) {
	return c.do(ctx, &request{method: method, path: path}, in, out)
}

// do is call for a request that is more than method and path.
func (c *Client) do(ctx context.Context, r *request, in, out any) (*answer, error) {
	if in != nil {
		var err error
		if r.body, err = encode(in); err != nil {
			return nil, fmt.Errorf("%s %s: encode: %w", r.method, r.path, err)
		}
		r.kind = "application/json"
	}
	a, err := c.sendPersistently(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", r.method, r.path, err)
	}
	if out != nil {
		if err := json.Unmarshal(a.body, out); err != nil {
			return nil, fmt.Errorf("%s %s: answer is not what the API promises: %w", r.method, r.path, err)
		}
	}
	return a, nil
}

// encode leaves <, > and & as they are: params are to arrive as they were given.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return b.Bytes(), err
}

func (c *Client) sendPersistently(ctx context.Context, r *request) (*answer, error) {
	wait := c.cfg.Backoff
	for try := 0; ; try++ {
		a, err := c.send(ctx, r)
		if err == nil || try >= c.cfg.Retries || !passing(ctx, err, r.once) {
			return a, err
		}
		pause := wait
		if e, ok := errors.AsType[*Error](err); ok {
			pause = max(pause, e.RetryAfter)
		}
		if !sleep(ctx, pause) {
			return nil, err
		}
		wait = min(2*wait, 10*time.Second)
	}
}

// passing reports whether err may be gone at the next try. What may be sent
// once only must not have been taken either.
func passing(ctx context.Context, err error, once bool) bool {
	if ctx.Err() != nil {
		return false
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Status == http.StatusTooManyRequests || e.Status == http.StatusServiceUnavailable && !once
	}
	_, ok := errors.AsType[*url.Error](err)
	return ok && !once
}

// sleep waits for d and reports whether it could.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

func (c *Client) send(ctx context.Context, r *request) (*answer, error) {
	req, err := http.NewRequestWithContext(ctx, r.method, c.base+r.path, bytes.NewReader(r.body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", c.cfg.UserAgent)
	if r.kind != "" {
		req.Header.Set("Content-Type", r.kind)
	}
	if r.user != "" {
		req.SetBasicAuth(r.user, r.password)
	}
	resp, err := c.cfg.HTTP.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(io.LimitReader(resp.Body, c.cfg.MaxAnswer+1))
	if err != nil {
		// The connection broke: as any other error of the connection.
		return nil, &url.Error{Op: r.method, URL: c.base + r.path, Err: err}
	}
	if int64(len(b)) > c.cfg.MaxAnswer {
		return nil, fmt.Errorf("%w of %d bytes", ErrTooLarge, c.cfg.MaxAnswer)
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		return nil, newError(resp, b)
	}
	return &answer{resp.StatusCode, resp.Header, b}, nil
}
