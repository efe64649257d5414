package sqlkit

import (
	"encoding/hex"
	"fmt"
)

// ID is a task's id as databases keep it: the 16 bytes of its UUID.
type ID [16]byte

// dashes are the positions of the hyphens in a UUID's text.
var dashes = [4]int{8, 13, 18, 23}

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
	at := 0
	for i := range id {
		if s[at] == '-' {
			at++
		}
		hi, lo := unhex(s[at]), unhex(s[at+1])
		if hi > 15 || lo > 15 {
			return id, false
		}
		id[i] = hi<<4 | lo
		at += 2
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
