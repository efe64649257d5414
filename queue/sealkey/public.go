package sealkey

import (
	"bytes"
	"crypto/ecdh"
	"crypto/hpke"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/riverstones/riverstones/queue/task"
)

// MaxValues is how many values of one document are sealed: each costs about
// 0.1 ms at either end.
const MaxValues = 1000

const (
	publicPrefix  = "x25519:"
	privatePrefix = "x25519-private:"
	version       = "1"
	head          = `{"$sealed":"` + version + ":"
)

var (
	// ErrKey is wrapped by every error about keys that can not be used.
	ErrKey = errors.New("seal key")
	// ErrMany says that a document has more secrets than [MaxValues].
	ErrMany = fmt.Errorf("more than %d secrets can not be sealed: put some of them into one object", MaxValues)
)

var (
	keyID    = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,32}$`)
	encoding = base64.RawURLEncoding.Strict()
)

func kem() hpke.KEM { return hpke.DHKEM(ecdh.X25519()) }

// info is what a sealed value is bound to: it opens with this key, for this
// task only.
func info(key, taskID string) []byte {
	return []byte("riverstones/sealed/" + version + "\x00" + key + "\x00" + strings.ToLower(taskID))
}

// Public is the key that a stone announces. It is safe for concurrent use.
type Public struct {
	id   string
	key  hpke.PublicKey
	text string
}

// ParsePublic reads a key as a stone announces it: x25519:<id>:<32 bytes in
// base64url>. Its error wraps [ErrKey].
func ParsePublic(text string) (*Public, error) {
	rest, ok := strings.CutPrefix(text, publicPrefix)
	id, encoded, two := strings.Cut(rest, ":")
	if !ok || !two || !keyID.MatchString(id) {
		return nil, fmt.Errorf("%w: a public key is written %s<id>:<base64url>", ErrKey, publicPrefix)
	}
	raw, err := encoding.DecodeString(encoded)
	if err != nil {
		return nil, fmt.Errorf("%w %s: it is not 32 bytes in base64url", ErrKey, id)
	}
	key, err := kem().NewPublicKey(raw)
	if err != nil {
		return nil, fmt.Errorf("%w %s: %w", ErrKey, id, err)
	}
	p := newPublic(id, key)
	if _, err := p.value("", []byte("null")); err != nil { // a point that nothing can be sealed to
		return nil, fmt.Errorf("%w %s: %w", ErrKey, id, err)
	}
	return p, nil
}

func newPublic(id string, key hpke.PublicKey) *Public {
	return &Public{id: id, key: key, text: publicPrefix + id + ":" + encoding.EncodeToString(key.Bytes())}
}

// ID is the key's id.
func (p *Public) ID() string { return p.id }

// String is the key as it is announced.
func (p *Public) String() string { return p.text }

// Seal returns a document of a task with its secrets sealed: what
// [task.RedactWith] would mask, each value as a whole, strings that hold
// documents with secrets too. What is sealed already, null, or masked stays.
// digest, if it is not nil, adds to each value a text that tells its publisher
// later what was sealed; "" adds none. It returns doc itself when nothing is
// secret, and [ErrMany] for more than [MaxValues].
func (p *Public) Seal(taskID string, doc json.RawMessage, noEcho []string, digest func(value []byte) string) (json.RawMessage, error) {
	var failed error
	n := 0
	sealed := task.Hide(doc, noEcho, "", func(value []byte) []byte {
		if n++; n > MaxValues && failed == nil {
			failed = ErrMany
		}
		if failed != nil {
			return []byte("null")
		}
		out, err := p.value(taskID, value)
		if err != nil {
			failed = fmt.Errorf("seal to key %s: %w", p.id, err)
			return []byte("null")
		}
		if digest != nil {
			if d := digest(value); d != "" {
				out = append(append(append(out[:len(out)-1], `,"$digest":"`...), d...), `"}`...)
			}
		}
		return out
	})
	if failed != nil {
		return nil, failed
	}
	return sealed, nil
}

// Count returns how many values [Public.Seal] would seal.
func Count(doc json.RawMessage, noEcho []string) (n int) {
	task.Hide(doc, noEcho, "", func(value []byte) []byte { n++; return value })
	return n
}

func (p *Public) value(taskID string, value []byte) ([]byte, error) {
	box, err := hpke.Seal(p.key, hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), info(p.id, taskID), value)
	if err != nil {
		return nil, err
	}
	out := make([]byte, 0, len(head)+len(p.id)+3+encoding.EncodedLen(len(box)))
	out = append(append(append(out, head...), p.id...), ':')
	return append(encoding.AppendEncode(out, box), `"}`...), nil
}

// Same returns a stored document with the values that were sealed in it
// replaced by those that stand in their places in clear, a document without
// white space, where matches says of the digest that they are the same. So
// both documents are equal if their contents are. Where they differ otherwise
// the stored one comes back as it is.
func Same(stored, sent json.RawMessage, matches func(digest string, value []byte) bool) json.RawMessage {
	var out []byte
	last, at := 0, 0 // in stored, in sent
	for from, to := range task.EachSealed(stored) {
		between := stored[last:from]
		if !bytes.HasPrefix(sent[at:], between) {
			return stored
		}
		at += len(between)
		end := task.ValueEnd(sent[at:])
		value := sent[at : at+end]
		var s sealed
		if end == 0 || json.Unmarshal(stored[from:to], &s) != nil || !bytes.Equal(value, stored[from:to]) && !matches(s.Digest, value) {
			return stored
		}
		out = append(append(out, between...), value...)
		last, at = to, at+end
	}
	if last == 0 {
		return stored
	}
	return append(out, stored[last:]...)
}

// sealed is a sealed value as it is written.
type sealed struct {
	Sealed string `json:"$sealed"`
	Digest string `json:"$digest"`
}
