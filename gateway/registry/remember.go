package registry

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/riverstones/riverstones/queue"
)

const rememberAgain = 2 * time.Second

// load reads what was remembered. Whoever has announced itself since knows
// better.
func (r *Registry) load(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	all, err := r.store.Stones(ctx)
	if err != nil {
		r.log.Warn("remembered stones can not be read", zap.Error(err))
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.loaded = true
	for _, s := range all {
		a, err := queue.ParseAnnouncement(s.Announcement)
		if err == nil && a.Code == s.Code {
			var m mark
			if m, err = markOf(a); err == nil {
				r.recall(a, m, s.Announcement, s.Time)
				continue
			}
		}
		r.log.Warn("a remembered announcement can not be read", zap.String("stone", s.Code), zap.Error(err))
	}
	r.publish()
}

// recall takes in one of them; the caller holds mu.
func (r *Registry) recall(a *queue.Announcement, m mark, doc []byte, at time.Time) {
	k := r.stone(a.Code)
	switch {
	case k.last == nil:
		k.last = r.declare(a, m, doc, at)
	case k.last.mark == m:
		delete(r.dirty, a.Code)
	}
}

// remember writes changed announcements to the store until ctx ends, so that
// stones nobody serves now are known after a restart.
func (r *Registry) remember(ctx context.Context) {
	again := time.NewTimer(rememberAgain)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
		case <-again.C:
		}
		r.mu.Lock()
		loaded := r.loaded
		r.mu.Unlock()
		if !loaded {
			r.load(ctx)
		}
		if !r.write(ctx) {
			again.Reset(rememberAgain)
		}
	}
}

// write puts what is dirty, and reports whether nothing is left.
func (r *Registry) write(ctx context.Context) bool {
	r.mu.Lock()
	todo := make(map[string]*declaration, len(r.dirty))
	for code := range r.dirty {
		todo[code] = r.stones[code].last
	}
	loaded := r.loaded
	r.mu.Unlock()
	for code, d := range todo {
		once, cancel := context.WithTimeout(ctx, callTimeout)
		err := r.store.PutStone(once, code, d.doc, d.at)
		cancel()
		if err != nil {
			if ctx.Err() == nil {
				r.log.Warn("an announcement can not be remembered", zap.String("stone", code), zap.Error(err))
			}
			return false
		}
		r.mu.Lock()
		if r.stones[code].last == d {
			delete(r.dirty, code)
		}
		r.mu.Unlock()
	}
	return loaded
}
