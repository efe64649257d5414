package console

import (
	"bytes"
	"context"
	"io"
	"net/http"

	"github.com/riverstones/riverstones/gateway/client"
	"github.com/riverstones/riverstones/gateway/requestid"
)

// api asks the REST API without a network.
type api struct {
	client    *client.Client
	transport inProcess
}

// local is a host that no request is sent to.
const local = "http://console.invalid"

func newAPI(h http.Handler) *api {
	transport := inProcess{h}
	c, err := client.New(local, client.Config{HTTP: &http.Client{Transport: transport}, UserAgent: "riverstones-console"})
	if err != nil {
		panic(err) // the URL is a constant
	}
	return &api{c, transport}
}

// raw returns the answer to a GET that is no part of the client, good or bad.
func (a *api) raw(ctx context.Context, path string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, local+path, http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := a.transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	return io.ReadAll(resp.Body)
}

// inProcess hands requests to a handler, as if the one whose request their
// context carries had sent them.
type inProcess struct{ handler http.Handler }

// passedOn are the headers by which the API knows who asks, beside cookies.
var passedOn = [...]string{"Authorization", "X-Request-Id", "Traceparent", "Tracestate"}

type visitorKey struct{}

// onBehalf returns a context for requests to the API on behalf of r.
func onBehalf(r *http.Request) context.Context {
	return context.WithValue(r.Context(), visitorKey{}, r)
}

// RoundTrip serves one request.
func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	in := r.Clone(r.Context())
	if in.Body == nil {
		in.Body = http.NoBody
	}
	in.RequestURI = in.URL.RequestURI()
	if by, ok := r.Context().Value(visitorKey{}).(*http.Request); ok {
		in.RemoteAddr, in.TLS, in.Host = by.RemoteAddr, by.TLS, by.Host
		for _, name := range passedOn {
			if all := by.Header.Values(name); len(all) > 0 {
				in.Header[name] = all
			}
		}
		if id := requestid.Of(r.Context()); id != "" { // one for the page and all that it asks
			in.Header.Set("X-Request-Id", id)
		}
		if cookies := othersCookies(by); cookies != "" {
			in.Header.Set("Cookie", cookies)
		}
	}
	w := &answer{header: http.Header{}}
	p.handler.ServeHTTP(w, in)
	return w.response(r), nil
}

// answer keeps what a handler writes.
type answer struct {
	header http.Header
	status int // 0 as long as nothing is written
	body   bytes.Buffer
}

// Header, WriteHeader and Write make answer an http.ResponseWriter.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader keeps the first status.
func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

// Write keeps a copy of p.
func (a *answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(p)
}

func (a *answer) response(r *http.Request) *http.Response {
	a.WriteHeader(http.StatusOK)
	return &http.Response{
		Status: http.StatusText(a.status), StatusCode: a.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.header, Body: io.NopCloser(&a.body), ContentLength: int64(a.body.Len()), Request: r,
	}
}
