package openapi

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

var (
	//go:embed page.html
	pageText string
	//go:embed page.css
	pageStyle string
)

// page is what the template shows.
type page struct {
	Title, Summary, Version string
	Description             template.HTML
	Style                   template.CSS
	Groups                  []group
	Schemas                 []schema
}

// group is a tag with its operations.
type group struct {
	Name        string
	ID          string
	Description template.HTML
	Operations  []operation
}

type operation struct {
	ID, Method, Path, Summary string
	Description               template.HTML
	Servers                   []string
	Parameters                []parameter
	Bodies                    []content
	Responses                 []response
}

type parameter struct {
	Name, In    string
	Required    bool
	Type        typeName
	Description template.HTML
}

type content struct {
	MediaType string
	Type      typeName
	Examples  []example
}

type example struct{ Summary, Text string }

type response struct {
	Status      string
	Description template.HTML
	Headers     []string
	Contents    []content
}

// schema is a named one.
type schema struct {
	Name        string
	Description template.HTML
	Type        typeName
	Properties  []property
}

type property struct {
	Name        string
	Required    bool
	Type        typeName
	Description template.HTML
}

// toPage writes the document as a page without scripts.
func toPage(d document) (body []byte, policy string, err error) {
	t, err := template.New("page").Parse(pageText)
	if err != nil {
		return nil, "", fmt.Errorf("read the page: %w", err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, d.page()); err != nil {
		return nil, "", fmt.Errorf("write the page: %w", err)
	}
	sum := sha256.Sum256([]byte(pageStyle))
	policy = "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	return b.Bytes(), policy, nil
}

func (d document) page() page {
	info := get(d.root, "info")
	p := page{Title: str(info, "title"), Summary: str(info, "summary"), Version: str(info, "version"),
		Description: prose(str(info, "description")), Style: template.CSS(pageStyle)} //nolint:gosec // a file of ours
	at := map[string]int{}
	if tags := get(d.root, "tags"); tags != nil {
		for _, tag := range tags.Content {
			name := str(tag, "name")
			at[name] = len(p.Groups)
			p.Groups = append(p.Groups, group{Name: name, ID: slug(name), Description: prose(str(tag, "description"))})
		}
	}
	for path, item := range members(get(d.root, "paths")) {
		for method, op := range members(item) {
			if tags := get(op, "tags"); tags != nil && len(tags.Content) > 0 {
				g := &p.Groups[at[tags.Content[0].Value]]
				g.Operations = append(g.Operations, d.operation(method, path, item, op))
			}
		}
	}
	for name, s := range members(get(d.root, "components", "schemas")) {
		p.Schemas = append(p.Schemas, d.schema(name, s))
	}
	return p
}

func (d document) operation(method, path string, item, op *yaml.Node) operation {
	o := operation{ID: str(op, "operationId"), Method: strings.ToUpper(method), Path: path, Summary: str(op, "summary"),
		Description: prose(str(op, "description"))}
	for _, s := range list(get(item, "servers")) {
		o.Servers = append(o.Servers, str(s, "url"))
	}
	for _, all := range []*yaml.Node{get(item, "parameters"), get(op, "parameters")} {
		for _, one := range list(all) {
			n := d.resolve(one)
			o.Parameters = append(o.Parameters, parameter{Name: str(n, "name"), In: str(n, "in"), Required: str(n, "required") == "true",
				Type: typeOf(get(n, "schema")), Description: prose(str(n, "description"))})
		}
	}
	o.Bodies = contents(d.resolve(get(op, "requestBody")))
	for status, r := range members(get(op, "responses")) {
		n := d.resolve(r)
		one := response{Status: status, Description: prose(str(n, "description")), Contents: contents(n)}
		for name := range members(get(n, "headers")) {
			one.Headers = append(one.Headers, name)
		}
		o.Responses = append(o.Responses, one)
	}
	return o
}

func contents(n *yaml.Node) []content {
	var out []content
	for mediaType, m := range members(get(n, "content")) {
		c := content{MediaType: mediaType, Type: typeOf(get(m, "schema"))}
		if one := get(m, "example"); one != nil {
			c.Examples = append(c.Examples, example{Text: indented(one)})
		}
		for name, e := range members(get(m, "examples")) {
			summary := str(e, "summary")
			if summary == "" {
				summary = name
			}
			c.Examples = append(c.Examples, example{summary, indented(get(e, "value"))})
		}
		out = append(out, c)
	}
	return out
}

func (d document) schema(name string, n *yaml.Node) schema {
	s := schema{Name: name, Description: prose(str(n, "description")), Type: typeOf(n)}
	required := map[string]bool{}
	for _, r := range list(get(n, "required")) {
		required[r.Value] = true
	}
	for key, p := range members(get(n, "properties")) {
		s.Properties = append(s.Properties, property{Name: key, Required: required[key], Type: typeOf(p), Description: prose(str(p, "description"))})
	}
	return s
}

// resolve follows a reference into the document.
func (d document) resolve(n *yaml.Node) *yaml.Node {
	ref := str(n, "$ref")
	if ref == "" {
		return n
	}
	return get(d.root, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
}

// str returns the text under a key, "" for none.
func str(n *yaml.Node, key string) string {
	if found := get(n, key); found != nil {
		return found.Value
	}
	return ""
}

// list returns the elements of a sequence.
func list(n *yaml.Node) []*yaml.Node {
	if n == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	return n.Content
}

// indented writes an example to be read.
func indented(n *yaml.Node) string {
	raw, err := appendJSON(nil, n)
	if err != nil {
		return ""
	}
	var b bytes.Buffer
	if json.Indent(&b, raw, "", "  ") != nil {
		return string(raw)
	}
	return b.String()
}

func slug(s string) string { return strings.ReplaceAll(strings.ToLower(s), " ", "-") }

var code = regexp.MustCompile("`([^`]+)`")

// prose makes paragraphs of a description; what stands in backquotes is code.
func prose(s string) template.HTML {
	var out strings.Builder
	for p := range strings.SplitSeq(strings.TrimSpace(s), "\n\n") {
		if p = strings.TrimSpace(p); p != "" {
			out.WriteString("<p>" + code.ReplaceAllString(template.HTMLEscapeString(p), "<code>$1</code>") + "</p>")
		}
	}
	return template.HTML(out.String()) //nolint:gosec // escaped above
}
