package config_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

const hookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

func TestCallbacks(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(file, []byte(hookSecret+"\n"), 0o600))
	for name, tc := range map[string]struct {
		yaml      string
		env, args []string
	}{
		"file":        {yaml: "callback-allow: [a.example, 10.0.0.0/8]\ncallback-secret-file: " + file + "\n"},
		"environment": {env: []string{"RIVERSTONES_CALLBACK_ALLOW=a.example,10.0.0.0/8", "RIVERSTONES_CALLBACK_SECRET=" + hookSecret}},
		"flags":       {args: []string{"--callback-allow=a.example, 10.0.0.0/8", "--callback-secret-file=" + file}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, err := load(t, tc.yaml, tc.env, tc.args...)
			require.NoError(t, err)
			require.Equal(t, []string{"a.example", "10.0.0.0/8"}, cfg.Callbacks.Allow)
			require.Len(t, cfg.Callbacks.Secrets, 1)
			require.NotContains(t, cfg.String(), "MfKQ")
		})
	}
	cfg, err := load(t, "", nil)
	require.NoError(t, err)
	require.Empty(t, cfg.Callbacks.Allow)
	require.Empty(t, cfg.Callbacks.Secrets)
	for want, args := range map[string][]string{
		"leave one of them out": {"--callback-secret-file=" + file},
		"https://x":             {"--callback-allow=https://x"},
	} {
		_, err := load(t, "", []string{"RIVERSTONES_CALLBACK_SECRET=" + hookSecret}, args...)
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "MfKQ")
	}
	_, err = load(t, "", []string{"RIVERSTONES_CALLBACK_SECRET=whsec_MfKQ"})
	require.ErrorContains(t, err, "cannot be read")
	require.NotContains(t, err.Error(), "MfKQ")
	logins := filepath.Join(t.TempDir(), "logins")
	require.NoError(t, os.WriteFile(logins, []byte("flowable:8080 rest-admin:MfKQ\n"), 0o600))
	cfg, err = load(t, "", nil, "--callback-login-file="+logins)
	require.NoError(t, err)
	require.Len(t, cfg.Callbacks.Logins, 1)
	_, err = load(t, "", nil, "--callback-login-file="+file)
	require.ErrorContains(t, err, "line 1")
	require.NotContains(t, err.Error(), "MfKQ")
	_, err = load(t, "", nil, "--callback-secret-file="+file+"x")
	require.ErrorContains(t, err, "no such file")
}
