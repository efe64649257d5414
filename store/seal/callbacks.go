package seal

import (
	"context"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// Want notes whom to tell of each task's ends. URLs are sealed whole: what lets
// in may stand in their path as well as in their query.
func (s *Store) Want(ctx context.Context, all []store.Callback) error {
	if s.keys == nil {
		return s.Store.Want(ctx, all)
	}
	sealed := slices.Clone(all)
	for i := range sealed {
		c := &sealed[i]
		id, key := s.keys.Current()
		box := token(id, key, c.ID, []byte(c.URL))
		c.URL = string(box[1 : len(box)-1]) // without the quotes
	}
	return s.Store.Want(ctx, sealed)
}

// Deliveries returns what is and was to be told of a task.
func (s *Store) Deliveries(ctx context.Context, id string) ([]store.Delivery, error) {
	all, err := s.Store.Deliveries(ctx, id)
	s.address(all)
	return all, err
}

// DueDeliveries returns deliveries that are due.
func (s *Store) DueDeliveries(ctx context.Context, now time.Time, perProcess, limit int) ([]store.Delivery, error) {
	all, err := s.Store.DueDeliveries(ctx, now, perProcess, limit)
	s.address(all)
	return all, err
}

// address opens URLs. One that can not be opened is masked: nobody can be told
// there until its key is back.
func (s *Store) address(all []store.Delivery) {
	for i := range all {
		d := &all[i]
		if !strings.HasPrefix(d.URL, prefix) {
			continue // from before there were keys
		}
		plain, err := value(s.keys, d.ID, []byte(d.URL))
		if err != nil {
			s.log.Error("a callback's URL can not be opened", zap.String("task", d.ID), zap.Error(err))
			plain = []byte(task.Mask)
		}
		d.URL = string(plain)
	}
}
