package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Settings of the streams that other code relies on.
const (
	// DuplicateWindow is how long RS_TASKS and RS_EVENTS refuse a message id
	// they have seen, and how long they keep every message at least.
	DuplicateWindow = 20 * time.Minute
	// StoneTTL is how long an announcement stands that is not put again.
	StoneTTL = 30 * time.Second

	maxConsumers = 10_000
	keepDead     = 30 * 24 * time.Hour
	advisory     = "$JS.EVENT.ADVISORY.CONSUMER."
	streamStones = "KV_" + BucketStones
	streamBlobs  = "OBJ_" + BucketBlobs
)

var (
	// ErrAssetMissing says that a stream or bucket was not made yet.
	ErrAssetMissing = errors.New("asset is missing")
	// ErrAssetSettings says that a stream, bucket or consumer exists with
	// settings that Riverstones can not work with and does not change by itself.
	ErrAssetSettings = errors.New("asset has other settings")
)

// ProvisionConfig sizes the assets. The zero value makes them with one replica
// and no size limit but the server's, and leaves existing ones as they are.
type ProvisionConfig struct {
	// Replicas of each asset: 1, 3 or 5. Existing assets are raised to it and
	// never lowered, since a process that knows of no cluster says 1.
	Replicas int
	// Store is the size of the JetStream store in bytes. What is made now, and
	// has no size of its own below, gets its share: 40 % each for tasks and
	// events, so that neither can crowd out the other, 15 % for blobs, 1 % for
	// dead letters. Existing assets keep theirs, so Store may vary.
	Store int64
	// Sizes in bytes, set at once on existing assets too. A full stream refuses
	// messages; RS_DLQ drops its oldest ones.
	TaskBytes, EventBytes, DeadBytes, BlobBytes int64
}

// asset is a stream as it has to be. bytes is its size if the configuration
// sets one, share its part of the store in percent if it does not.
type asset struct {
	want   jetstream.StreamConfig
	bytes  int64
	share  int64
	create func(ctx context.Context, js jetstream.JetStream, cfg jetstream.StreamConfig) error
}

func assets(cfg ProvisionConfig) []asset {
	flow := func(name, subject string) jetstream.StreamConfig {
		return jetstream.StreamConfig{
			Name: name, Subjects: []string{subject}, Retention: jetstream.LimitsPolicy, Discard: jetstream.DiscardNew,
			MaxMsgSize: MaxMessage, Duplicates: DuplicateWindow, MaxConsumers: maxConsumers,
			Storage: jetstream.FileStorage, AllowDirect: true,
		}
	}
	dead := jetstream.StreamConfig{
		Name:     StreamDLQ,
		Subjects: []string{allDLQ, advisory + "MAX_DELIVERIES." + StreamTasks + ".*", advisory + "MSG_TERMINATED." + StreamTasks + ".*"},
		// A dead letter is a note to an operator. When there are too many the
		// oldest go: refusing new ones would hold up the workers that write them.
		Retention: jetstream.LimitsPolicy, Discard: jetstream.DiscardOld, MaxAge: keepDead,
		Storage: jetstream.FileStorage, AllowDirect: true,
	}
	return []asset{
		{flow(StreamTasks, allTasks), cfg.TaskBytes, 40, createStream},
		{flow(StreamEvents, allEvents), cfg.EventBytes, 40, createStream},
		{dead, cfg.DeadBytes, 1, createStream},
		// On disk, although presence is put again every few seconds: a bucket in
		// memory is gone itself after a restart of a single server.
		{jetstream.StreamConfig{Name: streamStones, Subjects: []string{"$KV." + BucketStones + ".>"}, MaxAge: StoneTTL, Storage: jetstream.FileStorage,
			Discard: jetstream.DiscardNew}, 0, 0, createKeyValue},
		{jetstream.StreamConfig{Name: streamBlobs, Subjects: []string{"$O." + BucketBlobs + ".C.>", "$O." + BucketBlobs + ".M.>"}, Storage: jetstream.FileStorage,
			Discard: jetstream.DiscardNew}, cfg.BlobBytes, 15, createObjectStore},
	}
}

func createStream(ctx context.Context, js jetstream.JetStream, cfg jetstream.StreamConfig) error {
	_, err := js.CreateStream(ctx, cfg)
	return err
}

func createKeyValue(ctx context.Context, js jetstream.JetStream, cfg jetstream.StreamConfig) error {
	_, err := js.CreateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket: BucketStones, TTL: cfg.MaxAge, Storage: cfg.Storage, Replicas: cfg.Replicas,
	})
	return err
}

func createObjectStore(ctx context.Context, js jetstream.JetStream, cfg jetstream.StreamConfig) error {
	_, err := js.CreateObjectStore(ctx, jetstream.ObjectStoreConfig{
		Bucket: BucketBlobs, MaxBytes: cfg.MaxBytes, Storage: cfg.Storage, Replicas: cfg.Replicas,
	})
	return err
}

// Provision makes the streams and buckets that are missing. What exists is left
// as it is but for its size and replicas where cfg sets them, and for limits
// that can be widened without harm; any other difference is [ErrAssetSettings],
// naming the setting, what it is and what it must be. Several processes may
// provision at the same time. It needs the right to make streams.
func Provision(ctx context.Context, js jetstream.JetStream, cfg ProvisionConfig) error {
	for _, a := range assets(cfg) {
		if err := a.provision(ctx, js, cfg); err != nil {
			return fmt.Errorf("provision %s: %w", a.want.Name, err)
		}
	}
	return nil
}

func (a asset) provision(ctx context.Context, js jetstream.JetStream, cfg ProvisionConfig) error {
	s, err := js.Stream(ctx, a.want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		err = a.create(ctx, js, a.fresh(cfg))
		if err == nil {
			return nil
		}
		// Another process may have been faster, with another size.
		if !errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			return err
		}
		s, err = js.Stream(ctx, a.want.Name)
	}
	if err != nil {
		return err
	}
	have := s.CachedInfo().Config
	if err := a.check(have); err != nil {
		return err
	}
	if next := a.widen(have, cfg); next != nil {
		_, err = js.UpdateStream(ctx, *next)
	}
	return err
}

// fresh is the configuration to create a with.
func (a asset) fresh(cfg ProvisionConfig) jetstream.StreamConfig {
	c := a.want
	c.Replicas = max(cfg.Replicas, 1)
	c.MaxBytes = a.bytes
	if c.MaxBytes <= 0 {
		c.MaxBytes = cfg.Store / 100 * a.share
	}
	if c.MaxBytes <= 0 {
		c.MaxBytes = -1
	}
	return c
}

// widen returns have with the differences that may be changed at any time, nil
// if there are none.
func (a asset) widen(have jetstream.StreamConfig, cfg ProvisionConfig) *jetstream.StreamConfig {
	next, changed := have, false
	set := func(differs bool, change func()) {
		if differs {
			change()
			changed = true
		}
	}
	set(a.bytes > 0 && have.MaxBytes != a.bytes, func() { next.MaxBytes = a.bytes })
	set(have.Replicas < cfg.Replicas, func() { next.Replicas = cfg.Replicas })
	set(have.Duplicates < a.want.Duplicates, func() { next.Duplicates = a.want.Duplicates })
	set(a.want.MaxMsgSize > 0 && have.MaxMsgSize > 0 && have.MaxMsgSize < a.want.MaxMsgSize, func() { next.MaxMsgSize = a.want.MaxMsgSize })
	set(a.want.AllowDirect && !have.AllowDirect, func() { next.AllowDirect = true })
	if !changed {
		return nil
	}
	return &next
}

// check returns ErrAssetSettings if have differs from what a must be in a way
// that could lose messages, or that the server can not change.
func (a asset) check(have jetstream.StreamConfig) error {
	var d differences
	d.compare("subjects", sorted(have.Subjects), sorted(a.want.Subjects))
	d.compare("retention", have.Retention, a.want.Retention)
	d.compare("discard", have.Discard, a.want.Discard)
	d.compare("max_msgs", max(have.MaxMsgs, unlimited), unlimited)
	d.compare("storage", have.Storage, a.want.Storage)
	d.compare("sealed", have.Sealed, false)
	d.compare("no_ack", have.NoAck, false)
	d.compare("mirror or sources", have.Mirror != nil || len(have.Sources) > 0, false)
	if a.want.Name != StreamDLQ { // whose age is the operator's choice
		d.compare("max_age", have.MaxAge, a.want.MaxAge)
	}
	if a.flow() {
		d.compare("max_msgs_per_subject", max(have.MaxMsgsPerSubject, unlimited), unlimited)
		d.compare("deny_purge", have.DenyPurge, false)
		d.compare("deny_delete", have.DenyDelete, false)
		d.compare("subject_transform", have.SubjectTransform != nil, false)
		if have.MaxConsumers > 0 {
			d.compare("max_consumers", min(have.MaxConsumers, a.want.MaxConsumers), a.want.MaxConsumers)
		}
	}
	return d.err()
}

// unlimited is how the server writes that a limit is not set.
const unlimited = int64(-1)

// flow reports whether a carries commands or events.
func (a asset) flow() bool { return a.want.Name == StreamTasks || a.want.Name == StreamEvents }

func sorted(s []string) string {
	s = slices.Clone(s)
	slices.Sort(s)
	return strings.Join(s, ",")
}

// differences collects settings that are not what they must be.
type differences []string

func (d *differences) compare(setting string, have, want any) {
	if have != want {
		*d = append(*d, fmt.Sprintf("%s is %v, must be %v", setting, have, want))
	}
}

func (d differences) err() error {
	if len(d) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrAssetSettings, strings.Join(d, "; "))
}

// Verify looks whether everything is there and usable, for processes without
// the right to make it. The error names all that is wrong, wraps
// [ErrAssetMissing] or [ErrAssetSettings], and says what to do.
func Verify(ctx context.Context, js jetstream.JetStream) error {
	var all []error
	for _, a := range assets(ProvisionConfig{}) {
		s, err := js.Stream(ctx, a.want.Name)
		switch {
		case errors.Is(err, jetstream.ErrStreamNotFound):
			err = fmt.Errorf("%w: run `riverstones migrate`, or start `riverstones serve` with the right to make it", ErrAssetMissing)
		case err == nil:
			err = a.check(s.CachedInfo().Config)
		}
		if err != nil {
			all = append(all, fmt.Errorf("verify %s: %w", a.want.Name, err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(all...)
}
