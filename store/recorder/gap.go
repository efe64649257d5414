package recorder

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/riverstones/riverstones/queue"
)

// missing says that messages went before they were recorded, or notes it where
// that is accepted.
func (r *Recorder) missing(stream string, from, to uint64) error {
	if !r.cfg.AcceptGaps {
		return fmt.Errorf("%w: %d to %d of %s are gone and were never recorded; the database is older than what was trimmed, or they were deleted: "+
			"see what is lost with `riverstones verify`, then start once with --accept-gaps", queue.ErrGap, from, to, stream)
	}
	r.log.Error("messages that were never recorded are left out: they are gone", zap.String("stream", stream), zap.Uint64("from", from), zap.Uint64("to", to))
	return nil
}

// begin returns behind which sequence to read: the checkpoint, or where gaps are
// accepted what is gone at the beginning of the stream.
func (r *Recorder) begin(ctx context.Context, js jetstream.JetStream, stream string, after uint64) (uint64, error) {
	if !r.cfg.AcceptGaps {
		return after, nil
	}
	s, err := js.Stream(ctx, stream)
	if err != nil {
		return after, fmt.Errorf("look up %s: %w", stream, err)
	}
	return max(after, s.CachedInfo().State.FirstSeq-min(1, s.CachedInfo().State.FirstSeq)), nil
}
