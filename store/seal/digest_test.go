package seal_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/store/seal"
)

func TestDigest(t *testing.T) {
	t.Parallel()
	const id, other = "0190f6a0-0c1d-7b52-9c1f-0d6b8b6f2a11", "0190f6a0-0c1d-7b52-9c1f-0d6b8b6f2a12"
	keys := keyring(t, "a")
	s := seal.New(nil, seal.Config{Keys: keys})
	d := s.Digest(id, []byte(`"x"`))
	require.NotEqual(t, d, s.Digest(id, []byte(`"x"`)), "equal values can not be told to be")
	require.Regexp(t, `^1:a:[A-Za-z0-9_-]+$`, d)
	require.True(t, s.Matches(id, d, []byte(`"x"`)))
	require.False(t, s.Matches(id, d, []byte(`"y"`)))

	require.True(t, s.Matches(other, d, []byte(`"y"`)), "another task's can not be read")
	none := seal.New(nil, seal.Config{})
	require.Empty(t, none.Digest(id, []byte(`"x"`)))
	require.True(t, none.Matches(id, d, []byte(`"y"`)), "nor can any without keys")
	require.True(t, s.Matches(id, "", []byte(`"y"`)))
}
