package config_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestProcessesSettings(t *testing.T) {
	t.Parallel()
	logins := filepath.Join(t.TempDir(), "logins")
	require.NoError(t, os.WriteFile(logins, []byte("# who may\nkermit:a:b\n"), 0o600))
	c, err := load(t, "", nil, "--flowable-prefix=/,/flowable-rest/service", "--flowable-login-file="+logins,
		"--trusted-proxies=10.0.0.0/8", "--java-stones=com.example.Pack=Pack,${a == b}=Compare", "--public-url=https://flow.example.com")
	require.NoError(t, err)
	require.Equal(t, []string{"", "/flowable-rest/service"}, c.Processes.Mounts())
	require.Equal(t, map[string]string{"kermit": "a:b"}, c.Processes.Users)
	require.Equal(t, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, c.Processes.Trusted())
	require.Equal(t, "https://flow.example.com", c.Processes.PublicURL)
	for java, want := range map[string]string{"com.example.Pack": "Pack", "${a == b}": "Compare"} {
		code, ok := c.Processes.StoneFor(java)
		require.True(t, ok)
		require.Equal(t, want, code)
	}
	_, ok := c.Processes.StoneFor("com.example.Other")
	require.False(t, ok)
}

func TestProcessesProblems(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "logins")
	require.NoError(t, os.WriteFile(empty, []byte("kermit\n"), 0o600))
	for flag, want := range map[string]string{
		"--flowable-prefix=service":      "must begin with /",
		"--flowable-login-file=" + empty: "line 1: write USER:PASSWORD",
		"--flowable-login-file=/none":    "cannot be read",
		"--trusted-proxies=10.0.0.1":     "is no network",
		"--java-stones=com.example.Pack": "is not CLASS=STONE",
	} {
		_, err := load(t, "", nil, flag)
		require.ErrorContains(t, err, want)
	}
}
