package httpstone

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/riverstones/riverstones/queue/jsonvalue"
	"github.com/riverstones/riverstones/stone/internal/render"
)

// call is a compiled [Call].
type call struct {
	method            string
	scheme            string
	host, path, query *render.Template
	headers           []header
	body              *render.Template // nil for none
	json              bool             // the body is JSON
	outputs           []output
	refers            []string // outputs of the task that the templates refer to
}

type header struct {
	name  string
	value *render.Template
}

type output struct {
	name string
	path jsonvalue.Path
}

// compile checks and parses one call.
func compile(c *Call, shared map[string]string, method string, g *guard) (*call, error) {
	out := &call{method: strings.ToUpper(c.Method)}
	if out.method == "" {
		out.method = method
	}
	if !slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}, out.method) {
		return nil, fmt.Errorf("method: %q is none of GET, HEAD, POST, PUT, PATCH, DELETE", c.Method)
	}
	if err := out.compileURL(c.URL, g); err != nil {
		return nil, fmt.Errorf("url: %w", err)
	}
	headers := maps.Clone(shared)
	if headers == nil {
		headers = map[string]string{}
	}
	maps.Copy(headers, c.Headers)
	if err := out.compileHeaders(headers); err != nil {
		return nil, fmt.Errorf("headers: %w", err)
	}
	if err := out.compileBody(c.Body, headers); err != nil {
		return nil, fmt.Errorf("body: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Outputs)) {
		p, err := jsonvalue.ParsePath(c.Outputs[name])
		if err != nil {
			return nil, fmt.Errorf("outputs: %s: %w", name, err)
		}
		out.outputs = append(out.outputs, output{name, p})
	}
	return out, nil
}

// compileURL parses the parts of a URL, each with its own escape.
func (c *call) compileURL(src string, g *guard) error {
	scheme, rest, ok := strings.Cut(src, "://")
	if !ok || scheme != "https" && scheme != "http" {
		return errors.New("must begin with https:// or http://")
	}
	if outside(src, "#") < len(src) {
		return errors.New("has a fragment, which is never sent")
	}
	host, path, query := rest, "/", ""
	if i := outside(host, "?"); i < len(host) {
		host, query = host[:i], host[i+1:]
	}
	if i := outside(host, "/"); i < len(host) {
		host, path = host[:i], host[i:]
	}
	if err := checkHost(scheme, host, g); err != nil {
		return err
	}
	c.scheme = scheme
	var err error
	if c.host, err = c.text("url host", host, render.Host); err != nil {
		return err
	}
	if c.path, err = c.text("url path", path, render.Path); err != nil {
		return err
	}
	c.query, err = c.text("url query", query, render.Query)
	return err
}

// checkHost finds out at once what needs no task to be known.
func checkHost(scheme, host string, g *guard) error {
	if strings.Contains(host, "{{") {
		if len(g.hosts) == 0 {
			return errors.New("a template in the host needs the allow-list hosts")
		}
		return nil
	}
	u, err := url.Parse(scheme + "://" + host)
	if err != nil {
		return err
	}
	return g.checkURL(u)
}

// outside returns where the first of chars stands outside of {{…}}, or len(s).
func outside(s, chars string) int {
	for i := 0; i < len(s); i++ {
		if strings.HasPrefix(s[i:], "{{") {
			end := strings.Index(s[i:], "}}")
			if end < 0 {
				return len(s)
			}
			i += end + 1
			continue
		}
		if strings.IndexByte(chars, s[i]) >= 0 {
			return i
		}
	}
	return len(s)
}

// text parses a template and notes what it refers to.
func (c *call) text(name, src string, esc render.Escape) (*render.Template, error) {
	t, err := render.Text(name, src, esc)
	if err == nil {
		c.refers = append(c.refers, t.Outputs()...)
	}
	return t, err
}

// ours are headers that the stone or the HTTP client sets.
var ours = []string{"Host", "Content-Length", "Transfer-Encoding", "Connection", "Idempotency-Key", "Traceparent", "Accept-Encoding"}

func (c *call) compileHeaders(all map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if !httpguts.ValidHeaderFieldName(name) {
			return fmt.Errorf("%q is no header name", name)
		}
		if slices.Contains(ours, http.CanonicalHeaderKey(name)) {
			return fmt.Errorf("%s is set by the stone itself", name)
		}
		t, err := c.text("header "+name, all[name], render.Header)
		if err != nil {
			return err
		}
		c.headers = append(c.headers, header{name, t})
	}
	return nil
}

const form = "application/x-www-form-urlencoded"

func (c *call) compileBody(src string, headers map[string]string) (err error) {
	if src == "" {
		return nil
	}
	if c.method == http.MethodGet || c.method == http.MethodHead {
		return fmt.Errorf("a %s has none", c.method)
	}
	kind := "application/json"
	for name, v := range headers {
		if http.CanonicalHeaderKey(name) == "Content-Type" {
			kind, _, _ = strings.Cut(strings.ToLower(v), ";")
			kind = strings.TrimSpace(kind)
		}
	}
	switch {
	case kind == form:
		c.body, err = c.text("body", src, render.Query)
		return err
	case kind != "application/json" && !strings.HasSuffix(kind, "+json"):
		return fmt.Errorf("content type %q: only JSON and %s can be escaped", kind, form)
	}
	c.json = true
	if c.body, err = render.JSON("body", src); err == nil {
		c.refers = append(c.refers, c.body.Outputs()...)
	}
	return err
}
