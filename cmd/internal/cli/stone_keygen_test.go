package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/cmd/internal/cli"
	"github.com/riverstones/riverstones/queue/sealkey"
)

func TestKeygen(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "stone.key")
	r := run(t, "", "stone", "keygen", path)
	require.Equal(t, cli.ExitOK, r.code, r.err)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	first, err := sealkey.Read(path)
	require.NoError(t, err)
	require.Equal(t, "private key in "+path+"\npublic key "+first.Public().String()+"\n", r.out)

	r = run(t, "", "stone", "keygen", path)
	require.Equal(t, cli.ExitFailed, r.code)
	require.Contains(t, r.err, "is there already")

	r = run(t, "", "stone", "keygen", "--add", "--id", "k2", path, "-o", "json")
	require.Equal(t, cli.ExitOK, r.code, r.err)
	both, err := sealkey.Read(path)
	require.NoError(t, err)
	require.Equal(t, "k2", both.Public().ID(), "the newest is announced")
	require.Contains(t, r.out, both.Public().String())
	sealed, err := first.Public().Seal("t", []byte(`{"password":"x"}`), nil, nil)
	require.NoError(t, err)
	_, err = both.Open("t", sealed)
	require.NoError(t, err, "all open")

	before, err := os.ReadFile(path)
	require.NoError(t, err)
	r = run(t, "", "stone", "keygen", "--add", "--id", "k2", path)
	require.Equal(t, cli.ExitFailed, r.code)
	require.Contains(t, r.err, "k2 is there twice")
	require.NotContains(t, r.err+r.out, strings.TrimSpace(string(before))[20:])
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(before), string(after))
	files, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, files, 1, "nothing is left behind")

	require.Equal(t, cli.ExitUsage, run(t, "", "stone", "keygen", "--id", "no id", path).code)
	require.Equal(t, cli.ExitFailed, run(t, "", "stone", "keygen", "--add", filepath.Join(t.TempDir(), "none")).code)
}
