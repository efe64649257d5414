package stone

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
)

const (
	announceSoon    = time.Second     // until the next try, and until the first fetch is known
	announceTimeout = 5 * time.Second // of one put
	withdrawTimeout = time.Second
)

// announce tells the gateways, every few seconds until ctx ends, what the stone
// is and that this worker serves it. Nothing of the work depends on it: what
// goes wrong is logged, and tried again.
func (r *runner) announce(ctx context.Context) {
	next := time.NewTimer(0)
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-next.C:
		}
		a := r.announcement()
		switch err := r.put(ctx, a); {
		case err != nil && ctx.Err() == nil:
			r.noise.Warn("the worker can not announce itself, and is not seen in the list of stones", zap.Error(err))
			next.Reset(announceSoon)
		case a.LastFetch.IsZero():
			next.Reset(announceSoon)
		default:
			next.Reset(queue.AnnounceEvery)
		}
	}
}

// announcement is what the worker has to say now.
func (r *runner) announcement() *queue.Announcement {
	host, _ := os.Hostname() // without one the worker's name has to do
	s := &r.spec
	a := &queue.Announcement{
		Code: s.Code, DisplayName: s.DisplayName, Description: s.Description, Service: s.Service, Version: s.Version,
		Params: s.Params, Outputs: s.Outputs,
		Worker: r.w.cfg.Name, Host: host, Concurrency: s.Concurrency, BusinessKey: s.BusinessKey,
	}
	if keys := r.w.cfg.SealKeys; keys != nil {
		a.SealKey = keys.Public().String()
	}
	for _, m := range task.Methods() {
		if _, ok := r.handlers[m]; ok {
			a.Methods = append(a.Methods, m)
		}
	}
	for _, l := range r.lanes {
		if at := l.puller.Heard(); at.After(a.LastFetch) {
			a.LastFetch = at
		}
	}
	return a
}

func (r *runner) put(ctx context.Context, a *queue.Announcement) error {
	doc, err := a.Encode()
	if err != nil {
		return err
	}
	if !r.w.nc.IsConnected() { // else the put would wait in the connection's buffer
		return nats.ErrDisconnected
	}
	ctx, cancel := context.WithTimeout(ctx, announceTimeout)
	defer cancel()
	if _, err := r.w.js.Publish(ctx, queue.StoneSubject(r.announceKey()), doc); err != nil {
		return fmt.Errorf("put announcement: %w", err)
	}
	return nil
}

// withdraw takes the announcement back when the worker stops. What can not be
// taken back ends by itself.
func (r *runner) withdraw(ctx context.Context) {
	if !r.w.nc.IsConnected() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), withdrawTimeout)
	defer cancel()
	m := nats.NewMsg(queue.StoneSubject(r.announceKey()))
	m.Header.Set("KV-Operation", "DEL") // as a client of the bucket deletes
	if _, err := r.w.js.PublishMsg(ctx, m); err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
		r.log.Debug("announcement not withdrawn", zap.Error(err))
	}
}

// announceKey is that of the worker's announcement. A worker that serves
// several business keys of one stone announces each.
func (r *runner) announceKey() string {
	name := r.w.cfg.Name
	same := func(o *runner) bool { return o != r && o.spec.Code == r.spec.Code }
	if slices.ContainsFunc(r.w.stones, same) {
		name += "@" + r.spec.BusinessKey
	}
	return queue.StoneKey(r.spec.Code, name)
}
