package variable

import (
	"encoding/binary"
)

// The parts of a stream, as the grammar of Java's object serialization numbers them.
const (
	tcNull           = 0x70
	tcReference      = 0x71
	tcClassDesc      = 0x72
	tcObject         = 0x73
	tcString         = 0x74
	tcArray          = 0x75
	tcClass          = 0x76
	tcBlockData      = 0x77
	tcEndBlockData   = 0x78
	tcReset          = 0x79
	tcBlockDataLong  = 0x7A
	tcLongString     = 0x7C
	tcProxyClassDesc = 0x7D
	tcEnum           = 0x7E
	firstHandle      = 0x7E0000
)

// Flags of a class.
const (
	scWriteMethod    = 0x01
	scSerializable   = 0x02
	scExternalizable = 0x04
	scBlockData      = 0x08
)

// Bounds of what a reader would have to hold at once.
const (
	maxJavaDepth   = 200
	maxJavaSupers  = 16
	maxJavaHandles = 1 << 20
)

// errStream is the answer to bytes that do not follow the grammar.
var errStream = &InvalidError{Reason: "the content is no stream of serialized Java objects, or it is damaged"}

// javaClass is a class as the stream describes it.
type javaClass struct {
	name   string
	flags  byte
	fields []byte // the type code of each
	super  *javaClass
	supers int  // how many classes are above it
	whole  bool // the description is read to its end
}

// javaStream walks a stream. A read beyond the end, or anything against the
// grammar, leaves an error in err, and every later read does nothing.
type javaStream struct {
	data    []byte
	handles []*javaClass // nil for what is no class
	depth   int
	err     error
}

// checkStream follows a whole stream.
func checkStream(b []byte) error {
	s := &javaStream{data: b}
	if s.uint32() != 0xACED0005 || len(s.data) == 0 {
		return errStream
	}
	for s.err == nil && len(s.data) > 0 {
		s.content(s.byte())
	}
	return s.err
}

// content reads one object, or a piece of raw data, whose type code is tc.
func (s *javaStream) content(tc byte) {
	switch tc {
	case tcBlockData:
		s.take(uint64(s.byte()))
	case tcBlockDataLong:
		s.take(uint64(s.uint32()))
	case tcReset:
		s.handles = nil
	default:
		s.object(tc)
	}
}

// object reads one object, whose type code is tc.
func (s *javaStream) object(tc byte) {
	if s.depth++; s.depth > maxJavaDepth {
		s.fail(errStream)
		return
	}
	defer func() { s.depth-- }()
	switch tc {
	case tcNull:
	case tcReference:
		s.reference()
	case tcString:
		s.handle(nil)
		s.take(uint64(s.uint16()))
	case tcLongString:
		s.handle(nil)
		s.take(s.uint64())
	case tcObject:
		s.newObject()
	case tcArray:
		s.newArray()
	case tcEnum:
		s.classDesc(s.byte())
		s.handle(nil)
		s.object(s.byte())
	case tcClass:
		s.classDesc(s.byte())
		s.handle(nil)
	case tcClassDesc, tcProxyClassDesc:
		s.classDesc(tc)
	default:
		s.fail(errStream)
	}
}

// newObject reads an object: its class, then its data from the topmost class down.
func (s *javaStream) newObject() {
	class := s.classDesc(s.byte())
	s.handle(nil)
	if class == nil {
		s.fail(errStream)
		return
	}
	var chain []*javaClass
	for c := class; c != nil; c = c.super {
		chain = append(chain, c)
	}
	for i := len(chain) - 1; i >= 0 && s.err == nil; i-- {
		s.classData(chain[i])
	}
}

// classData reads what one class of an object has written.
func (s *javaStream) classData(c *javaClass) {
	switch {
	case c.flags&scExternalizable != 0 && c.flags&scBlockData == 0:
		s.fail(errStream) // of an old protocol, which can not be followed without the class
	case c.flags&scExternalizable != 0:
		s.annotation()
	case c.flags&scSerializable != 0:
		for _, f := range c.fields {
			s.value(f)
		}
		if c.flags&scWriteMethod != 0 {
			s.annotation()
		}
	}
}

// newArray reads an array; the class's name tells the type of the elements.
func (s *javaStream) newArray() {
	class := s.classDesc(s.byte())
	s.handle(nil)
	n := s.uint32()
	if class == nil || len(class.name) < 2 || class.name[0] != '[' {
		s.fail(errStream)
		return
	}
	for ; n > 0 && s.err == nil; n-- {
		s.value(class.name[1])
	}
}

// value reads a value whose type has the code t.
func (s *javaStream) value(t byte) {
	switch t {
	case 'B', 'Z':
		s.take(1)
	case 'C', 'S':
		s.take(2)
	case 'I', 'F':
		s.take(4)
	case 'J', 'D':
		s.take(8)
	case 'L', '[':
		s.object(s.byte())
	default:
		s.fail(errStream)
	}
}

// annotation reads what a class adds on its own, up to the end mark.
func (s *javaStream) annotation() {
	for s.err == nil {
		tc := s.byte()
		if tc == tcEndBlockData {
			return
		}
		if tc == tcReset { // only between objects
			s.fail(errStream)
			return
		}
		s.content(tc)
	}
}

// classDesc reads the description of a class, nil for none.
func (s *javaStream) classDesc(tc byte) *javaClass {
	switch tc {
	case tcNull:
		return nil
	case tcReference:
		c := s.reference()
		if c == nil || !c.whole { // a class above itself would have no end
			s.fail(errStream)
			return nil
		}
		return c
	case tcClassDesc:
		return s.newClass()
	case tcProxyClassDesc:
		s.fail(refuseClass("java.lang.reflect.Proxy"))
	default:
		s.fail(errStream)
	}
	return nil
}

// newClass reads a class that the stream names for the first time.
func (s *javaStream) newClass() *javaClass {
	if s.depth++; s.depth > maxJavaDepth {
		s.fail(errStream)
		return nil
	}
	defer func() { s.depth-- }()
	c := &javaClass{name: string(s.take(uint64(s.uint16())))}
	if s.err == nil && !allowedClass(c.name) {
		s.fail(refuseClass(c.name))
	}
	s.take(8) // serialVersionUID
	s.handle(c)
	c.flags = s.byte()
	for n := s.uint16(); n > 0 && s.err == nil; n-- {
		c.fields = append(c.fields, s.field())
	}
	s.annotation()
	if c.super = s.classDesc(s.byte()); c.super != nil {
		c.supers = c.super.supers + 1
	}
	if c.supers > maxJavaSupers {
		s.fail(errStream)
	}
	c.whole = true
	return c
}

// field reads a field's description and returns the code of its type.
func (s *javaStream) field() byte {
	t := s.byte()
	s.take(uint64(s.uint16()))
	if t == 'L' || t == '[' {
		s.object(s.byte())
	}
	return t
}

// handle numbers what may be referred to later.
func (s *javaStream) handle(c *javaClass) {
	if len(s.handles) >= maxJavaHandles {
		s.fail(errStream)
		return
	}
	s.handles = append(s.handles, c)
}

// reference reads a number given before, and returns the class if it is one.
func (s *javaStream) reference() *javaClass {
	n := int64(s.uint32()) - firstHandle
	if n < 0 || n >= int64(len(s.handles)) {
		s.fail(errStream)
		return nil
	}
	return s.handles[n]
}

// fail keeps the first error and ends the walk.
func (s *javaStream) fail(err error) {
	if s.err == nil {
		s.err = err
	}
	s.data = nil
}

// take reads n bytes, nil if there are not so many.
func (s *javaStream) take(n uint64) []byte {
	if n > uint64(len(s.data)) {
		s.fail(errStream)
		return nil
	}
	b := s.data[:n]
	s.data = s.data[n:]
	return b
}

// number reads n bytes, at most 8, as an unsigned number.
func (s *javaStream) number(n uint64) uint64 {
	var b [8]byte
	copy(b[8-n:], s.take(n))
	return binary.BigEndian.Uint64(b[:])
}

func (s *javaStream) byte() byte     { return byte(s.number(1)) }   //nolint:gosec // of one byte
func (s *javaStream) uint16() uint16 { return uint16(s.number(2)) } //nolint:gosec // of two bytes
func (s *javaStream) uint32() uint32 { return uint32(s.number(4)) } //nolint:gosec // of four bytes
func (s *javaStream) uint64() uint64 { return s.number(8) }
