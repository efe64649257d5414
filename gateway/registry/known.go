package registry

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/param"
	"github.com/riverstones/riverstones/queue/sealkey"
)

// keepGone is how long a worker is shown that has gone without taking its
// announcement back.
const keepGone = 10 * time.Minute

// mark tells declarations apart.
type mark [sha256.Size]byte

// known is a stone that announced itself once. It is guarded by Registry.mu.
type known struct {
	last    *declaration
	workers map[string]*presence // by key
}

// presence is one worker's announcement.
type presence struct {
	said     *queue.Announcement
	mark     mark
	revision uint64
	seen     time.Time // by our clock
	gone     bool      // it is not in the bucket any more
}

// declaration is what a stone says it is. It is never changed.
type declaration struct {
	said    *queue.Announcement // with the worker that said so
	mark    mark
	doc     []byte
	at      time.Time
	checker *param.Checker // nil if there is nothing to check, or no way to
	noEcho  []string
	// sealKey is nil for a stone that announces none, or one that can not be
	// used: then sealErr says why.
	sealKey *sealkey.Public
	sealErr error
}

// markOf is the same for all workers that say the same of their stone.
func markOf(a *queue.Announcement) (mark, error) {
	what := *a
	what.Worker, what.Host, what.Concurrency, what.BusinessKey, what.LastFetch = "", "", 0, "", time.Time{}
	doc, err := what.Encode()
	if err != nil {
		return mark{}, err
	}
	return sha256.Sum256(doc), nil
}

// declare compiles what a stone says. Params whose declaration is wrong in
// itself are not checked at all: the stone's author has to be told, not its users.
func (r *Registry) declare(a *queue.Announcement, m mark, doc []byte, at time.Time) *declaration {
	d := &declaration{said: a, mark: m, doc: doc, at: at}
	for i := range a.Params {
		if a.Params[i].NoEcho {
			d.noEcho = append(d.noEcho, a.Params[i].Name)
		}
	}
	if a.SealKey != "" {
		if d.sealKey, d.sealErr = sealkey.ParsePublic(a.SealKey); d.sealErr != nil {
			r.log.Error("tasks of a stone are refused, since their secrets can not be sealed to its key", zap.String("stone", a.Code), zap.String("worker", a.Worker), zap.Error(d.sealErr))
		}
	}
	if len(a.Params) == 0 {
		return d
	}
	c, err := param.NewChecker(a.Params)
	if err != nil {
		r.log.Warn("the params of a stone are not checked, since their declaration is wrong", zap.String("stone", a.Code), zap.String("worker", a.Worker), zap.Error(err))
		return d
	}
	d.checker = c
	return d
}

// entry is what was read from the bucket.
type entry struct {
	key      string
	doc      []byte // nil for one that was deleted
	revision uint64
}

// learn takes in what a worker announced just now. A declaration that is new
// holds at once; one that was there before does not come back while somebody
// announces the newer one, so that two versions of a stone do not take turns.
func (r *Registry) learn(e entry) {
	p, err := r.read(e)
	if err != nil {
		r.log.Warn("an announcement is ignored", zap.String("key", e.key), zap.Error(err))
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	k := r.stone(p.said.Code)
	before := k.workers[e.key]
	if before != nil && before.revision >= e.revision {
		before.gone = false
		return // read again
	}
	k.workers[e.key] = p
	fresh := before == nil || before.mark != p.mark || !r.there(before)
	if k.last == nil || k.last.mark != p.mark && (fresh || !r.announced(k, k.last.mark)) {
		r.adopt(k, p, e.doc)
		r.publish()
	}
}

// read parses an announcement. A worker may speak for its own stone only.
func (r *Registry) read(e entry) (*presence, error) {
	stone, _, err := queue.ParseStoneKey(e.key)
	if err != nil {
		return nil, err
	}
	a, err := queue.ParseAnnouncement(e.doc)
	if err != nil {
		return nil, err
	}
	if a.Code != stone {
		return nil, fmt.Errorf("it speaks of stone %s", a.Code)
	}
	m, err := markOf(a)
	if err != nil {
		return nil, err
	}
	return &presence{said: a, mark: m, revision: e.revision, seen: r.cfg.Now()}, nil
}

// first takes in all announcements that were there before this process: of a
// stone whose last declaration nobody announces any more the newest one holds.
func (r *Registry) first(all []entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	newest := map[*known]entry{}
	for _, e := range all {
		p, err := r.read(e)
		if err != nil {
			r.log.Warn("an announcement is ignored", zap.String("key", e.key), zap.Error(err))
			continue
		}
		k := r.stone(p.said.Code)
		k.workers[e.key] = p
		if e.revision > newest[k].revision {
			newest[k] = e
		}
	}
	for k, e := range newest {
		if k.last == nil || !r.announced(k, k.last.mark) {
			r.adopt(k, k.workers[e.key], e.doc)
		}
	}
	r.publish()
}

// forget takes a worker away that took its announcement back.
func (r *Registry) forget(key string) {
	stone, _, err := queue.ParseStoneKey(key)
	if err != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if k := r.stones[stone]; k != nil {
		delete(k.workers, key)
	}
}

// missing marks the workers that are not among the keys, and takes those away
// that are gone for long.
func (r *Registry) missing(keys map[string]bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, k := range r.stones {
		for key, p := range k.workers {
			p.gone = !keys[key]
			if p.gone && r.cfg.Now().Sub(p.seen) > keepGone {
				delete(k.workers, key)
			}
		}
	}
}

// stone returns what is known of a stone; the caller holds mu.
func (r *Registry) stone(code string) *known {
	k := r.stones[code]
	if k == nil {
		k = &known{workers: map[string]*presence{}}
		r.stones[code] = k
	}
	return k
}

// there reports whether a worker announced itself lately.
func (r *Registry) there(p *presence) bool {
	return !p.gone && r.cfg.Now().Sub(p.seen) < r.cfg.TTL
}

// announced reports whether a worker that is there says this of the stone.
func (r *Registry) announced(k *known, m mark) bool {
	for _, p := range k.workers {
		if p.mark == m && r.there(p) {
			return true
		}
	}
	return false
}

// adopt makes a worker's announcement that of the stone, and has it
// remembered; the caller holds mu.
func (r *Registry) adopt(k *known, p *presence, doc []byte) {
	k.last = r.declare(p.said, p.mark, doc, p.seen)
	r.dirty[p.said.Code] = true
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// publish makes the declarations the ones that are checked against; the caller
// holds mu.
func (r *Registry) publish() {
	all := make(map[string]*declaration, len(r.stones))
	for code, k := range r.stones {
		if k.last != nil {
			all[code] = k.last
		}
	}
	r.declared.Store(&all)
}

// workers returns the workers of a stone, by name and key.
func (r *Registry) workers(code string) []Worker {
	r.mu.Lock()
	defer r.mu.Unlock()
	k := r.stones[code]
	if k == nil {
		return nil
	}
	out := make([]Worker, 0, len(k.workers))
	for _, p := range k.workers {
		a := p.said
		fetching := a.LastFetch.IsZero() || r.cfg.Now().Sub(a.LastFetch) < r.cfg.Fetch
		out = append(out, Worker{Name: a.Worker, Host: a.Host, Version: a.Version, BusinessKey: a.BusinessKey,
			Concurrency: a.Concurrency, LastFetch: a.LastFetch, Live: r.there(p) && fetching})
	}
	slices.SortFunc(out, Worker.compare)
	return out
}
