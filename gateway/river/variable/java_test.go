package variable_test

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/river/variable"
)

// utf writes a text with its length, as the streams do.
func utf(s string) string { return string([]byte{byte(len(s) >> 8), byte(len(s))}) + s }

const (
	head     = "\xAC\xED\x00\x05"
	uid      = "12345678"
	number   = "\x72\x00\x10java.lang.Number" + uid + "\x02\x00\x00\x78\x70"
	integer5 = head + "\x73\x72\x00\x11java.lang.Integer" + uid + "\x02\x00\x01I\x00\x05value\x78" + number + "\x00\x00\x00\x05"
)

// arrayList is an ArrayList with the string "a", as a JVM writes it.
func arrayList(t *testing.T) string {
	t.Helper()
	b, err := hex.DecodeString("aced0005737200136a6176612e7574696c2e41727261794c6973747881d21d99c7619d03000149000473697a65787000000001770400000001740001617" + "8")
	require.NoError(t, err)
	return string(b)
}

func TestSerializable(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]string{
		"string":  head + "\x74" + utf("hello"),
		"null":    head + "\x70",
		"integer": integer5,
		"list":    arrayList(t),
		"bytes":   head + "\x75\x72" + utf("[B") + uid + "\x02\x00\x00\x78\x70\x00\x00\x00\x02ab",
		"strings": head + "\x75\x72" + utf("[Ljava.lang.String;") + uid + "\x02\x00\x00\x78\x70\x00\x00\x00\x01\x74" + utf("x"),
		"two, the second by reference to the first's class": integer5 + "\x73\x71\x00\x7e\x00\x00\x00\x00\x00\x06",
	} {
		v, err := variable.Limits{}.Serializable([]byte(in))
		require.NoError(t, err, name)
		require.Equal(t, "serializable", v.Type(), name)
		b, ok := v.Bytes()
		require.True(t, ok, name)
		require.Equal(t, in, string(b), name)
	}
}

func TestSerializableClass(t *testing.T) {
	t.Parallel()
	object := func(class string) string {
		return head + "\x73\x72" + utf(class) + uid + "\x02\x00\x00\x78\x70"
	}
	for name, in := range map[string]string{
		"own class":   object("org.example.Foo"),
		"array":       object("[Lorg.example.Foo;"),
		"super class": head + "\x73\x72" + utf("java.lang.Integer") + uid + "\x02\x00\x00\x78\x72" + utf("org.example.Foo") + uid + "\x02\x00\x00\x78\x70",
		"inside a list": strings.TrimSuffix(arrayList(t), "\x74\x00\x01a\x78") +
			strings.TrimPrefix(object("org.example.Foo"), head) + "\x78",
		"proxy": head + "\x73\x7d\x00\x00\x00\x00\x78\x70",
		"enum":  head + "\x7e\x72" + utf("org.example.Color") + uid + "\x12\x00\x00\x78\x70\x74" + utf("RED"),
	} {
		_, err := variable.Limits{}.Serializable([]byte(in))
		require.ErrorIs(t, err, variable.ErrContent, name)
	}
}

func TestSerializableDamaged(t *testing.T) {
	t.Parallel()
	self := head + "\x73\x72" + utf("java.lang.Integer") + uid + "\x02\x00\x00\x78\x71\x00\x7e\x00\x00"
	for name, in := range map[string]string{
		"empty":            "",
		"text":             "hello",
		"head only":        head,
		"cut":              integer5[:len(integer5)-1],
		"class above self": self,
		"unknown handle":   head + "\x71\x00\x7e\x00\x09",
		"object of null":   head + "\x73\x70",
		"end mark":         head + "\x78",
		"deep":             head + strings.Repeat("\x75\x72"+utf("[Ljava.lang.Object;")+uid+"\x02\x00\x00\x78\x70\x00\x00\x00\x01", 1000),
	} {
		_, err := variable.Limits{}.Serializable([]byte(in))
		var invalid *variable.InvalidError
		require.ErrorAs(t, err, &invalid, name)
	}
}

func FuzzSerializable(f *testing.F) {
	f.Add([]byte(integer5))
	f.Add([]byte(head + "\x7e\x72" + utf("java.util.Date") + uid + "\x12\x00\x00\x78\x70\x74" + utf("RED")))
	f.Add([]byte(head + "\x75\x72" + utf("[B") + uid + "\x02\x00\x00\x78\x70\x00\x00\x00\x02ab"))
	f.Fuzz(func(t *testing.T, in []byte) {
		v, err := variable.Limits{}.Serializable(in)
		if err != nil {
			return
		}
		out, ok := v.Bytes()
		require.True(t, ok)
		require.Equal(t, in, out)
	})
}
