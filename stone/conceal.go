package stone

import (
	"sync"

	"github.com/riverstones/riverstones/queue/task"
)

// secrets are what texts of a run must not repeat. They are looked for when the
// first text is written, and once more when outputs were set since.
type secrets struct {
	mu    sync.Mutex
	known *task.Concealer
	seen  int // outputs set that were looked through
}

// mask returns a text without what it repeats of the task's secrets: of params
// and outputs, by name and by declaration.
func (t *Task) mask(text string) string {
	s := &t.secrets
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil {
		s.known = &task.Concealer{}
		s.known.Add(t.params, t.noEcho)
		s.known.Add(t.before, nil)
	}
	if n := t.reported(); n != s.seen {
		s.seen = n
		s.known.Add(t.NewOutputs(), nil)
	}
	return s.known.Mask(text)
}

// reported counts the calls of SetOutput.
func (t *Task) reported() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.sets
}
