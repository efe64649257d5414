package commandstone

import (
	"bytes"
	"io"
	"strings"
	"sync"
	"unicode"

	"github.com/riverstones/riverstones/stone"
)

// captured takes both streams of a command.
type captured struct {
	stdout, stderr *lines

	mu     sync.Mutex
	t      *stone.Task
	left   int // lines that may still be logged
	max    int // bytes of a line
	closed bool
}

func (s *Stone) capture(t *stone.Task) *captured {
	c := &captured{t: t, left: s.cfg.MaxLines, max: s.cfg.MaxLine}
	c.stdout, c.stderr = &lines{to: c, level: "info"}, &lines{to: c, level: "warn"}
	return c
}

// close logs what stands behind the last line end. Later output is dropped.
func (c *captured) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, l := range []*lines{c.stdout, c.stderr} {
		if len(l.buf) > 0 {
			l.emit()
		}
	}
	c.closed = true
}

// lines makes log lines out of a stream.
type lines struct {
	to    *captured
	level string
	buf   []byte
	cut   bool   // the line was longer than fits
	last  string // the last line that was not empty
}

// Write takes the next part of the stream.
func (l *lines) Write(p []byte) (int, error) {
	l.to.mu.Lock()
	defer l.to.mu.Unlock()
	if l.to.closed {
		return 0, io.ErrClosedPipe
	}
	for rest := p; len(rest) > 0; {
		part, after, ended := bytes.Cut(rest, []byte{'\n'})
		room := l.to.max - len(l.buf)
		l.cut = l.cut || len(part) > room
		l.buf = append(l.buf, part[:min(room, len(part))]...)
		if ended {
			l.emit()
		}
		rest = after
	}
	return len(p), nil
}

// emit logs the line in the buffer.
func (l *lines) emit() {
	text := clean(l.buf)
	if l.cut {
		text += "…"
	}
	l.buf, l.cut = l.buf[:0], false
	if text != "" {
		l.last = text
	}
	switch l.to.left--; {
	case l.to.left >= 0:
		l.to.t.Logf(l.level, "%s", text)
	case l.to.left == -1:
		l.to.t.Logf("warn", "too many lines, the rest of the output is dropped")
	default:
		l.to.left = -2
	}
}

// clean makes a line of valid UTF-8 without control characters.
func clean(b []byte) string {
	s := strings.ToValidUTF8(strings.TrimSuffix(string(b), "\r"), "\uFFFD")
	return strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return ' '
		}
		return c
	}, s)
}
