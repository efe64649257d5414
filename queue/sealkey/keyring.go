package sealkey

import (
	"crypto/hpke"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/riverstones/riverstones/queue/keyfile"
	"github.com/riverstones/riverstones/queue/task"
)

var (
	// ErrUnknown says that a value is sealed to a key that is not held here:
	// another worker may hold it.
	ErrUnknown = errors.New("the key is not held here")
	// ErrBroken says that a value can not be opened with the key it names: it
	// was changed, or sealed for another task.
	ErrBroken = errors.New("sealed value can not be opened")
)

// Keyring holds the private keys of a stone's workers: the first is announced,
// all open. It is safe for concurrent use, and shows no key when it is printed.
type Keyring struct {
	first *Public
	ids   []string
	keys  map[string]hpke.PrivateKey
}

// Parse reads private keys x25519-private:<id>:<32 bytes in base64url> from a text
// as [keyfile.Keys] takes it apart. Its errors wrap [ErrKey] and show no key.
func Parse(text string) (*Keyring, error) {
	r := &Keyring{keys: map[string]hpke.PrivateKey{}}
	for key := range keyfile.Keys(text) {
		if err := r.add(key); err != nil {
			return nil, fmt.Errorf("%w number %d: %w", ErrKey, len(r.ids)+1, err)
		}
	}
	if r.first == nil {
		return nil, fmt.Errorf("%w: there is none; make one with riverstones stone keygen", ErrKey)
	}
	return r, nil
}

func (r *Keyring) add(line string) error {
	rest, ok := strings.CutPrefix(line, privatePrefix)
	id, encoded, two := strings.Cut(rest, ":")
	if !ok || !two || !keyID.MatchString(id) {
		return fmt.Errorf("is not %s<id>:<base64url> with an id of 1 to 32 letters, digits, _ - and dots", privatePrefix)
	}
	raw, err := encoding.DecodeString(encoded)
	if err != nil {
		return fmt.Errorf("key %s is not 32 bytes in base64url", id)
	}
	if _, twice := r.keys[id]; twice {
		return fmt.Errorf("key %s is there twice", id)
	}
	key, err := kem().NewPrivateKey(raw)
	if err != nil {
		return fmt.Errorf("key %s is not 32 bytes in base64url", id)
	}
	if r.first == nil {
		r.first = newPublic(id, key.PublicKey())
	}
	r.ids, r.keys[id] = append(r.ids, id), key
	return nil
}

// Read reads a key file, in the form of [Parse], as [keyfile.Read] does.
func Read(path string) (*Keyring, error) {
	text, err := keyfile.Read(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	r, err := Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

// Generate makes a key pair and returns the line of its private key, which
// [Parse] reads, and its public one. An empty id becomes one of chance.
func Generate(id string) (private string, public *Public, err error) {
	if id == "" {
		b := make([]byte, 4)
		_, _ = rand.Read(b) // never fails: it ends the process instead
		id = "s" + hex.EncodeToString(b)
	}
	if !keyID.MatchString(id) {
		return "", nil, fmt.Errorf("%w: an id has 1 to 32 letters, digits, _ - and dots", ErrKey)
	}
	key, err := kem().GenerateKey()
	if err != nil {
		return "", nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	raw, err := key.Bytes()
	if err != nil {
		return "", nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	return privatePrefix + id + ":" + encoding.EncodeToString(raw), newPublic(id, key.PublicKey()), nil
}

// Public returns the key to announce, the first one.
func (r *Keyring) Public() *Public { return r.first }

// String names the keys.
func (r *Keyring) String() string { return "seal keys " + strings.Join(r.ids, ", ") }

// GoString is String, so that no verb prints a key.
func (r *Keyring) GoString() string { return r.String() }

// Open returns a document of a task with its sealed values opened, byte for
// byte as they were sealed; doc itself if there are none. A nil keyring holds
// no key. The errors are [ErrUnknown] and [ErrBroken]; they name the key.
func (r *Keyring) Open(taskID string, doc json.RawMessage) (json.RawMessage, error) {
	var out []byte
	last := 0
	for from, to := range task.EachSealed(doc) {
		value, err := r.value(taskID, doc[from:to])
		if err != nil {
			return nil, err
		}
		out = append(append(out, doc[last:from]...), value...)
		last = to
	}
	if last == 0 {
		return doc, nil
	}
	return append(out, doc[last:]...), nil
}

func (r *Keyring) value(taskID string, doc []byte) ([]byte, error) {
	var s sealed
	if err := json.Unmarshal(doc, &s); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBroken, err)
	}
	form, rest, _ := strings.Cut(s.Sealed, ":")
	id, encoded, ok := strings.Cut(rest, ":")
	if form != version || !ok || !keyID.MatchString(id) {
		return nil, fmt.Errorf("%w: it is not written %s:<key id>:<base64url>", ErrBroken, version)
	}
	if r == nil || r.keys[id] == nil {
		return nil, fmt.Errorf("sealed to key %q: %w%s", id, ErrUnknown, r.held())
	}
	box, err := encoding.DecodeString(encoded)
	if err != nil {
		return nil, fmt.Errorf("%w: key %q: it is no base64url", ErrBroken, id)
	}
	value, err := hpke.Open(r.keys[id], hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), info(id, taskID), box)
	if err != nil {
		return nil, fmt.Errorf("%w: key %q, for this task: %w", ErrBroken, id, err)
	}
	if !json.Valid(value) {
		return nil, fmt.Errorf("%w: key %q: what was sealed is no JSON", ErrBroken, id)
	}
	return value, nil
}

// held says which keys are there.
func (r *Keyring) held() string {
	if r == nil {
		return ", there is none"
	}
	return ", only " + strings.Join(r.ids, ", ")
}
