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
	s.addresses(all)
	return all, err
}

// ListDeliveries returns a page of what was and is to be told.
func (s *Store) ListDeliveries(ctx context.Context, f store.DeliveryFilter) (store.DeliveryPage, error) {
	p, err := s.Store.ListDeliveries(ctx, f)
	for i := range p.Deliveries {
		s.address(&p.Deliveries[i].Delivery)
	}
	return p, err
}

// DueDeliveries returns deliveries that are due.
func (s *Store) DueDeliveries(ctx context.Context, now time.Time, perProcess, limit int) ([]store.Delivery, error) {
	all, err := s.Store.DueDeliveries(ctx, now, perProcess, limit)
	s.addresses(all)
	return all, err
}

func (s *Store) addresses(all []store.Delivery) {
	for i := range all {
		s.address(&all[i])
	}
}

// address opens a URL. One that can not be opened is masked: nobody can be told
// there until its key is back.
func (s *Store) address(d *store.Delivery) {
	if !strings.HasPrefix(d.URL, prefix) {
		return // from before there were keys
	}
	plain, err := value(s.keys, d.ID, []byte(d.URL))
	if err != nil {
		s.log.Error("a callback's URL can not be opened", zap.String("task", d.ID), zap.Error(err))
		plain = []byte(task.Mask)
	}
	d.URL = string(plain)
}
