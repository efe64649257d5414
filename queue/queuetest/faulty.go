package queuetest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue"
)

// Faults are the rates, from 0 to 1, at which a [Faulty] line makes things go
// wrong.
type Faults struct {
	Refuse float64 // a message for a stream is not stored, and answered with an error
	Doubt  float64 // it is stored, and answered with an error
	Repeat float64 // it is stored, and comes once more
	Forget float64 // the answer to a delivery (done, give back) is lost
	Miss   float64 // a delivery to a worker is lost
	Delay  float64 // anything takes up to Pause longer, and holds up what is behind it
	Cut    float64 // the connection breaks, with what is on its way
	Pause  time.Duration
}

// Faulty is a line to a real server on which things go wrong: it understands
// enough of NATS to know what passes. Publishers, consumers and workers connect
// to [Faulty.URL] and know nothing of it.
type Faulty struct {
	faults Faults
	chance *Chance
	server string // host:port
	listen net.Listener
	ctx    context.Context
	wg     sync.WaitGroup

	mu    sync.Mutex
	done  map[string]int
	lines map[*line]struct{}
}

// NewFaulty opens a faulty line to a server. It is closed with the test.
func NewFaulty(t testing.TB, s *Server, chance *Chance, faults Faults) *Faulty {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	f := &Faulty{faults: faults, chance: chance, server: strings.TrimPrefix(s.URL(), "nats://"), listen: l, ctx: ctx,
		done: map[string]int{}, lines: map[*line]struct{}{}}
	f.wg.Go(f.accept)
	t.Cleanup(func() {
		cancel()
		_ = l.Close()
		f.mu.Lock()
		for one := range f.lines {
			one.close()
		}
		f.mu.Unlock()
		f.wg.Wait()
		t.Logf("faults of the queue: %v", f.Done())
	})
	return f
}

// URL is where clients connect to.
func (f *Faulty) URL() string { return "nats://" + f.listen.Addr().String() }

// Done counts the faults that were made, by their names.
func (f *Faulty) Done() map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.done)
}

func (f *Faulty) hit(name string, rate float64) bool {
	if !f.chance.In(rate) {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.done[name]++
	return true
}

func (f *Faulty) accept() {
	for {
		client, err := f.listen.Accept()
		if err != nil {
			return
		}
		server, err := new(net.Dialer).DialContext(f.ctx, "tcp", f.server)
		if err != nil {
			_ = client.Close()
			continue
		}
		l := &line{f: f, client: client, server: server, inboxes: map[string]string{}, doubts: map[string]bool{}}
		f.mu.Lock()
		f.lines[l] = struct{}{}
		f.mu.Unlock()
		if f.ctx.Err() != nil {
			l.close()
		}
		f.wg.Go(func() { l.run(client, l.up) })
		f.wg.Go(func() { l.run(server, l.down) })
	}
}

// line is one client's connection.
type line struct {
	f              *Faulty
	client, server net.Conn

	writing sync.Mutex // of messages to the client
	mu      sync.Mutex
	inboxes map[string]string // pattern to subscription number
	doubts  map[string]bool   // reply subjects whose answer becomes an error
}

func (l *line) close() {
	_ = l.client.Close()
	_ = l.server.Close()
}

// frame is one operation of the protocol with its payload.
type frame struct {
	op    string
	args  []string
	bytes []byte // all of it
}

// run passes on what comes from one side until the connection ends.
func (l *line) run(from net.Conn, pass func(*frame) error) {
	defer func() {
		l.close()
		l.f.mu.Lock()
		delete(l.f.lines, l)
		l.f.mu.Unlock()
	}()
	in := bufio.NewReaderSize(from, 64<<10)
	for {
		fr, err := readFrame(in)
		if err != nil {
			return
		}
		if l.f.hit("delay", l.f.faults.Delay) {
			select {
			case <-time.After(l.f.chance.Up(l.f.faults.Pause)):
			case <-l.f.ctx.Done():
			}
		}
		if pass(fr) != nil {
			return
		}
	}
}

// readFrame reads a line, and the payload that belongs to it.
func readFrame(in *bufio.Reader) (*frame, error) {
	text, err := in.ReadBytes('\n')
	if err != nil {
		return nil, err
	}
	words := strings.Fields(string(text))
	if len(words) == 0 {
		return &frame{bytes: text}, nil
	}
	fr := &frame{op: strings.ToUpper(words[0]), args: words[1:], bytes: text}
	switch fr.op {
	case "PUB", "HPUB", "MSG", "HMSG":
		n, err := strconv.Atoi(words[len(words)-1])
		if err != nil {
			return nil, fmt.Errorf("read %q: %w", text, err)
		}
		body := make([]byte, len(text)+n+2)
		copy(body, text)
		if _, err := io.ReadFull(in, body[len(text):]); err != nil {
			return nil, err
		}
		fr.bytes = body
	}
	return fr, nil
}

var errCut = errors.New("cut")

// up passes on what the client sends.
func (l *line) up(fr *frame) error {
	switch fr.op {
	case "SUB": // subject [queue] number
		l.mu.Lock()
		l.inboxes[fr.args[0]] = fr.args[len(fr.args)-1]
		l.mu.Unlock()
	case "PUB", "HPUB":
		return l.publish(fr)
	}
	return l.toServer(fr.bytes)
}

func (l *line) publish(fr *frame) error {
	f, subject, reply := l.f, fr.args[0], ""
	if extra := map[string]int{"PUB": 3, "HPUB": 4}[fr.op]; len(fr.args) == extra {
		reply = fr.args[1]
	}
	switch {
	case strings.HasPrefix(subject, "$JS.ACK.") && reply == "":
		if f.hit("forget", f.faults.Forget) {
			return nil
		}
	case reply == "" || !strings.HasPrefix(subject, "rs.task.") && !strings.HasPrefix(subject, "rs.evt."):
	case f.hit("refuse", f.faults.Refuse):
		return l.refuse(reply)
	case f.hit("doubt", f.faults.Doubt):
		l.mu.Lock()
		l.doubts[reply] = true
		l.mu.Unlock()
	case f.hit("repeat", f.faults.Repeat):
		return l.toServer(append(bytes.Clone(fr.bytes), fr.bytes...))
	case f.hit("cut", f.faults.Cut):
		_ = l.toServer(fr.bytes)
		return errCut
	}
	return l.toServer(fr.bytes)
}

func (l *line) toServer(b []byte) error {
	_, err := l.server.Write(b)
	return err
}

// refusal is how JetStream says that it can not store anything now.
const refusal = `{"error":{"code":503,"err_code":10008,"description":"injected: not available"},"stream":"","seq":0}`

// refuse answers a publish in the server's place.
func (l *line) refuse(reply string) error {
	number := ""
	l.mu.Lock()
	for pattern, n := range l.inboxes {
		if before, some := strings.CutSuffix(pattern, "*"); pattern == reply || some && strings.HasPrefix(reply, before) {
			number = n
		}
	}
	l.mu.Unlock()
	if number == "" {
		return nil // nobody listens; the message is lost all the same
	}
	return l.toClient(fmt.Appendf(nil, "MSG %s %s %d\r\n%s\r\n", reply, number, len(refusal), refusal))
}

func (l *line) toClient(b []byte) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	_, err := l.client.Write(b)
	return err
}

// elsewhere is where the server says it can be reached too.
var elsewhere = regexp.MustCompile(`"(ws_)?connect_urls":\[[^\]]*\],?`)

// toWorkers begins the replies of deliveries that come again.
var toWorkers = []string{"$JS.ACK." + queue.StreamTasks + ".w_", "$JS.ACK." + queue.StreamTasks + ".m_", "$JS.ACK." + queue.StreamTasks + ".c_"}

// down passes on what the server sends.
func (l *line) down(fr *frame) error {
	switch fr.op {
	case "INFO":
		return l.toClient(elsewhere.ReplaceAll(fr.bytes, nil))
	case "MSG", "HMSG": // subject number [reply] lengths
		l.mu.Lock()
		doubted := l.doubts[fr.args[0]]
		delete(l.doubts, fr.args[0])
		l.mu.Unlock()
		if doubted {
			return l.refuse(fr.args[0])
		}
		for _, prefix := range toWorkers {
			if len(fr.args) > 3 && strings.HasPrefix(fr.args[2], prefix) && l.f.hit("miss", l.f.faults.Miss) {
				return nil
			}
		}
	}
	return l.toClient(fr.bytes)
}
