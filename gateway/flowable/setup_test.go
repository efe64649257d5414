package flowable_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/riverstones/riverstones/gateway/flowable"
	"github.com/riverstones/riverstones/gateway/rest"
	"github.com/riverstones/riverstones/store/storetest/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m, goleak.IgnoreCurrent()) }

// client calls a server.
type client struct {
	url  string
	http *http.Client
	auth string // what every request is sent with, "" for none
}

// serve mounts the API on a server of its own.
func serve(t testing.TB, cfg flowable.Config, deps flowable.Deps) *client {
	t.Helper()
	log := zap.NewNop()
	e := echo.New()
	e.HTTPErrorHandler = rest.ErrorHandler(log)
	e.Use(rest.Around(rest.Guard{Log: log}))
	require.NoError(t, flowable.Mount(rest.NewRouter(e, 8<<20), cfg, deps))
	server := httptest.NewServer(e)
	t.Cleanup(server.Close)
	return &client{url: server.URL, http: server.Client()}
}

// response is an answer, read to its end.
type response struct {
	status int
	header http.Header
	body   []byte
}

// do sends a request with a body of JSON, or none, and header fields by name
// and value.
func (c *client) do(t testing.TB, method, path, body string, header ...string) response {
	t.Helper()
	var from io.Reader
	if body != "" {
		from = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(context.Background(), method, c.url+path, from)
	require.NoError(t, err)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.auth != "" {
		req.Header.Set("Authorization", c.auth)
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
			continue
		}
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := c.http.Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	out := response{resp.StatusCode, resp.Header, b}
	if out.status >= http.StatusBadRequest {
		out.problem(t)
	}
	return out
}

func (c *client) get(t testing.TB, path string) response {
	t.Helper()
	return c.do(t, http.MethodGet, path, "")
}

func (c *client) post(t testing.TB, path, body string) response {
	t.Helper()
	return c.do(t, http.MethodPost, path, body)
}

func (c *client) put(t testing.TB, path, body string) response {
	t.Helper()
	return c.do(t, http.MethodPut, path, body)
}

func (c *client) del(t testing.TB, path string) response {
	t.Helper()
	return c.do(t, http.MethodDelete, path, "")
}

// messages are the texts of error bodies by status.
var messages = map[int]string{
	400: "Bad request", 401: "Unauthorized", 403: "Forbidden", 404: "Not found", 405: "Method not allowed", 409: "Conflict",
	413: "Payload too large", 415: "Content is not supported", 500: "Internal server error", 503: "Service unavailable",
}

// problem is the body of an error, which has the message of its status.
func (r response) problem(t testing.TB) (exception string) {
	t.Helper()
	var p struct{ Message, Exception string }
	d := json.NewDecoder(bytes.NewReader(r.body))
	d.DisallowUnknownFields()
	require.NoError(t, d.Decode(&p), "%s", r.body)
	if p.Message != "Task was already claimed" {
		require.Equal(t, messages[r.status], p.Message)
	}
	require.NotEmpty(t, p.Exception)
	return p.Exception
}

// is requires a status.
func (r response) is(t testing.TB, status int) response {
	t.Helper()
	require.Equal(t, status, r.status, "%s", r.body)
	if status == http.StatusNoContent || status == http.StatusAccepted {
		require.Empty(t, r.body)
	}
	return r
}

// text returns the body without the line's end.
func (r response) text() string { return strings.TrimSuffix(string(r.body), "\n") }

// part is a part of a form; one with a file name is a file.
type part struct{ name, file, content string }

// form sends a form.
func (c *client) form(t testing.TB, method, path string, parts ...part) response {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, p := range parts {
		h := textproto.MIMEHeader{}
		disposition := `form-data; name="` + p.name + `"`
		if p.file != "" {
			disposition += `; filename="` + p.file + `"`
			h.Set("Content-Type", "application/octet-stream")
		}
		h.Set("Content-Disposition", disposition)
		to, err := w.CreatePart(h)
		require.NoError(t, err)
		_, err = io.WriteString(to, p.content)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return c.do(t, method, path, b.String(), "Content-Type", w.FormDataContentType())
}
