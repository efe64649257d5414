package seal

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/riverstones/riverstones/queue/task"
)

// shortest is the length of the shortest secret that is masked where a text
// repeats it, in bytes: shorter ones stand in every text by chance.
const shortest = 4

// secrets are the known secret values of a task, to be masked in its texts.
type secrets struct {
	values   map[string]struct{}
	replacer *strings.Replacer // of all forms of the values, nil until it is needed
	size     int               // of the values, in bytes
}

func newSecrets() *secrets { return &secrets{} }

// add takes over the secrets of a document.
func (k *secrets) add(doc []byte, noEcho []string) {
	if len(doc) <= len("{}") {
		return
	}
	for _, v := range task.Secrets(doc, noEcho) {
		k.addValue(v)
	}
}

func (k *secrets) addValue(v string) {
	if len(v) < shortest {
		return
	}
	if k.values == nil {
		k.values = map[string]struct{}{}
	}
	if _, ok := k.values[v]; !ok {
		k.values[v], k.replacer = struct{}{}, nil
		k.size += len(v)
	}
}

// joined returns both together. other is not changed.
func (k *secrets) joined(other *secrets) *secrets {
	if other == nil {
		return k
	}
	fresh := false
	for v := range k.values {
		if _, old := other.values[v]; !old {
			fresh = true
		}
	}
	if !fresh {
		return other
	}
	for v := range other.values {
		k.addValue(v)
	}
	return k
}

// ready makes mask safe for concurrent use, until something is added.
func (k *secrets) ready() {
	if k.replacer == nil && len(k.values) > 0 {
		k.replacer = replacer(k.values)
	}
}

// mask returns a text without secrets: those it repeats, and those that their
// name tells.
func (k *secrets) mask(text string) string {
	if len(text) < shortest {
		return text
	}
	if k.ready(); k.replacer != nil {
		text = k.replacer.Replace(text)
	}
	return task.RedactText(text)
}

// replacer replaces every form in which a text may repeat a value, the longest
// first.
func replacer(values map[string]struct{}) *strings.Replacer {
	var all []string
	for v := range values {
		all = append(all, forms(v)...)
	}
	slices.SortFunc(all, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	pairs := make([]string, 0, 2*len(all))
	for _, f := range slices.Compact(all) {
		pairs = append(pairs, f, task.Mask)
	}
	return strings.NewReplacer(pairs...)
}

// forms returns a value as it is, escaped as in JSON, and in base64, by itself
// or within something longer.
func forms(v string) []string {
	all := []string{v}
	for text := v; len(all) < 3; { // escaped once, and once more within a string
		quoted, _ := json.Marshal(text) // a string
		if text = string(quoted[1 : len(quoted)-1]); text == all[len(all)-1] {
			break
		}
		all = append(all, text)
	}
	if plain := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(all[len(all)-1]); plain != v {
		all = append(all, plain)
	}
	for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for shift, lead := range []int{0, 2, 3} {
			text := enc.EncodeToString(append(make([]byte, shift), v...))
			if text = text[lead:]; (shift+len(v))%3 != 0 {
				text = text[:len(text)-1] // depends on what comes behind
			}
			if len(text) >= shortest {
				all = append(all, text)
			}
		}
	}
	return all
}

// memory keeps the secrets of tasks that have reasons or log lines, for the
// next ones. It forgets what was not asked for lately.
type memory struct {
	mu         sync.Mutex
	young, old map[string]remembered
	size       int // of young, in bytes
}

type remembered struct {
	epoch int
	known *secrets // ready, and not changed any more
}

const (
	memoryTasks = 4096
	memoryBytes = 4 << 20
)

func newMemory() *memory { return &memory{young: map[string]remembered{}} }

// get returns the secrets of a task if they are known up to this epoch.
func (m *memory) get(id string, epoch int) (*secrets, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.young[id]
	if !ok {
		if r, ok = m.old[id]; ok {
			m.keep(id, r)
		}
	}
	if !ok || r.epoch < epoch {
		return nil, false
	}
	return r.known, true
}

func (m *memory) put(id string, epoch int, known *secrets) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.keep(id, remembered{epoch, known})
}

func (m *memory) keep(id string, r remembered) {
	if len(m.young) >= memoryTasks || m.size > memoryBytes {
		m.old, m.young, m.size = m.young, map[string]remembered{}, 0
	}
	m.young[id] = r
	m.size += r.known.size
}

// recall returns the secrets of tasks, by id, up to the epochs given. A task
// that is not recorded yet is left out.
func (s *Store) recall(ctx context.Context, tasks map[string]int) (map[string]*secrets, error) {
	if len(tasks) == 0 {
		return nil, nil
	}
	out := make(map[string]*secrets, len(tasks))
	var missing []string
	for id, epoch := range tasks {
		if known, ok := s.known.get(id, epoch); ok {
			out[id] = known
		} else {
			missing = append(missing, id)
		}
	}
	if len(missing) == 0 {
		return out, nil
	}
	all, err := s.Lookup(ctx, nil, missing)
	if err != nil {
		return nil, fmt.Errorf("look up secrets to mask: %w", err)
	}
	for i := range all {
		one, noEcho := &all[i], s.noEcho(all[i].Task.Stone)
		known := newSecrets()
		known.add(one.First.Params, noEcho)
		known.add(one.First.Outputs, nil)
		known.add(one.Task.Params, noEcho)
		known.add(one.Task.Outputs, nil)
		known.ready()
		out[one.Task.ID] = known
		if one.First.Epoch > 0 && len(one.Task.Params) > 0 {
			s.known.put(one.Task.ID, one.Task.Epoch, known)
		}
	}
	return out, nil
}
