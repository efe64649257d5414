// Package keyfile reads files of secret keys, one a line. What a key looks like
// is up to the caller; who may read the file, and how keys stand in it, is said
// here.
package keyfile

import (
	"fmt"
	"iter"
	"os"
	"runtime"
	"strings"
)

// maxSize bounds a key file, in bytes.
const maxSize = 1 << 20

// othersMay are the permissions of everybody but the owner.
const othersMay = 0o077

// Read returns the text of a key file. Only its owner may be able to read it
// (mode 0600 or less), and it has at most 1 MiB.
func Read(path string) (string, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return "", err
	case !info.Mode().IsRegular() || info.Size() > maxSize:
		return "", fmt.Errorf("%s is no key file", path)
	case info.Mode().Perm()&othersMay != 0 && runtime.GOOS != "windows":
		return "", fmt.Errorf("%s can be read by others (mode %04o): chmod 600 it", path, info.Mode().Perm())
	}
	text, err := os.ReadFile(path)
	return string(text), err
}

// Keys goes through the keys of a text: its lines, or their parts between
// commas. Empty lines, and those that begin with #, are passed over.
func Keys(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for line := range strings.SplitSeq(text, "\n") {
			if strings.HasPrefix(strings.TrimSpace(line), "#") {
				continue
			}
			for key := range strings.SplitSeq(line, ",") {
				if key = strings.TrimSpace(key); key != "" && !yield(key) {
					return
				}
			}
		}
	}
}
