package sqlkit

import (
	"encoding/hex"
	"fmt"
)

// ID is a task's id as databases keep it: the 16 bytes of its UUID.
type ID [16]byte

// Positions in a UUID's text: of the hyphens, and of the two digits of each byte.
var (
	dashes = [4]int{8, 13, 18, 23}
	digits = [16]int{0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34}
)

const textLen = 36

// ParseID reads a UUID in its canonical form: 36 characters, lower case. Every
// id has one text only, since the texts are keys of maps as well.
func ParseID(s string) (ID, error) {
	id, ok := LookID(s)
	if !ok {
		return ID{}, fmt.Errorf("id %q is no UUID in lower case", s)
	}
	return id, nil
}

// LookID is [ParseID] for a text that may well be something else.
func LookID(s string) (id ID, ok bool) {
	if len(s) != textLen {
		return id, false
	}
	for _, d := range dashes {
		if s[d] != '-' {
			return id, false
		}
	}
	for i, at := range digits {
		hi, lo := unhex(s[at]), unhex(s[at+1])
		if hi > 15 || lo > 15 {
			return ID{}, false
		}
		id[i] = hi<<4 | lo
	}
	return id, true
}

// String returns the canonical text.
func (id ID) String() string {
	var b [textLen]byte
	hex.Encode(b[0:8], id[0:4])
	hex.Encode(b[9:13], id[4:6])
	hex.Encode(b[14:18], id[6:8])
	hex.Encode(b[19:23], id[8:10])
	hex.Encode(b[24:36], id[10:16])
	for _, d := range dashes {
		b[d] = '-'
	}
	return string(b[:])
}

// IDs parses all texts.
func IDs(texts []string) ([]ID, error) {
	ids := make([]ID, len(texts))
	for i, s := range texts {
		var err error
		if ids[i], err = ParseID(s); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

func unhex(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	default:
		return 0xff
	}
}
