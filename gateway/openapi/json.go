package openapi

import (
	"fmt"

	"go.yaml.in/yaml/v3"

	"github.com/riverstones/riverstones/gateway/rest"
)

func toJSON(d document) (body []byte, policy string, err error) {
	body, err = appendJSON(nil, d.root)
	return append(body, '\n'), "", err
}

// appendJSON appends a node as JSON. Numbers stay the digits they are.
func appendJSON(dst []byte, n *yaml.Node) ([]byte, error) {
	switch n.Kind {
	case yaml.MappingNode:
		return appendMapping(dst, n)
	case yaml.SequenceNode:
		return appendSequence(dst, n)
	case yaml.ScalarNode:
		return appendScalar(dst, n), nil
	case yaml.DocumentNode, yaml.AliasNode:
	}
	return nil, fmt.Errorf("write the document: line %d is neither mapping, sequence nor scalar", n.Line)
}

func appendMapping(dst []byte, n *yaml.Node) ([]byte, error) {
	dst = append(dst, '{')
	for i := 0; i+1 < len(n.Content); i += 2 {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(rest.AppendString(dst, n.Content[i].Value), ':')
		var err error
		if dst, err = appendJSON(dst, n.Content[i+1]); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

func appendSequence(dst []byte, n *yaml.Node) ([]byte, error) {
	dst = append(dst, '[')
	for i, c := range n.Content {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = appendJSON(dst, c); err != nil {
			return nil, err
		}
	}
	return append(dst, ']'), nil
}

func appendScalar(dst []byte, n *yaml.Node) []byte {
	switch n.ShortTag() {
	case "!!null":
		return append(dst, "null"...)
	case "!!int", "!!float", "!!bool":
		return append(dst, n.Value...)
	default:
		return rest.AppendString(dst, n.Value)
	}
}
