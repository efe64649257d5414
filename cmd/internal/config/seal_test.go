package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSealKeys(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		yaml      string
		env, args []string
	}{
		"file":        {yaml: "seal-keys: /etc/keys\n"},
		"environment": {env: []string{"RIVERSTONES_SEAL_KEYS_FILE=/etc/keys"}},
		"flag":        {args: []string{"--seal-keys=/etc/keys"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, err := load(t, tc.yaml, tc.env, tc.args...)
			require.NoError(t, err)
			require.Equal(t, "/etc/keys", cfg.SealKeys)
			require.Empty(t, cfg.SealKeysText)
		})
	}
	env := []string{"RIVERSTONES_SEAL_KEYS=k1:c2VjcmV0"}
	cfg, err := load(t, "", env)
	require.NoError(t, err)
	require.Empty(t, cfg.SealKeys)
	require.Equal(t, "k1:c2VjcmV0", cfg.SealKeysText)
	require.NotContains(t, cfg.String(), "c2VjcmV0")
	_, err = load(t, "", env, "--seal-keys=/etc/keys")
	require.ErrorContains(t, err, "leave one of them out (--seal-keys, RIVERSTONES_SEAL_KEYS_FILE)")
	require.NotContains(t, err.Error(), "c2VjcmV0")
}

func TestStoneKeys(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		yaml      string
		env, args []string
	}{
		"file":        {yaml: "seal-key: /etc/key\n"},
		"environment": {env: []string{"RIVERSTONES_SEAL_KEY_FILE=/etc/key"}},
		"flag":        {args: []string{"--seal-key=/etc/key"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, err := load(t, tc.yaml, tc.env, tc.args...)
			require.NoError(t, err)
			require.Equal(t, "/etc/key", cfg.Work.SealKeys)
			require.Empty(t, cfg.Work.SealKeysText)
		})
	}
	env := []string{"RIVERSTONES_SEAL_KEY=x25519-private:k1:c2VjcmV0"}
	cfg, err := load(t, "", env)
	require.NoError(t, err)
	require.Empty(t, cfg.Work.SealKeys)
	require.Equal(t, "x25519-private:k1:c2VjcmV0", cfg.Work.SealKeysText)
	require.NotContains(t, cfg.String(), "c2VjcmV0")
	_, err = load(t, "", env, "--seal-key=/etc/key")
	require.ErrorContains(t, err, "leave one of them out (--seal-key, RIVERSTONES_SEAL_KEY_FILE)")
	require.NotContains(t, err.Error(), "c2VjcmV0")
}
