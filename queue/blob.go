package queue

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// MaxBlob bounds, in bytes, what params and outputs of a new task may have
// together, and what the outputs of a task may grow to.
const MaxBlob = 8 << 20

const (
	// maxObject is the length of an object: grown outputs beside the params.
	maxObject  = 2*MaxBlob + 1<<10
	blobPrefix = "sha256-"
	// blobFresh is how old an object may be to be used again as it is. An older
	// one is written anew, so that its age tells when it was last wanted.
	blobFresh = DuplicateWindow / 4
	// blobTry bounds one try to write or read an object.
	blobTry = 5 * time.Second
)

// ErrBlob says that an object is not there, or is not what its name says:
// another try may find it only if it was written a moment ago.
var ErrBlob = errors.New("large body is missing or broken")

// Blobs is the object store for params and outputs that are too large for a
// message. Objects are named by their content and never change. It is safe for
// concurrent use.
type Blobs struct {
	js jetstream.JetStream

	mu    sync.Mutex
	store jetstream.ObjectStore // nil until it was found
}

// NewBlobs returns the objects of RS_BLOB. Nothing is asked before the first use.
func NewBlobs(js jetstream.JetStream) *Blobs { return &Blobs{js: js} }

// open looks the store up once.
func (b *Blobs) open(ctx context.Context) (jetstream.ObjectStore, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.store != nil {
		return b.store, nil
	}
	s, err := b.js.ObjectStore(ctx, BucketBlobs)
	if err != nil {
		return nil, fmt.Errorf("object store %s: %w", BucketBlobs, err)
	}
	b.store = s
	return s, nil
}

// Put stores params and outputs, each an object or nil, and returns the name to
// send in their place. What is there already is not written again. A failure
// that may pass is tried again until ctx ends, which must have an end; [ErrFull]
// says that there is no room.
func (b *Blobs) Put(ctx context.Context, params, outputs json.RawMessage) (name string, err error) {
	data := encodeBlob(params, outputs)
	sum := sha256.Sum256(data)
	name = blobPrefix + hex.EncodeToString(sum[:])
	if len(data) > maxObject {
		return "", fmt.Errorf("store large body: it has %d bytes, at most %d are taken", len(data), maxObject)
	}
	for {
		if err = b.put(ctx, name, data); err == nil {
			return name, nil
		}
		if hopeless(err) {
			return "", fmt.Errorf("store large body: %w", final(err))
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("store large body: %w", err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (b *Blobs) put(ctx context.Context, name string, data []byte) error {
	ctx, cancel := context.WithTimeout(ctx, blobTry)
	defer cancel()
	s, err := b.open(ctx)
	if err != nil {
		return err
	}
	info, err := s.GetInfo(ctx, name)
	if err == nil && info.Size == uint64(len(data)) && time.Since(info.ModTime) < blobFresh {
		return nil
	}
	if err != nil && !errors.Is(err, jetstream.ErrObjectNotFound) && !errors.Is(err, jetstream.ErrBadObjectMeta) {
		return err
	}
	_, err = s.Put(ctx, jetstream.ObjectMeta{Name: name}, bytes.NewReader(data))
	return err
}

func encodeBlob(params, outputs json.RawMessage) []byte {
	data := make([]byte, 0, len(params)+len(outputs)+32)
	data = appendRaw(append(data, `{"params":`...), params, "null")
	return append(appendRaw(append(data, `,"outputs":`...), outputs, "null"), '}')
}

// Get returns what stands under a name; what is null there is the empty
// object. An object that is missing, too long or not what its name says is
// [ErrBlob]; any other error may pass. It gives up after five seconds.
func (b *Blobs) Get(ctx context.Context, name string) (params, outputs json.RawMessage, err error) {
	data, err := b.read(ctx, name)
	if err == nil {
		params, outputs, err = decodeBlob(data)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read large body %.80q: %w", name, err)
	}
	return params, outputs, nil
}

// read returns the bytes of an object, which have the digest in its name.
func (b *Blobs) read(ctx context.Context, name string) ([]byte, error) {
	if !checkBlob(name) {
		return nil, fmt.Errorf("%w: a name is %s and 64 hex digits", ErrBlob, blobPrefix)
	}
	ctx, cancel := context.WithTimeout(ctx, blobTry)
	defer cancel()
	s, err := b.open(ctx)
	if err != nil {
		return nil, err
	}
	r, err := s.Get(ctx, name)
	if errors.Is(err, jetstream.ErrObjectNotFound) || errors.Is(err, jetstream.ErrBadObjectMeta) {
		return nil, fmt.Errorf("%w: %w", ErrBlob, err)
	}
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(r, maxObject+1))
	if closed := r.Close(); err == nil {
		err = closed
	}
	sum := sha256.Sum256(data)
	switch {
	case len(data) > maxObject:
		return nil, fmt.Errorf("%w: it has more than %d bytes", ErrBlob, maxObject)
	case err != nil && !errors.Is(err, jetstream.ErrDigestMismatch):
		return nil, err
	case hex.EncodeToString(sum[:]) != name[len(blobPrefix):]:
		return nil, fmt.Errorf("%w: its digest is not its name", ErrBlob)
	}
	return data, nil
}

func checkBlob(name string) bool {
	digits, ok := strings.CutPrefix(name, blobPrefix)
	sum, err := hex.DecodeString(digits)
	return ok && err == nil && len(sum) == sha256.Size && digits == strings.ToLower(digits)
}

func decodeBlob(data []byte) (params, outputs json.RawMessage, err error) {
	var w struct {
		Params  jsontext.Value `json:"params"`
		Outputs jsontext.Value `json:"outputs"`
	}
	if err = jsonv2.Unmarshal(data, &w); err == nil {
		if params, err = object("params", w.Params); err == nil {
			outputs, err = object("outputs", w.Outputs)
		}
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrBlob, err)
	}
	return params, outputs, nil
}

// Command fetches the params and outputs of a command that names an object,
// which it does not name any more then. Errors are those of [Blobs.Get].
func (b *Blobs) Command(ctx context.Context, c *Command) error {
	if c.Blob == "" {
		return nil
	}
	params, outputs, err := b.Get(ctx, c.Blob)
	if err != nil {
		return err
	}
	c.Params, c.Outputs, c.Blob = params, outputs, ""
	return nil
}

// Event fetches the outputs of an event that names an object, as
// [Blobs.Command] does.
func (b *Blobs) Event(ctx context.Context, e *Event) error {
	if e.Blob == "" {
		return nil
	}
	_, outputs, err := b.Get(ctx, e.Blob)
	if err != nil {
		return err
	}
	e.Outputs, e.Blob = outputs, ""
	return nil
}

// stow puts the params and outputs of a command into an object if they are too
// large for its message. The command is not changed.
func (b *Blobs) stow(ctx context.Context, c *Command) (*Command, error) {
	name, err := b.Put(ctx, c.Params, c.Outputs)
	if err != nil {
		return nil, err
	}
	out := *c
	out.Params, out.Outputs, out.Blob = nil, nil, name
	return &out, nil
}

func (c *Command) large() bool {
	return len(c.Params)+len(c.Outputs) > MaxInline && c.Blob == ""
}

// ParseCommandMsg is [ParseCommand] for a whole message: it knows the object
// and the trace in its header, and whether it is a copy by its message id.
func ParseCommandMsg(m *nats.Msg) (*Command, error) {
	c, err := ParseCommand(m.Data)
	c.Blob, c.Trace = m.Header.Get(HeaderBlob), m.Header.Get(HeaderTrace)
	c.Copy = copyOf(c, m.Header.Get(nats.MsgIdHdr))
	return c, err
}

// copyOf returns what a message id has behind that of the command, or all of
// it if it is another one.
func copyOf(c *Command, id string) string {
	if id == "" {
		return ""
	}
	own := c.MsgID()
	if id == own {
		return ""
	}
	if behind, ok := strings.CutPrefix(id, own+"."); ok {
		return behind
	}
	return id
}

// ParseEventsMsg is [ParseEvents] for a whole message: it knows the trace and the
// object in its header, which only an event that travels alone may have.
func ParseEventsMsg(m *nats.Msg) ([]Parsed, error) {
	all, err := ParseEvents(m.Data)
	if err != nil {
		return all, err
	}
	alone := len(all) == 1 && jsontext.Value(m.Data).Kind() != '['
	if name := m.Header.Get(HeaderBlob); name != "" {
		if !alone {
			return nil, fmt.Errorf("%w: %s on a message of several events", ErrMessage, HeaderBlob)
		}
		all[0].Event.Blob = name
	}
	if alone && all[0].Event.Trace == "" {
		all[0].Event.Trace = m.Header.Get(HeaderTrace)
	}
	return all, nil
}
