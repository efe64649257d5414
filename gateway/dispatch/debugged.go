package dispatch

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"

	"github.com/riverstones/riverstones/gateway/requestid"
	"github.com/riverstones/riverstones/queue"
)

// KeptDebugged is how many processes in debug mode a gateway keeps, of about
// 100 bytes each.
const KeptDebugged = 10_000

// debuggedReload is when the store is read again, in case a note was lost.
const debuggedReload = 30 * time.Second

// DebugStore tells which processes are in debug mode.
type DebugStore interface {
	Debug(ctx context.Context, processInstanceID string) (bool, error)
	Debugged(ctx context.Context, limit int) ([]string, error)
}

// Debugged knows which processes are in debug mode, so that the answer to a POST
// says so without a question to the store. What this gateway changes it knows at
// once, what others change as soon as their note arrives; a note that was lost
// is made good by reading the store now and then. Nothing but that answer goes
// by it: commands ask the database.
type Debugged struct {
	nc    *nats.Conn
	store DebugStore
	kept  int
	log   *zap.Logger

	known   sync.Map    // of process ids
	partial atomic.Bool // there are more than are kept: ask the store about the others

	mu      sync.Mutex
	changed map[string]struct{} // since a reading began; nil while there is none

	stop context.CancelFunc
	done sync.WaitGroup
}

// debugNote tells other gateways of a change.
type debugNote struct {
	ProcessInstanceID string `json:"processInstanceId"`
	Debug             bool   `json:"debug"`
}

// NewDebugged returns what is not started: it knows what is noted here alone.
// kept is how many processes of the store it keeps: [KeptDebugged].
func NewDebugged(nc *nats.Conn, st DebugStore, kept int, log *zap.Logger) *Debugged {
	return &Debugged{nc: nc, store: st, kept: kept, log: sparing(log), stop: func() {}}
}

// Start reads the store in the background, and listens to other gateways, until Stop.
func (d *Debugged) Start(ctx context.Context) error {
	sub, err := d.nc.Subscribe(queue.DebugSubject, d.hear)
	if err != nil {
		return fmt.Errorf("subscribe to debug modes: %w", err)
	}
	ctx, d.stop = context.WithCancel(context.WithoutCancel(ctx))
	status := d.nc.StatusChanged(nats.CONNECTED)
	d.done.Go(func() {
		d.run(ctx, status)
		d.nc.RemoveStatusListener(status)
		_ = sub.Unsubscribe() // fails only if the connection is gone
	})
	return nil
}

// Stop returns when nothing runs any more.
func (d *Debugged) Stop() {
	d.stop()
	d.done.Wait()
}

// run reads the store at the start, after a reconnect, and now and then.
func (d *Debugged) run(ctx context.Context, status <-chan nats.Status) {
	ticker := time.NewTicker(debuggedReload)
	defer ticker.Stop()
	for ctx.Err() == nil {
		d.read(ctx)
		select {
		case <-ctx.Done():
		case <-status:
		case <-ticker.C:
		}
	}
}

// read takes over what the store says. What changes meanwhile is newer.
func (d *Debugged) read(ctx context.Context) {
	d.mu.Lock()
	d.changed = map[string]struct{}{}
	d.mu.Unlock()
	reading, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	all, err := d.store.Debugged(reading, d.kept+1)
	d.mu.Lock()
	defer d.mu.Unlock()
	changed := d.changed
	d.changed = nil
	if err != nil {
		if ctx.Err() == nil {
			d.log.Debug("processes in debug mode can not be read", zap.Error(err))
		}
		return
	}
	d.partial.Store(len(all) > d.kept)
	stored := make(map[string]struct{}, len(all))
	for _, process := range all {
		stored[process] = struct{}{}
		if _, newer := changed[process]; !newer {
			d.known.Store(process, nil)
		}
	}
	d.known.Range(func(process, _ any) bool {
		_, there := stored[process.(string)]  //nolint:errcheck // holds nothing else
		_, newer := changed[process.(string)] //nolint:errcheck // as above
		if !there && !newer {
			d.known.Delete(process)
		}
		return true
	})
}

// hear takes another gateway's note, and this one's own once more.
func (d *Debugged) hear(m *nats.Msg) {
	var n debugNote
	if err := json.Unmarshal(m.Data, &n); err != nil || !queue.CheckName(n.ProcessInstanceID) {
		d.log.Warn("message on the subject of debug modes is ignored", zap.Error(err))
		return
	}
	d.take(n)
}

func (d *Debugged) take(n debugNote) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.changed != nil {
		d.changed[n.ProcessInstanceID] = struct{}{}
	}
	if n.Debug {
		d.known.Store(n.ProcessInstanceID, nil)
		return
	}
	d.known.Delete(n.ProcessInstanceID)
}

// Note tells this and all other gateways that the debug mode of a process was
// changed. It does not block.
func (d *Debugged) Note(ctx context.Context, processInstanceID string, debug bool) {
	d.take(debugNote{processInstanceID, debug})
	if err := TellDebugged(d.nc, processInstanceID, debug); err != nil {
		d.log.Debug("other gateways read it later", requestid.Field(ctx), zap.Error(err))
	}
}

// TellDebugged tells gateways that the debug mode of a process was changed. An
// error is no harm: they read the store now and then.
func TellDebugged(nc *nats.Conn, processInstanceID string, debug bool) error {
	data, err := json.Marshal(debugNote{processInstanceID, debug})
	if err == nil {
		err = nc.Publish(queue.DebugSubject, data)
	}
	if err != nil {
		return fmt.Errorf("tell debug mode: %w", err)
	}
	return nil
}

// Has reports whether a process is in debug mode. It asks the store only if there
// are more such processes than are kept.
func (d *Debugged) Has(ctx context.Context, processInstanceID string) bool {
	if _, ok := d.known.Load(processInstanceID); ok || !d.partial.Load() {
		return ok
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	debug, err := d.store.Debug(ctx, processInstanceID)
	if err != nil {
		d.log.Debug("debug mode can not be read", requestid.Field(ctx), zap.Error(err))
	}
	return debug
}
