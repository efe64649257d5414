package store

import (
	"context"
	"time"
)

// Gauges tells operators how much waits in the database.
type Gauges interface {
	// Heaps counts rows that wait at now, up to limit of each kind, so that no
	// count reads a table that has grown.
	Heaps(ctx context.Context, now time.Time, limit int) (Heaps, error)
}

// Heaps is how many rows wait. Each is at most the limit that was asked with.
type Heaps struct {
	Quarantine int // messages that could not be recorded; they stay
	Deliveries int // callbacks that are still to be told, parked ones too
	Ends       int // of tasks that the process runtime has not heard
	Jobs       int // timers and continuations that are due; those of suspended instances count too
}
