package seal

import (
	"bytes"
	"crypto/cipher"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strings"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/riverstones/riverstones/queue/keyfile"
)

// Keys hands out the keys that seal and open. An implementation over a key
// management service unwraps its data keys beforehand: the methods are called
// within database transactions and must not block. It must be safe for
// concurrent use.
type Keys interface {
	// Current returns the key that seals, and its id, 1 to 32 characters out of
	// letters, digits and _ - and the dot.
	Current() (id string, key cipher.AEAD)
	// Key returns the key with this id, that opens; [ErrUnknownKey].
	Key(id string) (cipher.AEAD, error)
}

var (
	// ErrUnknownKey says that a value was sealed with a key that is not there.
	ErrUnknownKey = errors.New("key is not known")
	// ErrKeys is wrapped by every error about keys that cannot be used.
	ErrKeys = errors.New("keys for sealing")
)

// KeySize is the length of a key in bytes.
const KeySize = chacha20poly1305.KeySize

var keyID = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,32}$`)

// Keyring is [Keys] held in memory: the first seals, all open. It seals with
// XChaCha20-Poly1305, whose nonces are long enough to be drawn at random by any
// number of processes without counting.
type Keyring struct {
	current string
	keys    map[string]cipher.AEAD
}

// ParseKeys reads keys id:key, with the key's 32 bytes in standard base64, from a
// text as [keyfile.Keys] takes it apart. Its errors show no key.
func ParseKeys(text string) (*Keyring, error) {
	r := &Keyring{keys: map[string]cipher.AEAD{}}
	for key := range keyfile.Keys(text) {
		if err := r.add(key); err != nil {
			return nil, fmt.Errorf("%w: number %d: %w", ErrKeys, len(r.keys)+1, err)
		}
	}
	if r.current == "" {
		return nil, fmt.Errorf("%w: there is none; write lines id:key with 32 bytes in base64", ErrKeys)
	}
	return r, nil
}

func (r *Keyring) add(line string) error {
	id, encoded, ok := strings.Cut(line, ":")
	if !ok || !keyID.MatchString(id) {
		return errors.New("is not id:key with an id of 1 to 32 letters, digits, _ - and dots")
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	if err != nil || len(raw) != KeySize {
		return fmt.Errorf("key %s is not %d bytes in base64", id, KeySize)
	}
	if _, twice := r.keys[id]; twice {
		return fmt.Errorf("key %s is there twice", id)
	}
	key, err := chacha20poly1305.NewX(raw)
	if err != nil {
		return fmt.Errorf("key %s: %w", id, err)
	}
	if r.current == "" {
		r.current = id
	}
	r.keys[id] = key
	return nil
}

// Current returns the first key.
func (r *Keyring) Current() (id string, key cipher.AEAD) { return r.current, r.keys[r.current] }

// Key returns the key with this id; [ErrUnknownKey].
func (r *Keyring) Key(id string) (cipher.AEAD, error) {
	key, ok := r.keys[id]
	if !ok {
		return nil, fmt.Errorf("key %q: %w", id, ErrUnknownKey)
	}
	return key, nil
}

// ReadKeys reads a key file, in the form of [ParseKeys], as [keyfile.Read] does.
func ReadKeys(path string) (*Keyring, error) {
	text, err := keyfile.Read(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKeys, err)
	}
	r, err := ParseKeys(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

// MakeKeys reads a key file, and makes it with one random key if it is not
// there. Its directory must exist.
func MakeKeys(path string) (*Keyring, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if err := makeFile(path); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("%w: make %s: %w", ErrKeys, path, err)
		}
	}
	return ReadKeys(path)
}

// makeFile makes the file as a whole or not at all.
func makeFile(path string) error {
	var b bytes.Buffer
	b.WriteString("# Keys that seal secrets in the database: the first seals, all open.\n# Without them the secrets are lost.\n")
	id := random(4)
	fmt.Fprintf(&b, "k%x:%s\n", id, base64.StdEncoding.EncodeToString(random(KeySize)))
	part := fmt.Sprintf("%s.%x", path, id)
	f, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer os.Remove(part) //nolint:errcheck // it is in the way of nobody
	_, err = f.Write(b.Bytes())
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Link(part, path) // does not replace the file of somebody who was faster
}
