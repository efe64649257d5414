package task

import "bytes"

// sealedMember is the first member of a sealed value, quoted.
const sealedMember = `"$sealed"`

// Sealed reports whether doc begins with a value that was sealed to a stone: an
// object {"$sealed":"…"}, perhaps with a "$digest". [Redact] masks such objects
// whole, and [Hide] and [Secrets] pass them over: what is in them nobody on the
// way can tell.
func Sealed(doc []byte) bool {
	if len(doc) == 0 || doc[0] != '{' {
		return false
	}
	p := parser{walker{src: doc, pos: 1}}
	if p.w.peek() != '"' || !bytes.HasPrefix(doc[p.w.pos:], []byte(sealedMember)) {
		return false
	}
	p.w.pos = 0
	n, ok := p.node()
	if !ok || len(n.names) > 2 {
		return false
	}
	for i := range n.kids {
		if kid := &n.kids[i]; doc[kid.from] != '"' || i > 0 && n.names[i] != "$digest" {
			return false
		}
	}
	return true
}

// MayHoldSealed reports whether a document may hold a sealed value. It is
// cheap, and wrong only for documents that hold this text otherwise.
func MayHoldSealed(doc []byte) bool { return bytes.Contains(doc, []byte(sealedMember)) }

// EachSealed goes over the sealed values within a JSON document, in their
// order, each by where it stands. Values in strings are not looked for, and the
// document itself is none.
func EachSealed(doc []byte) func(yield func(from, to int) bool) {
	return func(yield func(from, to int) bool) {
		if !MayHoldSealed(doc) {
			return
		}
		root, ok := parse(doc)
		if ok {
			root.eachSealed(doc, yield)
		}
	}
}

// eachSealed reports whether to go on.
func (n *node) eachSealed(doc []byte, yield func(from, to int) bool) bool {
	for i := range n.kids {
		kid := &n.kids[i]
		if Sealed(doc[kid.from:kid.to]) {
			if !yield(kid.from, kid.to) {
				return false
			}
		} else if !kid.eachSealed(doc, yield) {
			return false
		}
	}
	return true
}

// ValueEnd returns where the JSON value ends that doc begins with, 0 if it
// begins with none.
func ValueEnd(doc []byte) int {
	w := walker{src: doc, skip: true}
	if !w.value() {
		return 0
	}
	return w.pos
}
