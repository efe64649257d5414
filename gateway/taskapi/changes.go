package taskapi

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"

	"github.com/riverstones/riverstones/gateway/rest"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// change is one member of params or outputs that a command changed. From or To
// is nil for a member that was not there. Secrets are masked.
type change struct {
	Path     string
	From, To json.RawMessage
}

// changes returns what each attempt changed over the one before it, by epoch.
// Params in noEcho are secret whatever they are called.
func changes(attempts []store.Attempt, noEcho []string) map[int][]change {
	out := map[int][]change{}
	for i := 1; i < len(attempts); i++ {
		before, now := &attempts[i-1], &attempts[i]
		all := diff(nil, "params", before.Params, now.Params, noEcho)
		if all = diff(all, "outputs", before.Outputs, now.Outputs, nil); len(all) > 0 {
			out[now.Epoch] = all
		}
	}
	return out
}

// diff appends the differences of two values below a path: objects member by
// member, everything else and what is secret as a whole. Members in noEcho are
// secret, those further down only by their names.
func diff(all []change, path string, from, to json.RawMessage, noEcho []string) []change {
	if bytes.Equal(from, to) {
		return all
	}
	a, b := members(from), members(to)
	if a == nil || b == nil {
		return append(all, change{path, masked(from, noEcho), masked(to, noEcho)})
	}
	names := maps.Clone(a)
	maps.Copy(names, b)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if !task.Secret(name) && !slices.Contains(noEcho, name) {
			all = diff(all, path+"."+name, a[name], b[name], nil)
		} else if !bytes.Equal(a[name], b[name]) {
			all = append(all, change{path + "." + name, mask(a[name]), mask(b[name])})
		}
	}
	return all
}

// members returns those of an object, nil for anything else.
func members(raw json.RawMessage) (all map[string]json.RawMessage) {
	if len(raw) == 0 || raw[0] != '{' || task.Sealed(raw) || json.Unmarshal(raw, &all) != nil {
		return nil
	}
	return all
}

// masked masks the secrets within a value, nil if it is not there.
func masked(value json.RawMessage, noEcho []string) json.RawMessage {
	if value == nil {
		return nil
	}
	return task.RedactWith(value, noEcho)
}

// mask masks a secret as a whole, as [task.Redact] does.
func mask(value json.RawMessage) json.RawMessage {
	if value == nil || string(value) == "null" {
		return value
	}
	return json.RawMessage(`"` + task.Mask + `"`)
}

// appendChanges appends them as an array.
func appendChanges(dst []byte, all []change) []byte {
	return rest.AppendArray(dst, len(all), func(dst []byte, i int) []byte {
		c := &all[i]
		dst = rest.AppendString(append(dst, `{"path":`...), c.Path)
		if c.From != nil {
			dst = append(append(dst, `,"from":`...), c.From...)
		}
		if c.To != nil {
			dst = append(append(dst, `,"to":`...), c.To...)
		}
		return append(dst, '}')
	})
}
