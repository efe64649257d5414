package sealkey_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue/sealkey"
	"github.com/riverstones/riverstones/queue/task"
)

const id = "0190f6a0-0c1d-7b52-9c1f-0d6b8b6f2a11"

// keyring returns one with a key of each id.
func keyring(t *testing.T, ids ...string) *sealkey.Keyring {
	t.Helper()
	r, err := sealkey.Parse(lines(t, ids...))
	require.NoError(t, err)
	return r
}

func lines(t *testing.T, ids ...string) string {
	t.Helper()
	var all []string
	for _, id := range ids {
		line, _, err := sealkey.Generate(id)
		require.NoError(t, err)
		all = append(all, line)
	}
	return strings.Join(all, "\n")
}

func TestSealAndOpen(t *testing.T) {
	t.Parallel()
	r := keyring(t, "k1")
	doc := json.RawMessage(`{"password":"p\u00e4ss\/1","deep":[{"apiKey":{"a":[1]}}],"pin":12345678901234567890,"text":"{\"pwd\":\"x y z\"}",` +
		`"data":"` + base64.StdEncoding.EncodeToString([]byte(`{"secret":"hunter2"}`)) + `","token":null,"secret":"******","n":1.50}`)
	sealed, err := r.Public().Seal(id, doc, []string{"pin"}, nil)
	require.NoError(t, err)
	require.True(t, json.Valid(sealed))
	require.Equal(t, 5, sealkey.Count(doc, []string{"pin"}))
	require.Equal(t, 5, bytes.Count(sealed, []byte(`{"$sealed":"1:k1:`)))
	for _, text := range []string{"p\\u00e4ss", `"a"`, "12345678901234567890", "x y z", "hunter2", base64.StdEncoding.EncodeToString([]byte(`hunter2"`))[:8]} {
		require.NotContains(t, string(sealed), text)
	}
	require.Contains(t, string(sealed), `"token":null,"secret":"******","n":1.50`)

	opened, err := r.Open(strings.ToUpper(id), sealed)
	require.NoError(t, err)
	require.Equal(t, string(doc), string(opened), "byte for byte")

	again, err := r.Public().Seal(id, sealed, []string{"pin"}, nil)
	require.NoError(t, err)
	require.Equal(t, string(sealed), string(again), "what is sealed stays")
	other, err := r.Public().Seal(id, doc, []string{"pin"}, nil)
	require.NoError(t, err)
	require.NotEqual(t, string(sealed), string(other), "each time anew")
	require.JSONEq(t, `{"password":"******","deep":[{"apiKey":"******"}],"pin":"******","text":"******","data":"******","token":null,"secret":"******","n":1.50}`,
		string(task.Redact(sealed)), "masked without the declaration, too")
}

func TestPlainDocumentsAreLeftAlone(t *testing.T) {
	t.Parallel()
	r := keyring(t, "k1")
	doc := json.RawMessage(`{"a":1}`)
	sealed, err := r.Public().Seal(id, doc, nil, nil)
	require.NoError(t, err)
	require.Same(t, &doc[0], &sealed[0])
	opened, err := r.Open(id, doc)
	require.NoError(t, err)
	require.Same(t, &doc[0], &opened[0])
	var none *sealkey.Keyring
	_, err = none.Open(id, doc)
	require.NoError(t, err)
}

func TestWhatDoesNotOpen(t *testing.T) {
	t.Parallel()
	r := keyring(t, "k1", "old")
	sealed, err := r.Public().Seal(id, json.RawMessage(`{"password":"x"}`), nil, nil)
	require.NoError(t, err)
	box := strings.TrimSuffix(strings.TrimPrefix(string(sealed), `{"password":{"$sealed":"1:k1:`), `"}}`)
	with := func(s string) json.RawMessage { return json.RawMessage(`{"a":[{"$sealed":"` + s + `"}]}`) }
	var none *sealkey.Keyring

	_, err = none.Open(id, sealed)
	require.ErrorIs(t, err, sealkey.ErrUnknown)
	require.EqualError(t, err, `sealed to key "k1": the key is not held here, there is none`)
	_, err = keyring(t, "k2", "k3").Open(id, sealed)
	require.ErrorIs(t, err, sealkey.ErrUnknown)
	require.EqualError(t, err, `sealed to key "k1": the key is not held here, only k2, k3`)
	for name, doc := range map[string]json.RawMessage{
		"another key": with("1:old:" + box), "another version": with("2:k1:" + box), "cut off": with("1:k1:" + box[:40]), "short": with("1:k1:aaaa"),
		"no base64": with("1:k1:!" + box), "nothing": with(""), "changed": with("1:k1:" + strings.ToLower(box)),
	} {
		_, err = r.Open(id, doc)
		require.ErrorIs(t, err, sealkey.ErrBroken, name)
	}
	_, err = r.Open("0190f6a0-0c1d-7b52-9c1f-0d6b8b6f2a12", sealed)
	require.ErrorIs(t, err, sealkey.ErrBroken, "another task's")
	require.ErrorContains(t, err, `key "k1"`)
}

func TestRotation(t *testing.T) {
	t.Parallel()
	old, fresh := lines(t, "old"), lines(t, "new")
	before, err := sealkey.Parse(old)
	require.NoError(t, err)
	sealed, err := before.Public().Seal(id, json.RawMessage(`{"password":"x"}`), nil, nil)
	require.NoError(t, err)
	after, err := sealkey.Parse("# comment\n\n" + fresh + "," + old)
	require.NoError(t, err)
	require.Equal(t, "new", after.Public().ID())
	opened, err := after.Open(id, sealed)
	require.NoError(t, err)
	require.JSONEq(t, `{"password":"x"}`, string(opened))
	for _, text := range []string{fmt.Sprint(after), fmt.Sprintf("%+v %#v", after, after)} {
		require.Contains(t, text, "seal keys new, old")
		require.NotContains(t, text, "private")
	}
}

func TestTooMany(t *testing.T) {
	t.Parallel()
	doc := json.RawMessage(`[` + strings.Repeat(`{"pwd":1},`, sealkey.MaxValues) + `{"pwd":1}]`)
	_, err := keyring(t, "k").Public().Seal(id, doc, nil, nil)
	require.ErrorIs(t, err, sealkey.ErrMany)
}

func TestSame(t *testing.T) {
	t.Parallel()
	r := keyring(t, "k")
	sent := json.RawMessage(`{"a":1,"password":"x","list":[{"token":[1,2]}],"z":"\"}"}`)
	stored, err := r.Public().Seal(id, sent, nil, func(value []byte) string { return "d" + fmt.Sprint(len(value)) })
	require.NoError(t, err)
	matches := func(digest string, value []byte) bool { return digest == "d"+fmt.Sprint(len(value)) }
	require.Equal(t, string(sent), string(sealkey.Same(stored, sent, matches)))
	require.Equal(t, string(stored), string(sealkey.Same(stored, stored, nil)), "sealed by the client itself")
	for _, other := range []string{
		`{"a":1,"password":"xy","list":[{"token":[1,2]}],"z":"\"}"}`, `{"a":2,"password":"x","list":[{"token":[1,2]}],"z":"\"}"}`,
		`{"a":1,"password":`, `{}`, ``,
	} {
		require.Equal(t, string(stored), string(sealkey.Same(stored, json.RawMessage(other), matches)), other)
	}
	longer := json.RawMessage(`{"a":1,"password":"x","list":[{"token":[1,2]}],"z":2}`)
	require.NotEqual(t, string(longer), string(sealkey.Same(stored, longer, matches)), "what comes behind is compared by the caller")
}

func TestParse(t *testing.T) {
	t.Parallel()
	line := lines(t, "k1")
	secret := line[strings.LastIndexByte(line, ':')+1:]
	public := keyring(t, "k1").Public().String()
	for _, text := range []string{"", "# nothing", "x25519-private:k1", "x25519-private::" + secret, "x25519-private:k 1:" + secret, "x25519-private:k1:" + secret[1:],
		line + "\n" + line, public, "x25519-private:k1:" + secret + "=", strings.Repeat("x", 50)} {
		_, err := sealkey.Parse(text)
		require.ErrorIs(t, err, sealkey.ErrKey, text)
		require.NotContains(t, err.Error(), secret)
	}
	p, err := sealkey.ParsePublic(public)
	require.NoError(t, err)
	require.Equal(t, public, p.String())
	for _, text := range []string{"", line, "x25519:k1", "x25519:k1:aa", "x25519:k 1" + public[9:], "x25519:zero:" + strings.Repeat("A", 43), "p256" + public[6:]} {
		_, err := sealkey.ParsePublic(text)
		require.ErrorIs(t, err, sealkey.ErrKey, text)
	}
	_, _, err = sealkey.Generate("no id")
	require.ErrorIs(t, err, sealkey.ErrKey)
	_, chance, err := sealkey.Generate("")
	require.NoError(t, err)
	require.Regexp(t, `^s[0-9a-f]{8}$`, chance.ID())
}

func TestRead(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "seal.key")
	_, err := sealkey.Read(path)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NoError(t, os.WriteFile(path, []byte(lines(t, "k1")), 0o600))
	r, err := sealkey.Read(path)
	require.NoError(t, err)
	require.Equal(t, "k1", r.Public().ID())
	require.NoError(t, os.Chmod(path, 0o640))
	_, err = sealkey.Read(path)
	require.ErrorContains(t, err, "chmod 600")
	_, err = sealkey.Read(t.TempDir())
	require.ErrorContains(t, err, "is no key file")
}
