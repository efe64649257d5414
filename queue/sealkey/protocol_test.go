package sealkey_test

import (
	"encoding/json"
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue/sealkey"
)

// The example of PROTOCOL.md, which other languages test with, opens as it says.
func TestExampleOfTheProtocol(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../PROTOCOL.md")
	require.NoError(t, err)
	find := func(pattern string) string {
		m := regexp.MustCompile(pattern).FindSubmatch(b)
		require.NotNil(t, m, pattern)
		return string(m[1])
	}
	public := find("\n(x25519:k1:[^<\\s]+)\n")
	r, err := sealkey.Parse("x25519-private:k1:" + find("private key `([^`]+)`"))
	require.NoError(t, err)
	require.Equal(t, public, r.Public().String())
	doc := `{"password":` + find(`\n(\{"\$sealed":"1:k1:[^"]+"\})\n`) + `}`
	opened, err := r.Open(find("for the task `([^`]+)`"), json.RawMessage(doc))
	require.NoError(t, err)
	require.JSONEq(t, `{"password":`+find("\nas `(\"[^`]+)`")+`}`, string(opened))

	p, err := sealkey.ParsePublic(public)
	require.NoError(t, err)
	sealed, err := p.Seal("t", json.RawMessage(`{"password":"x"}`), nil, nil)
	require.NoError(t, err)
	_, err = r.Open("t", sealed)
	require.NoError(t, err)
}
