package keyfile_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue/keyfile"
)

func TestKeys(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"a:1", "b:2", "c:#3"}, slices.Collect(keyfile.Keys("# made by hand, in May\n\n a:1 , b:2,\r\n  # old,x:9\n,\nc:#3")))
	for range keyfile.Keys("a,b") {
		break // who has found a broken one asks for no more
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys")
	_, err := keyfile.Read(path)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NoError(t, os.WriteFile(path, []byte("a:1\n"), 0o600))
	text, err := keyfile.Read(path)
	require.NoError(t, err)
	require.Equal(t, "a:1\n", text)

	require.NoError(t, os.Chmod(path, 0o640)) //nolint:gosec // it is what is refused
	_, err = keyfile.Read(path)
	require.ErrorContains(t, err, "can be read by others (mode 0640): chmod 600 it")
	_, err = keyfile.Read(t.TempDir())
	require.ErrorContains(t, err, "is no key file")
	require.NoError(t, os.WriteFile(path+"2", []byte(strings.Repeat("#", 1<<20+1)), 0o600))
	_, err = keyfile.Read(path + "2")
	require.ErrorContains(t, err, "is no key file")
}
