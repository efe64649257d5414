// Package openapi describes the REST API in OpenAPI 3.1: it serves the document
// at /openapi.yaml and /openapi.json, and a page to read it at /docs; beside it
// at /asyncapi.yaml that of the queue, which package queue has. The document is
// written by hand, in the files of the folder parts; it knows no handler, and
// tests compare the two. Only package gateway mounts it.
package openapi

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"sync"

	"github.com/riverstones/riverstones/gateway/rest"
	"github.com/riverstones/riverstones/queue"
)

// Config says what the document tells of a gateway. Its zero value is the
// default.
type Config struct {
	// FlowablePrefixes are the paths that Flowable's API is mounted under, the
	// root by default.
	FlowablePrefixes []string
}

// Mount adds the routes. The document is made when it is first asked for.
func Mount(r *rest.Router, cfg Config) {
	yaml := sync.OnceValues(func() (file, error) { return documentFile(cfg, "application/yaml", toYAML) })
	json := sync.OnceValues(func() (file, error) { return documentFile(cfg, "application/json", toJSON) })
	page := sync.OnceValues(func() (file, error) { return documentFile(cfg, "text/html; charset=utf-8", toPage) })
	rest.Handle(r, http.MethodGet, "/openapi.yaml", serve(yaml))
	rest.Handle(r, http.MethodGet, "/openapi.json", serve(json))
	rest.Handle(r, http.MethodGet, "/docs", serve(page))
	queues := file{mediaType: "application/yaml", body: []byte(queue.AsyncAPI())}
	rest.Handle(r, http.MethodGet, "/asyncapi.yaml", serve(func() (file, error) { return queues, nil }))
}

// serve makes a handler that answers a file.
func serve(f func() (file, error)) func(context.Context, request) (file, error) {
	return func(context.Context, request) (file, error) { return f() }
}

// request has nothing to read.
type request struct{}

// Bind reads nothing.
func (*request) Bind(*rest.Input) error { return nil }

// file is one form of the document.
type file struct {
	mediaType string
	policy    string // Content-Security-Policy, "" for none
	body      []byte
}

// documentFile joins the document and writes it in one form.
func documentFile(cfg Config, mediaType string, write func(document) (body []byte, policy string, err error)) (file, error) {
	d, err := join()
	if err != nil {
		return file{}, err
	}
	d.locate(cfg.FlowablePrefixes)
	body, policy, err := write(d)
	return file{mediaType, policy, body}, err
}

// Status is 200.
func (file) Status() int { return http.StatusOK }

// Header says what a page may load.
func (f file) Header(h http.Header) {
	h.Set("Cache-Control", "no-cache")
	if f.policy != "" {
		h.Set("Content-Security-Policy", f.policy)
		h.Set("Referrer-Policy", "no-referrer")
	}
}

// AppendJSON appends nothing: the file is sent as it is.
func (file) AppendJSON(dst []byte) []byte { return dst }

// Content is the file.
func (f file) Content() (mediaType string, size int64, body io.Reader) {
	return f.mediaType, int64(len(f.body)), bytes.NewReader(f.body)
}
