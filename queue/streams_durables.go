package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// AckWait is how long a worker may be silent about a command before it is
// delivered again.
const AckWait = 30 * time.Second

// ErrOtherForm says that a stone is consumed whole by some workers already, so
// that none may serve a single business key of it, or the other way round.
var ErrOtherForm = errors.New("stone is consumed in the other form")

// ErrNoConsumer says that a stone's consumer is missing and that the server did
// not answer when it was to be made, as it does to a user without the right.
var ErrNoConsumer = errors.New("consumer is missing and was not made")

// Durables are the settings of a stone's consumers that may be chosen. The zero
// value is the protocol's; tests shorten it.
type Durables struct {
	AckWait time.Duration
}

// EnsureConsumers returns the consumers of a stone, of one business key of it
// if key is not empty, and makes those that are missing, with the settings of
// the protocol. It returns [ErrOtherForm] when the stone is consumed in the
// other form, and [ErrAssetSettings] when a consumer has other settings,
// and [ErrNoConsumer] when one is missing and the user seems to lack the right.
//
// It needs the right to list the consumers' names and to read its own, and to
// make them only as long as they are missing.
func EnsureConsumers(ctx context.Context, js jetstream.JetStream, stone, key string) (map[Lane]jetstream.Consumer, error) {
	return Durables{}.Ensure(ctx, js, stone, key)
}

// Ensure is [EnsureConsumers] with the settings d.
func (d Durables) Ensure(ctx context.Context, js jetstream.JetStream, stone, key string) (map[Lane]jetstream.Consumer, error) {
	err := errors.Join(CheckStone(stone), CheckBusinessKey(key))
	if err == nil {
		var found map[Lane]jetstream.Consumer
		if found, err = d.ensure(ctx, js, stone, key); err == nil {
			return found, nil
		}
	}
	return nil, fmt.Errorf("consumers of stone %q: %w", stone, err)
}

func (d Durables) ensure(ctx context.Context, js jetstream.JetStream, stone, key string) (map[Lane]jetstream.Consumer, error) {
	names, err := durableNames(ctx, js)
	if err != nil {
		return nil, err
	}
	other := names.otherForm(stone, key)
	if other != "" && !names.any(stone, key) {
		return nil, otherForm(stone, key, other)
	}
	found, err := d.findOrMake(ctx, js, stone, key, names)
	if err != nil {
		return nil, err
	}
	// Another worker may have made the other form since the first look. Each of
	// the two sees the other one's now, and whoever has not begun gives way.
	if names, err = durableNames(ctx, js); err != nil {
		return nil, err
	}
	if other = names.otherForm(stone, key); other == "" {
		return found, nil
	}
	if yes, err := begun(ctx, found); err != nil || yes {
		return found, err
	}
	return nil, errors.Join(otherForm(stone, key, other), drop(ctx, js, found))
}

// findOrMake returns the consumers of all lanes.
func (d Durables) findOrMake(ctx context.Context, js jetstream.JetStream, stone, key string, names durables) (map[Lane]jetstream.Consumer, error) {
	found := make(map[Lane]jetstream.Consumer, len(Lanes()))
	for _, l := range Lanes() {
		want := d.config(l, stone, key)
		c, err := findOrMake(ctx, js, stone, key, want, names[want.Durable])
		if err != nil {
			return nil, err
		}
		found[l] = c
	}
	return found, nil
}

func findOrMake(ctx context.Context, js jetstream.JetStream, stone, key string, want jetstream.ConsumerConfig, exists bool) (jetstream.Consumer, error) {
	if !exists {
		c, err := js.CreateConsumer(ctx, StreamTasks, want)
		if err == nil {
			return c, nil
		}
		// Another worker may have been faster, with other settings.
		if !errors.Is(err, jetstream.ErrConsumerExists) {
			return nil, makeFailed(stone, key, want.Durable, err)
		}
	}
	c, err := js.Consumer(ctx, StreamTasks, want.Durable)
	if err != nil {
		return nil, fmt.Errorf("look up consumer %s: %w", want.Durable, err)
	}
	if err := checkDurable(c.CachedInfo().Config, want); err != nil {
		return nil, fmt.Errorf("consumer %s: %w", want.Durable, err)
	}
	return c, nil
}

// makeFailed explains silence, which is how the server answers a request
// without the right to it; it tells the connection's error handler only. It had
// answered what came before.
func makeFailed(stone, key, durable string, err error) error {
	if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, nats.ErrTimeout) {
		return fmt.Errorf("make consumer %s: %w", durable, err)
	}
	if key != "" {
		stone += "=" + key
	}
	return fmt.Errorf("make consumer %s: %w; if this user has no right to make it, let an administrator run `riverstones migrate --no-store --stone %s`: %w",
		durable, ErrNoConsumer, stone, err)
}

func (d Durables) config(l Lane, stone, key string) jetstream.ConsumerConfig {
	wait := d.AckWait
	if wait <= 0 {
		wait = AckWait
	}
	// A look that waits for its time counts as pending, so the monitor lane
	// holds as many tasks as may be followed at once.
	pending := 10_000
	if l == Follow {
		pending = 100_000
	}
	return jetstream.ConsumerConfig{
		Durable: l.Durable(stone, key), FilterSubjects: l.Subjects(stone, key),
		AckPolicy: jetstream.AckExplicitPolicy, AckWait: wait, MaxAckPending: pending, MaxDeliver: -1,
		DeliverPolicy: jetstream.DeliverAllPolicy, ReplayPolicy: jetstream.ReplayInstantPolicy,
		// A consumer that is lost with its server is made again and delivers
		// from the start; the recorder's answers make that harmless.
		Replicas: 1,
	}
}

func checkDurable(have, want jetstream.ConsumerConfig) error {
	filters := have.FilterSubjects
	if have.FilterSubject != "" {
		filters = []string{have.FilterSubject}
	}
	var d differences
	d.compare("filter_subjects", sorted(filters), sorted(want.FilterSubjects))
	d.compare("ack_policy", have.AckPolicy, want.AckPolicy)
	d.compare("ack_wait", have.AckWait, want.AckWait)
	d.compare("max_ack_pending", have.MaxAckPending, want.MaxAckPending)
	d.compare("max_deliver", have.MaxDeliver, want.MaxDeliver)
	d.compare("deliver_policy", have.DeliverPolicy, want.DeliverPolicy)
	d.compare("replay_policy", have.ReplayPolicy, want.ReplayPolicy)
	d.compare("backoff", len(have.BackOff), 0)
	d.compare("inactive_threshold", have.InactiveThreshold, time.Duration(0))
	d.compare("headers_only", have.HeadersOnly, false)
	d.compare("deliver_subject", have.DeliverSubject, "")
	if have.Replicas > 1 {
		d.compare("num_replicas", have.Replicas, want.Replicas)
	}
	return d.err()
}

// durables are the names of all consumers of RS_TASKS.
type durables map[string]bool

func durableNames(ctx context.Context, js jetstream.JetStream) (durables, error) {
	s, err := js.Stream(ctx, StreamTasks)
	if err != nil {
		return nil, fmt.Errorf("look up %s: %w", StreamTasks, err)
	}
	names := durables{}
	list := s.ConsumerNames(ctx)
	for n := range list.Name() {
		names[n] = true
	}
	if err := list.Err(); err != nil {
		return nil, fmt.Errorf("list the consumers of %s: %w", StreamTasks, err)
	}
	return names, nil
}

// any reports whether a lane of this form exists.
func (n durables) any(stone, key string) bool {
	return slices.ContainsFunc(Lanes(), func(l Lane) bool { return n[l.Durable(stone, key)] })
}

// otherForm returns a consumer of the stone in the other form, "" if there is
// none. Consumers of other keys are of the same form.
func (n durables) otherForm(stone, key string) string {
	for name := range n {
		if _, s, k, ok := ParseDurable(name); ok && s == stone && (k == "") != (key == "") {
			return name
		}
	}
	return ""
}

func otherForm(stone, key, other string) error {
	if key == "" {
		return fmt.Errorf("%w: consumer %s serves one business key of %s, so a worker must name its business key", ErrOtherForm, other, stone)
	}
	return fmt.Errorf("%w: consumer %s serves all of %s, so a worker must not name a business key (%s)", ErrOtherForm, other, stone, key)
}

// begun reports whether any of the consumers has delivered a command.
func begun(ctx context.Context, found map[Lane]jetstream.Consumer) (bool, error) {
	for _, c := range found {
		info, err := c.Info(ctx)
		if err != nil {
			return false, fmt.Errorf("look at consumer %s: %w", c.CachedInfo().Name, err)
		}
		if info.Delivered.Consumer > 0 {
			return true, nil
		}
	}
	return false, nil
}

func drop(ctx context.Context, js jetstream.JetStream, found map[Lane]jetstream.Consumer) error {
	var all []error
	for _, c := range found {
		name := c.CachedInfo().Name
		if err := js.DeleteConsumer(ctx, StreamTasks, name); err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) {
			all = append(all, fmt.Errorf("delete consumer %s: %w", name, err))
		}
	}
	return errors.Join(all...)
}

// ParseDurable reads the name of a stone's consumer, as [Lane.Durable] writes
// it; ok is false for a name that it does not write.
func ParseDurable(name string) (l Lane, stone, key string, ok bool) {
	lane, rest, found := strings.Cut(name, "_")
	if l = Lane(lane); !found || l.Methods() == nil {
		return "", "", "", false
	}
	tok, keyTok, keyed := strings.Cut(rest, "==")
	stone, err := ParseToken(tok)
	if err != nil {
		return "", "", "", false
	}
	if keyed {
		if key, err = ParseToken(keyTok); err != nil {
			return "", "", "", false
		}
	}
	return l, stone, key, true
}
