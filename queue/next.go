package queue

import (
	"fmt"
	"strings"
	"time"
)

// Next is what a worker logs when it gives a command back: what came of this
// run, and when the next one is due. It is an ordinary log line, from which the
// gateway tells operators what a task waits for; a stone that logs no such line
// loses nothing else.
type Next struct {
	Try, Of int // of a run that failed, 0 for a look of monitor
	Why     string
	After   time.Duration // from the time of the line
}

const (
	lookFailed = "look failed: "
	notDone    = "not done yet"
	nextIn     = "; next in "
)

// String is the line.
func (n *Next) String() string {
	what := notDone
	switch {
	case n.Try > 0:
		what = fmt.Sprintf("try %d of %d failed: %s", n.Try, n.Of, n.Why)
	case n.Why != "":
		what = lookFailed + n.Why
	}
	return what + nextIn + n.After.Round(time.Millisecond).String()
}

// ParseNext reads what String wrote, and reports whether line is such a line.
func ParseNext(line string) (n Next, ok bool) {
	i := strings.LastIndex(line, nextIn)
	if i < 0 {
		return n, false
	}
	var err error
	if n.After, err = time.ParseDuration(line[i+len(nextIn):]); err != nil || n.After < 0 {
		return Next{}, false
	}
	what := line[:i]
	if why, found := strings.CutPrefix(what, lookFailed); found {
		n.Why = why
		return n, true
	}
	if what == notDone {
		return n, true
	}
	head, why, _ := strings.Cut(what, " failed: ")
	if _, err := fmt.Sscanf(head, "try %d of %d", &n.Try, &n.Of); err != nil || n.Try < 1 {
		return Next{}, false
	}
	n.Why = why
	return n, true
}
