package openapi

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// typeName is the type of a value in words, some of which lead to a schema.
type typeName []word

// word is a text; Schema is the named schema it leads to, "" for none.
type word struct{ Text, Schema string }

const schemas = "#/components/schemas/"

// typeOf describes a schema in one line.
func typeOf(n *yaml.Node) typeName {
	if n == nil {
		return nil
	}
	if name, ok := strings.CutPrefix(str(n, "$ref"), schemas); ok {
		return typeName{{name, name}}
	}
	for _, key := range []string{"oneOf", "anyOf"} {
		if all := list(get(n, key)); len(all) > 0 {
			return alternatives(all)
		}
	}
	if all := list(get(n, "allOf")); len(all) > 0 {
		return append(typeOf(all[0]), word{Text: " with more"})
	}
	if c := get(n, "const"); c != nil {
		return typeName{{Text: `"` + c.Value + `"`}}
	}
	return append(plainType(n), limits(n)...)
}

func alternatives(all []*yaml.Node) typeName {
	var out typeName
	for i, one := range all {
		if i > 0 {
			out = append(out, word{Text: " or "})
		}
		out = append(out, typeOf(one)...)
	}
	return out
}

// plainType is what the keyword type says.
func plainType(n *yaml.Node) typeName {
	t := get(n, "type")
	if t == nil {
		return typeName{{Text: "any"}}
	}
	if t.Kind == yaml.ScalarNode {
		if t.Value == "array" && get(n, "items") != nil {
			return append(typeName{{Text: "array of "}}, typeOf(get(n, "items"))...)
		}
		return typeName{{Text: t.Value}}
	}
	names := make([]string, len(t.Content))
	for i, one := range t.Content {
		names[i] = one.Value
	}
	return typeName{{Text: strings.Join(names, " or ")}}
}

// limits are those worth a line.
func limits(n *yaml.Node) typeName {
	var out typeName
	if f := str(n, "format"); f != "" {
		out = append(out, word{Text: " (" + f + ")"})
	}
	if all := list(get(n, "enum")); len(all) > 0 {
		names := make([]string, len(all))
		for i, one := range all {
			names[i] = one.Value
		}
		out = append(out, word{Text: ": " + strings.Join(names, ", ")})
	}
	low, high := str(n, "minimum"), str(n, "maximum")
	switch {
	case low != "" && high != "":
		out = append(out, word{Text: ", " + low + " to " + high})
	case low != "":
		out = append(out, word{Text: ", from " + low})
	}
	if d := get(n, "default"); d != nil {
		out = append(out, word{Text: ", default " + d.Value})
	}
	return out
}
