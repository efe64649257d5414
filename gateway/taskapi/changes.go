package taskapi

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"

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
func changes(attempts []store.Attempt) map[int][]change {
	out := map[int][]change{}
	for i := 1; i < len(attempts); i++ {
		before, now := &attempts[i-1], &attempts[i]
		if all := diff(diff(nil, "params", before.Params, now.Params), "outputs", before.Outputs, now.Outputs); len(all) > 0 {
			out[now.Epoch] = all
		}
	}
	return out
}

// diff appends the differences of two values below a path: objects member by
// member, everything else as a whole.
func diff(all []change, path string, from, to json.RawMessage) []change {
	if bytes.Equal(from, to) {
		return all
	}
	a, b := members(from), members(to)
	if a == nil || b == nil {
		return append(all, change{path, masked(path, from), masked(path, to)})
	}
	names := maps.Clone(a)
	maps.Copy(names, b)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		all = diff(all, path+"."+name, a[name], b[name])
	}
	return all
}

// members returns those of an object, nil for anything else.
func members(raw json.RawMessage) (all map[string]json.RawMessage) {
	if len(raw) == 0 || raw[0] != '{' || json.Unmarshal(raw, &all) != nil {
		return nil
	}
	return all
}

// masked masks the value at the path's end if its name is a secret's, and the
// secrets within.
func masked(path string, value json.RawMessage) json.RawMessage {
	if value == nil {
		return nil
	}
	name, err := json.Marshal(path[1+strings.LastIndexByte(path, '.'):])
	if err != nil {
		return nil
	}
	whole := task.Redact(slices.Concat([]byte("{"), name, []byte(":"), value, []byte("}")))
	for _, v := range members(whole) {
		return v
	}
	return nil
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
