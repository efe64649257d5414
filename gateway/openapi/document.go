package openapi

import (
	"bytes"
	"cmp"
	"embed"
	"fmt"
	"path"
	"strings"

	"go.yaml.in/yaml/v3"
)

//go:embed parts/*.yaml
var parts embed.FS

const (
	partsFolder = "parts"
	headPart    = "head.yaml"
)

// document is the joined document, whose members keep their order.
type document struct{ root *yaml.Node }

// join makes the document of its parts: the head, and what the others add to
// its paths and components. It returns an error for what stands twice.
func join() (document, error) {
	root, err := readPart(headPart)
	if err != nil {
		return document{}, err
	}
	files, err := parts.ReadDir(partsFolder)
	if err != nil {
		return document{}, fmt.Errorf("read the parts of the document: %w", err)
	}
	for _, f := range files {
		if f.Name() == headPart {
			continue
		}
		part, err := readPart(f.Name())
		if err == nil {
			err = add(root, part)
		}
		if err != nil {
			return document{}, fmt.Errorf("join %s: %w", f.Name(), err)
		}
	}
	return document{root}, nil
}

// readPart returns the mapping that a file holds, without comments.
func readPart(name string) (*yaml.Node, error) {
	raw, err := parts.ReadFile(path.Join(partsFolder, name))
	if err != nil {
		return nil, err
	}
	var n yaml.Node
	if err := yaml.Unmarshal(raw, &n); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if len(n.Content) != 1 || n.Content[0].Kind != yaml.MappingNode {
		return nil, fmt.Errorf("read %s: it holds no mapping", name)
	}
	uncomment(&n)
	return n.Content[0], nil
}

func uncomment(n *yaml.Node) {
	n.HeadComment, n.LineComment, n.FootComment = "", "", ""
	for _, c := range n.Content {
		uncomment(c)
	}
}

// add adds a part: its paths, and its components of each kind.
func add(root, part *yaml.Node) error {
	for key, value := range members(part) {
		switch key {
		case "paths":
			if err := merge(child(root, key), value); err != nil {
				return err
			}
		case "components":
			for kind, all := range members(value) {
				if err := merge(child(child(root, key), kind), all); err != nil {
					return err
				}
			}
		default:
			return fmt.Errorf("%s belongs into %s", key, headPart)
		}
	}
	return nil
}

// child returns the mapping under a key, which is made if it is not there.
func child(n *yaml.Node, key string) *yaml.Node {
	if found := get(n, key); found != nil {
		return found
	}
	made := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	set(n, key, made)
	return made
}

// set adds a member.
func set(n *yaml.Node, key string, value *yaml.Node) {
	n.Content = append(n.Content, text(key), value)
}

func text(s string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s} }

// merge adds the members of one mapping to another.
func merge(to, from *yaml.Node) error {
	for key := range members(from) {
		if get(to, key) != nil {
			return fmt.Errorf("%s stands twice", key)
		}
	}
	to.Content = append(to.Content, from.Content...)
	return nil
}

// members yields the members of a mapping in their order.
func members(n *yaml.Node) func(yield func(string, *yaml.Node) bool) {
	return func(yield func(string, *yaml.Node) bool) {
		if n == nil || n.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if !yield(n.Content[i].Value, n.Content[i+1]) {
				return
			}
		}
	}
}

// get returns what stands under keys, one in the other; nil for nothing.
func get(n *yaml.Node, keys ...string) *yaml.Node {
	for _, key := range keys {
		var found *yaml.Node
		for name, value := range members(n) {
			if name == key {
				found = value
				break
			}
		}
		if n = found; n == nil {
			return nil
		}
	}
	return n
}

// Where the paths of Flowable's API begin, below its prefix or beside it.
var (
	service = []string{"/repository/", "/runtime/", "/query/", "/history/"}
	workers = []string{"/external-job-api/"}
)

// locate says where Flowable's API is, if it is not at the root.
func (d document) locate(prefixes []string) {
	var here, beside []string
	for _, p := range prefixes {
		p = strings.TrimRight(p, "/")
		here, beside = append(here, cmp.Or(p, "/")), append(beside, path.Dir(cmp.Or(p, "/")))
	}
	for name, item := range members(get(d.root, "paths")) {
		if begins(name, service) {
			serveAt(item, here)
		} else if begins(name, workers) {
			serveAt(item, beside)
		}
	}
}

func begins(name string, prefixes []string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return false
}

// serveAt gives a path its servers, unless it is served at the root alone.
func serveAt(item *yaml.Node, bases []string) {
	list := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
	seen := map[string]bool{}
	for _, base := range bases {
		if seen[base] {
			continue
		}
		seen[base] = true
		server := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
		set(server, "url", text(base))
		list.Content = append(list.Content, server)
	}
	if len(seen) == 0 || len(seen) == 1 && seen["/"] {
		return
	}
	item.Content = append([]*yaml.Node{text("servers"), list}, item.Content...)
}

func toYAML(d document) (body []byte, policy string, err error) {
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(d.root); err != nil {
		return nil, "", fmt.Errorf("write the document: %w", err)
	}
	return b.Bytes(), "", e.Close()
}
