package sqlkit

import (
	"slices"
	"sync"

	"github.com/riverstones/riverstones/store"
)

// Stones remembers which stones are known to be named by tasks, so that only
// the first task of a stone costs a row. Its zero value knows none.
type Stones struct {
	mu    sync.Mutex
	known map[string]struct{}
}

// Unknown returns the stones of new tasks that are not known yet, each once
// and sorted.
func (s *Stones) Unknown(rows []store.State) []string {
	if len(rows) == 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for i := range rows {
		if _, ok := s.known[rows[i].Stone]; !ok && !slices.Contains(out, rows[i].Stone) {
			out = append(out, rows[i].Stone)
		}
	}
	slices.Sort(out)
	return out
}

// Add notes that codes are committed.
func (s *Stones) Add(codes []string) {
	if len(codes) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil {
		s.known = map[string]struct{}{}
	}
	for _, c := range codes {
		s.known[c] = struct{}{}
	}
}

// PutCode writes the code of a stone.
func PutCode(w Writer, code *string) error {
	w.Text(*code)
	return nil
}
