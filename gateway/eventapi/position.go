package eventapi

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/store"
)

// position is how far a listener has come: it was offered every message of
// both streams up to these sequences, and of the event message behind them the
// first part items. It is the id of what is sent, so that a listener that comes
// back misses nothing and gets nothing twice.
type position struct {
	store.Position

	part int
	// at is about when the message that led here was stored. What is younger
	// is certainly still in the streams when little time has passed since.
	at time.Time
}

var errPosition = errors.New("it must be the id of an event, as it was sent")

// String returns the id: tasks-events-part-seconds.
func (p position) String() string {
	return fmt.Sprintf("%d-%d-%d-%d", p.Tasks, p.Events, p.part, p.at.Unix())
}

// parsePosition reads what String wrote.
func parsePosition(id string) (p position, err error) {
	words := strings.Split(id, "-")
	if len(words) != 4 {
		return p, errPosition
	}
	var n [4]uint64
	for i, w := range words {
		if n[i], err = strconv.ParseUint(w, 10, 63); err != nil || w != strconv.FormatUint(n[i], 10) {
			return p, errPosition
		}
	}
	if n[2] > maxItems {
		return p, errPosition
	}
	return position{store.Position{Tasks: n[0], Events: n[1]}, int(n[2]), time.Unix(int64(n[3]), 0)}, nil //nolint:gosec // below 1<<63
}

// maxItems is more than a message can have.
const maxItems = 1 << 20

// covers reports whether everything up to other was offered by p.
func (p position) covers(other position) bool {
	return p.Tasks >= other.Tasks && p.Events >= other.Events
}

// passed reports whether the message was offered.
func (p position) passed(m *message) bool {
	if m.stream == queue.StreamTasks {
		return m.seq <= p.Tasks
	}
	return m.seq <= p.Events
}

// behind returns the position when the first items of a message were offered.
func (p position) behind(m *message, items int) position {
	p.at = m.time
	switch {
	case m.stream == queue.StreamTasks:
		p.Tasks = max(p.Tasks, m.seq)
		return p
	case items < m.items:
		p.Events, p.part = max(p.Events, m.seq-1), items
	default:
		p.Events, p.part = max(p.Events, m.seq), 0
	}
	return p
}
