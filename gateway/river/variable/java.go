package variable

import (
	"fmt"
	"strings"
)

// javaClasses are the classes that a serializable may hold: values and plain
// containers. Whoever reads the bytes back into a JVM finds no code to run in
// them.
var javaClasses = makeSet(
	"java.lang.Boolean", "java.lang.Byte", "java.lang.Character", "java.lang.Double", "java.lang.Float",
	"java.lang.Integer", "java.lang.Long", "java.lang.Number", "java.lang.Object", "java.lang.Short", "java.lang.String",
	"java.math.BigDecimal", "java.math.BigInteger",
	"java.util.AbstractCollection", "java.util.AbstractList", "java.util.AbstractMap", "java.util.AbstractSet",
	"java.util.ArrayDeque", "java.util.ArrayList", "java.util.Arrays$ArrayList", "java.util.BitSet", "java.util.CollSer",
	"java.util.Collections$EmptyList", "java.util.Collections$EmptyMap", "java.util.Collections$EmptySet",
	"java.util.Collections$SingletonList", "java.util.Collections$SingletonMap", "java.util.Collections$SingletonSet",
	"java.util.Currency", "java.util.Date", "java.util.HashMap", "java.util.HashSet", "java.util.LinkedHashMap",
	"java.util.LinkedHashSet", "java.util.LinkedList", "java.util.Locale", "java.util.TreeMap", "java.util.TreeSet",
	"java.util.UUID", "java.util.Vector",
)

// makeSet returns a set of names.
func makeSet(names ...string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, n := range names {
		set[n] = true
	}
	return set
}

// allowedClass reports whether a class may stand in a stream; of an array the
// elements count.
func allowedClass(name string) bool {
	element := strings.TrimLeft(name, "[")
	if element == name {
		return javaClasses[name]
	}
	if len(element) == 1 {
		return strings.IndexByte("BCDFIJSZ", element[0]) >= 0
	}
	object, ok := strings.CutPrefix(element, "L")
	object, closed := strings.CutSuffix(object, ";")
	return ok && closed && javaClasses[object]
}

// Serializable returns a value of type serializable that holds b, a stream of
// Java's object serialization, byte for byte. Nothing is made of the objects in
// it: the stream is only followed far enough to see every class that it names.
// The error is an [*InvalidError] for bytes that are no such stream, or are
// larger than l allows, and wraps [ErrContent] if a class is not a plain value
// or container of java.lang, java.math or java.util.
func (l Limits) Serializable(b []byte) (Value, error) {
	if l = l.withDefaults(); int64(len(b)) > l.MaxBytes {
		return Value{}, l.tooLong()
	}
	if err := checkStream(b); err != nil {
		return Value{}, err
	}
	return Value{kind: kindSerializable, text: string(b)}, nil
}

// Binary returns a value of type binary that holds a copy of b. The error is an
// [*InvalidError] if b is larger than l allows.
func (l Limits) Binary(b []byte) (Value, error) {
	if l = l.withDefaults(); int64(len(b)) > l.MaxBytes {
		return Value{}, l.tooLong()
	}
	return Binary(b), nil
}

// refuseClass says which class is in the way.
func refuseClass(name string) error {
	return fmt.Errorf("%w: class %q is no plain value of java.lang, java.math or java.util", ErrContent, clip(name))
}
