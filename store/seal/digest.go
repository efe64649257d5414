package seal

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// owned tells digests from values that are sealed for the same task.
const owned = "digest/"

// Digest returns a text by which [Store.Matches] recognises a value of the task
// with this id, and nobody without the keys can tell anything; "" without keys.
// It goes with secrets that are sealed to a stone, which nobody here can open.
func (s *Store) Digest(id string, plain []byte) string {
	if s.keys == nil {
		return ""
	}
	sum := sha256.Sum256(plain)
	name, key := s.keys.Current()
	quoted := token(name, key, owned+id, []byte(hex.EncodeToString(sum[:])))
	return strings.TrimPrefix(string(quoted[1:len(quoted)-1]), prefix)
}

// Matches reports whether a digest is that of a value of this task. One that can
// not be read, such as that of a lost key, is taken to match: then nobody can
// tell values apart.
func (s *Store) Matches(id, digest string, plain []byte) bool {
	if digest == "" {
		return true
	}
	known, err := value(s.keys, owned+id, []byte(prefix+digest))
	if err != nil {
		return true
	}
	sum := sha256.Sum256(plain)
	return string(known) == hex.EncodeToString(sum[:])
}
