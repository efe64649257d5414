package registry

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/riverstones/riverstones/queue"
)

const watchAgain = 500 * time.Millisecond

// watch reads announcements until ctx ends. It does not trust a watch to live
// through an outage: after each reconnect, and every [Config.Resync], it makes
// a new one, which begins with all that is in the bucket. That also shows what
// has run out there, of which a watch does not hear.
func (r *Registry) watch(ctx context.Context) {
	first := true
	for ctx.Err() == nil {
		err := r.watchOnce(ctx, &first)
		if err == nil || ctx.Err() != nil {
			continue
		}
		r.log.Warn("stones can not be watched", zap.Error(err))
		select {
		case <-ctx.Done():
		case <-time.After(watchAgain):
		}
	}
}

// watchOnce watches until it is time for another watch. first is whether no
// watch has come through the whole bucket yet.
func (r *Registry) watchOnce(ctx context.Context, first *bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	status := r.nc.StatusChanged(nats.CONNECTED)
	defer r.nc.RemoveStatusListener(status)
	w, err := r.newWatcher(ctx, cancel)
	if err != nil {
		return err
	}
	defer r.stopWatcher(w)
	end := time.NewTimer(r.cfg.Resync)
	defer end.Stop()
	var whole []entry
	reading := true // what was there when the watch began
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-status:
			return nil
		case <-end.C:
			return nil
		case e, ok := <-w.Updates():
			switch {
			case !ok:
				return errors.New("the watch has ended")
			case e == nil:
				r.snapshot(whole, first)
				whole, reading = nil, false
			case reading:
				whole = append(whole, entryOf(e))
			default:
				r.update(entryOf(e))
			}
		}
	}
}

// newWatcher makes a watch that lives as long as ctx. The library bounds the
// making by the same context, so it is cut short here.
func (r *Registry) newWatcher(ctx context.Context, cancel context.CancelFunc) (jetstream.KeyWatcher, error) {
	limit := time.AfterFunc(callTimeout, cancel)
	defer limit.Stop()
	kv, err := r.js.KeyValue(ctx, queue.BucketStones)
	if err != nil {
		return nil, fmt.Errorf("look up %s: %w", queue.BucketStones, err)
	}
	w, err := kv.WatchAll(ctx)
	if err != nil {
		return nil, fmt.Errorf("watch %s: %w", queue.BucketStones, err)
	}
	return w, nil
}

// stopWatcher ends a watch, and takes what is on its way, which would block
// the library.
func (r *Registry) stopWatcher(w jetstream.KeyWatcher) {
	if err := w.Stop(); err != nil {
		r.log.Debug("watch not stopped", zap.Error(err))
	}
	for range w.Updates() { // until it is closed
	}
}

func entryOf(e jetstream.KeyValueEntry) entry {
	out := entry{key: e.Key(), revision: e.Revision()}
	if e.Operation() == jetstream.KeyValuePut {
		out.doc = append([]byte{}, e.Value()...)
	}
	return out
}

// snapshot takes in all that is in the bucket.
func (r *Registry) snapshot(all []entry, first *bool) {
	keys := make(map[string]bool, len(all))
	var put []entry
	for _, e := range all {
		if e.doc == nil {
			r.forget(e.key)
			continue
		}
		keys[e.key] = true
		put = append(put, e)
	}
	if *first {
		*first = false
		r.first(put)
		return
	}
	for _, e := range put {
		r.learn(e)
	}
	r.missing(keys)
}

func (r *Registry) update(e entry) {
	if e.doc == nil {
		r.forget(e.key)
		return
	}
	r.learn(e)
}
