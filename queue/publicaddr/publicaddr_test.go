package publicaddr_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue/publicaddr"
)

func TestIs(t *testing.T) {
	t.Parallel()
	for _, public := range []string{"1.1.1.1", "8.8.8.8", "2606:4700::1111"} {
		require.True(t, publicaddr.Is(netip.MustParseAddr(public)), public)
	}
	for _, not := range []string{"127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.100.100.200", "0.0.0.0", "224.0.0.1",
		"255.255.255.255", "::1", "::", "fe80::1", "fd00::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1", "2002:7f00:1::", "fe80::1%eth0", "168.63.129.16"} {
		require.False(t, publicaddr.Is(netip.MustParseAddr(not)), not)
	}
	require.False(t, publicaddr.Is(netip.Addr{}))
}
