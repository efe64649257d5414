package seal

import (
	"bytes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"go.uber.org/zap"

	"github.com/riverstones/riverstones/queue/task"
)

const (
	// prefix begins every sealed value. Strings of clients that begin with it
	// are sealed too, so that nothing else does.
	prefix  = "$sealed:"
	version = "1"
	start   = `"` + prefix
	masked  = `"` + task.Mask + `"`
)

var errForm = errors.New("sealed value is malformed")

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: it ends the process instead
	return b
}

// data is what a sealed value is bound to: it opens in its place only.
func data(key, owner string) []byte {
	return []byte("riverstones/" + version + "\x00" + key + "\x00" + strings.ToLower(owner))
}

// token seals one JSON value of an owner, which is the task's id. The result
// is a JSON string.
func token(id string, key cipher.AEAD, owner string, value []byte) []byte {
	size := key.NonceSize()
	box := make([]byte, size, size+len(value)+key.Overhead())
	_, _ = rand.Read(box)
	box = key.Seal(box, box, value, data(id, owner))
	head := start + version + ":" + id + ":"
	out := make([]byte, 0, len(head)+base64.RawURLEncoding.EncodedLen(len(box))+1)
	return append(base64.RawURLEncoding.AppendEncode(append(out, head...), box), '"')
}

// value opens a sealed value, given without its quotes.
func value(keys Keys, owner string, sealed []byte) ([]byte, error) {
	parts := strings.SplitN(strings.TrimPrefix(string(sealed), prefix), ":", 3)
	if len(parts) != 3 || parts[0] != version {
		return nil, errForm
	}
	if keys == nil {
		return nil, fmt.Errorf("key %q: %w", parts[1], ErrUnknownKey)
	}
	key, err := keys.Key(parts[1])
	if err != nil {
		return nil, err
	}
	box, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || len(box) < key.NonceSize() {
		return nil, errForm
	}
	size := key.NonceSize()
	plain, err := key.Open(nil, box[:size], box[size:], data(parts[1], owner))
	if err != nil {
		return nil, fmt.Errorf("key %q does not open it: %w", parts[1], err)
	}
	return plain, nil
}

// sealer seals documents, one after the other.
type sealer struct {
	keys  Keys
	owner string
	hide  func(value []byte) []byte // made once, for it is garbage otherwise
}

// sealer returns a new one. It is not safe for concurrent use.
func (s *Store) sealer() *sealer {
	x := &sealer{keys: s.keys}
	x.hide = func(value []byte) []byte {
		id, key := x.keys.Current()
		return token(id, key, x.owner, value)
	}
	return x
}

// seal returns doc with its secrets sealed.
func (x *sealer) seal(owner string, noEcho []string, doc []byte) []byte {
	if x.keys == nil || len(doc) <= len("{}") {
		return doc
	}
	x.owner = owner
	return task.Hide(doc, noEcho, prefix, x.hide)
}

// open returns doc with its sealed values opened, and whether some could not
// be: these are masked. doc is not changed.
func (s *Store) open(owner string, doc []byte) (opened []byte, lost bool) {
	if !bytes.Contains(doc, []byte(start)) {
		return doc, false
	}
	out := make([]byte, 0, len(doc))
	last := 0
	for from, to := range texts(doc) {
		if !bytes.HasPrefix(doc[from:to], []byte(start)) {
			continue
		}
		plain, err := value(s.keys, owner, doc[from+1:to-1])
		if errors.Is(err, errForm) {
			continue // a client's own, from before there were keys
		}
		if err != nil {
			s.log.Error("a sealed secret can not be opened and stays masked", zap.String("owner", owner), zap.Error(err))
			plain, lost = []byte(masked), true
		}
		out = append(append(out, doc[last:from]...), plain...)
		last = to
	}
	return append(out, doc[last:]...), lost
}

// texts goes over the strings of a JSON document that are values, with their
// quotes.
func texts(doc []byte) func(yield func(from, to int) bool) {
	return func(yield func(from, to int) bool) {
		for i := 0; i < len(doc); i++ {
			if doc[i] != '"' {
				continue
			}
			from := i
			for i++; i < len(doc) && doc[i] != '"'; i++ {
				if doc[i] == '\\' {
					i++
				}
			}
			if i >= len(doc) {
				return
			}
			behind := bytes.TrimLeft(doc[i+1:], " \t\r\n")
			if name := len(behind) > 0 && behind[0] == ':'; !name && !yield(from, i+1) {
				return
			}
		}
	}
}

// again returns what to store for a document that was opened from stored and
// may have changed since: sealed values that could not be opened stay.
func (x *sealer) again(owner string, noEcho []string, doc, opened, stored []byte) []byte {
	if bytes.Equal(doc, opened) && (doc == nil) == (opened == nil) {
		return stored
	}
	sealed := x.seal(owner, noEcho, doc)
	if bytes.Contains(stored, []byte(start)) && bytes.Contains(sealed, []byte(masked)) {
		return task.RestoreHidden(sealed, stored, prefix)
	}
	return sealed
}
