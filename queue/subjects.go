package queue

import (
	"errors"
	"fmt"
	"strings"

	"github.com/riverstones/riverstones/queue/task"
)

// The assets in NATS. Provision makes them, everybody else only uses them.
const (
	StreamTasks  = "RS_TASKS"  // commands: rs.task.<stone>.<businessKey>.<method>
	StreamEvents = "RS_EVENTS" // events: rs.evt.<stone>.<method>
	StreamDLQ    = "RS_DLQ"    // delivery advisories and rs.dlq.>
	BucketStones = "RS_STONES" // announcements of workers: <stone>.<worker>
	BucketBlobs  = "RS_BLOB"   // bodies over MaxInline
)

// Subject patterns, and the prefixes they share.
const (
	prefixTask  = "rs.task."
	prefixEvent = "rs.evt."
	prefixAsk   = "rs.ask."
	prefixCtl   = "rs.ctl."
	prefixDLQ   = "rs.dlq."
	prefixCheck = "rs.checkpoint."

	allTasks  = "rs.task.*.*.*"
	allEvents = "rs.evt.*.*"
	allDLQ    = "rs.dlq.>"

	// AllAsks matches the questions of all stones (served by the recorder).
	AllAsks = "rs.ask.*"
	// OutboxSubject is where gateways tell the relay that something waits.
	OutboxSubject = "rs.outbox"
	// DebugSubject is where gateways tell each other that a process enters or
	// leaves debug mode.
	DebugSubject = "rs.debug"
	// PubSubject takes requests that publish tasks as POST /task does (served by
	// the gateway).
	PubSubject = "rs.pub"
	// AllCheckpoints matches the recorder's announcements of both streams.
	AllCheckpoints = "rs.checkpoint.*"

	batchToken = "batch"
	noKeyToken = "_"
)

// MaxCode is the greatest length of a stone code and of a business key, in bytes.
const MaxCode = 64

var (
	// ErrStone says that a stone code is not well formed.
	ErrStone = errors.New("stone code must be 1 to 64 characters out of letters, digits, _ - : . and begin with a letter")
	// ErrBusinessKey says that a business key is not well formed.
	ErrBusinessKey = errors.New(`business key must be 1 to 64 characters out of letters, digits, _ - : . and not be "_" alone`)
	// ErrToken says that a subject token is not one that Token makes.
	ErrToken = errors.New("malformed token")
)

// CheckStone returns [ErrStone] for a malformed stone code.
func CheckStone(code string) error {
	if !wellFormed(code) || !letter(code[0]) {
		return ErrStone
	}
	return nil
}

// CheckBusinessKey returns [ErrBusinessKey] for a malformed business key. The
// empty key, which means none, is well formed.
func CheckBusinessKey(key string) error {
	if key != "" && (key == noKeyToken || !wellFormed(key)) {
		return ErrBusinessKey
	}
	return nil
}

// wellFormed reports whether s is 1 to [MaxCode] of the characters of codes.
func wellFormed(s string) bool {
	for i := range len(s) {
		if c := s[i]; !plain(c) && c != ':' && c != '.' {
			return false
		}
	}
	return s != "" && len(s) <= MaxCode
}

func letter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

func plain(c byte) bool { return letter(c) || c >= '0' && c <= '9' || c == '_' || c == '-' }

// Token writes s as one token of a subject, of a consumer's name or of a key:
// every byte outside [A-Za-z0-9_-] becomes =XX, its upper-case hex.
func Token(s string) string {
	i := 0
	for i < len(s) && plain(s[i]) {
		i++
	}
	if i == len(s) {
		return s
	}
	const hex = "0123456789ABCDEF"
	b := append(make([]byte, 0, len(s)+16), s[:i]...)
	for ; i < len(s); i++ {
		if c := s[i]; plain(c) {
			b = append(b, c)
		} else {
			b = append(b, '=', hex[c>>4], hex[c&15])
		}
	}
	return string(b)
}

// ParseToken reads what [Token] wrote. It returns [ErrToken] for anything that
// Token does not write, so that a text has one token only.
func ParseToken(tok string) (string, error) {
	if tok == "" {
		return "", fmt.Errorf("%w: empty", ErrToken)
	}
	b := make([]byte, 0, len(tok))
	for i := 0; i < len(tok); i++ {
		c := tok[i]
		if c == '=' {
			if i+2 >= len(tok) {
				return "", fmt.Errorf("%w %q", ErrToken, tok)
			}
			hi, lo := unhex(tok[i+1]), unhex(tok[i+2])
			if hi > 15 || lo > 15 || plain(hi<<4|lo) {
				return "", fmt.Errorf("%w %q", ErrToken, tok)
			}
			c, i = hi<<4|lo, i+2
		} else if !plain(c) {
			return "", fmt.Errorf("%w %q", ErrToken, tok)
		}
		b = append(b, c)
	}
	return string(b), nil
}

// unhex reads an upper-case hex digit; anything else is above 15.
func unhex(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	default:
		return 16
	}
}

func keyToken(key string) string {
	if key == "" {
		return noKeyToken
	}
	return Token(key)
}

// TaskSubject is where a command goes: rs.task.<stone>.<businessKey>.<method>.
func TaskSubject(stone, businessKey string, m task.Method) string {
	return prefixTask + Token(stone) + "." + keyToken(businessKey) + "." + string(m)
}

// ParseTaskSubject reads the subject of a command. It returns [ErrToken] for
// one that [TaskSubject] does not make.
func ParseTaskSubject(subject string) (stone, key string, m task.Method, err error) {
	parts := strings.Split(strings.TrimPrefix(subject, prefixTask), ".")
	if !strings.HasPrefix(subject, prefixTask) || len(parts) != 3 {
		return "", "", "", fmt.Errorf("%w: subject %q", ErrToken, subject)
	}
	if stone, err = ParseToken(parts[0]); err != nil {
		return "", "", "", err
	}
	if parts[1] != noKeyToken {
		if key, err = ParseToken(parts[1]); err != nil {
			return "", "", "", err
		}
	}
	m, err = task.ParseMethod(parts[2])
	return stone, key, m, err
}

// EventSubject is where an event of one task goes: rs.evt.<stone>.<method>,
// the method being that of the command at work.
func EventSubject(stone string, m task.Method) string {
	return prefixEvent + Token(stone) + "." + string(m)
}

// BatchSubject is where several events of one stone go in one message.
func BatchSubject(stone string) string { return prefixEvent + Token(stone) + "." + batchToken }

// ParseEventSubject reads the subject of an event message; m is "" for a batch.
func ParseEventSubject(subject string) (stone string, m task.Method, err error) {
	tok, last, ok := strings.Cut(strings.TrimPrefix(subject, prefixEvent), ".")
	if !ok || !strings.HasPrefix(subject, prefixEvent) {
		return "", "", fmt.Errorf("%w: subject %q", ErrToken, subject)
	}
	if stone, err = ParseToken(tok); err != nil {
		return "", "", err
	}
	if last == batchToken {
		return stone, "", nil
	}
	m, err = task.ParseMethod(last)
	return stone, m, err
}

// AskSubject is where a worker asks before it runs a command.
func AskSubject(stone string) string { return prefixAsk + Token(stone) }

// CtlSubject is where workers of a stone hear what to stop.
func CtlSubject(stone string) string { return prefixCtl + Token(stone) }

// DLQSubject is where a worker puts a command that cannot be read.
func DLQSubject(stone string) string { return prefixDLQ + Token(stone) }

// CheckpointSubject is where the recorder tells, after its COMMIT, how far it
// has recorded a stream: the payload is the sequence in decimal.
func CheckpointSubject(stream string) string { return prefixCheck + stream }

// ParseCheckpointSubject returns the stream of a checkpoint announcement.
func ParseCheckpointSubject(subject string) string { return strings.TrimPrefix(subject, prefixCheck) }

// Lane is a group of methods that share a consumer, so that a cancel overtakes
// waiting starts, and waiting monitors hold no worker.
type Lane string

// The lanes of a stone.
const (
	Work    Lane = "w" // start, mock
	Follow  Lane = "m" // monitor
	Control Lane = "c" // cancel, rollback, delete
)

// Lanes returns all lanes.
func Lanes() []Lane { return []Lane{Work, Follow, Control} }

// LaneOf returns the lane that a method's commands travel on.
func LaneOf(m task.Method) Lane {
	switch m {
	case task.Start, task.Mock:
		return Work
	case task.Monitor:
		return Follow
	default:
		return Control
	}
}

// Methods returns the methods of l.
func (l Lane) Methods() []task.Method {
	switch l {
	case Work:
		return []task.Method{task.Start, task.Mock}
	case Follow:
		return []task.Method{task.Monitor}
	case Control:
		return []task.Method{task.Cancel, task.Rollback, task.Delete}
	default:
		return nil
	}
}

// Subjects returns what the consumer of lane l of a stone reads; with a
// business key only that key's commands.
func (l Lane) Subjects(stone, key string) []string {
	part := "*"
	if key != "" {
		part = Token(key)
	}
	var out []string
	for _, m := range l.Methods() {
		out = append(out, prefixTask+Token(stone)+"."+part+"."+string(m))
	}
	return out
}

// Durable names the consumer of lane l of a stone, w_<stone>, or of one
// business key of it, w_<stone>==<key>. In a token a = is always followed by
// two hex digits, so the two can not be mixed up.
func (l Lane) Durable(stone, key string) string {
	name := string(l) + "_" + Token(stone)
	if key != "" {
		name += "==" + Token(key)
	}
	return name
}
