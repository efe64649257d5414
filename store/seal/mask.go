package seal

import (
	"context"
	"fmt"
	"sync"

	"github.com/riverstones/riverstones/queue/task"
)

// memory keeps the secrets of tasks that have reasons or log lines, for the
// next ones. It forgets what was not asked for lately.
type memory struct {
	mu         sync.Mutex
	young, old map[string]remembered
	size       int // of young, in bytes
}

type remembered struct {
	epoch int
	known *task.Concealer // ready, and not changed any more
}

const (
	memoryTasks = 4096
	memoryBytes = 4 << 20
)

func newMemory() *memory { return &memory{young: map[string]remembered{}} }

// get returns the secrets of a task if they are known up to this epoch.
func (m *memory) get(id string, epoch int) (*task.Concealer, bool) {
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

func (m *memory) put(id string, epoch int, known *task.Concealer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.keep(id, remembered{epoch, known})
}

func (m *memory) keep(id string, r remembered) {
	if len(m.young) >= memoryTasks || m.size > memoryBytes {
		m.old, m.young, m.size = m.young, map[string]remembered{}, 0
	}
	m.young[id] = r
	m.size += r.known.Size()
}

// recall returns the secrets of tasks, by id, up to the epochs given. A task
// that is not recorded yet is left out.
func (s *Store) recall(ctx context.Context, tasks map[string]int) (map[string]*task.Concealer, error) {
	if len(tasks) == 0 {
		return nil, nil
	}
	out := make(map[string]*task.Concealer, len(tasks))
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
		one := &all[i]
		known := s.secrets(one)
		out[one.Task.ID] = known
		if one.First.Epoch > 0 && len(one.Task.Params) > 0 {
			s.known.put(one.Task.ID, one.Task.Epoch, known)
		}
	}
	return out, nil
}

// Mask masks texts of a task in place, such as log lines on their way to a
// reader who did not get them from the store: what they repeat of the task's
// secrets up to this epoch.
func (s *Store) Mask(ctx context.Context, id string, epoch int, texts ...*string) error {
	known, err := s.recall(ctx, map[string]int{id: epoch})
	if err != nil {
		return err
	}
	k := known[id]
	if k == nil { // not recorded yet
		k = &task.Concealer{}
	}
	for _, t := range texts {
		*t = k.Mask(*t)
	}
	return nil
}
