package httpstone

import (
	"net/netip"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue/publicaddr"
)

func TestPublic(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"127.0.0.1", "127.9.9.9", "::1", "0.0.0.0", "0.1.2.3", "::", "10.0.0.1", "172.16.0.1", "192.168.1.1", "fd00::1",
		"fd00:ec2::254", "169.254.169.254", "fe80::1", "fe80::1%eth0", "100.64.0.1", "100.100.100.200", "168.63.129.16",
		"::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "224.0.0.1", "ff02::1", "ff01::1", "255.255.255.255", "240.0.0.1",
		"64:ff9b::7f00:1", "2002:7f00:1::", "2001::1", "2001:db8::1", "192.0.2.1", "198.18.0.1", "fec0::1",
	} {
		require.False(t, publicaddr.Is(netip.MustParseAddr(s)), s)
	}
	require.False(t, publicaddr.Is(netip.Addr{}))
	for _, s := range []string{"8.8.8.8", "1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00::1"} {
		require.True(t, publicaddr.Is(netip.MustParseAddr(s)), s)
	}
}

func TestCheckURL(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		url          string
		hosts, allow []string
		ok           bool
	}{
		{"https://example.com/", nil, nil, true},
		{"http://example.com/", nil, nil, false},
		{"ftp://example.com/", nil, []string{"example.com"}, false},
		{"https://user@example.com/", nil, nil, false},
		{"https:///x", nil, nil, false},
		{"https://127.0.0.1/", nil, nil, false},
		{"https://[::1]/", nil, nil, false},
		{"https://[::ffff:127.0.0.1]/", nil, nil, false},
		{"https://169.254.169.254/latest", nil, nil, false},
		{"http://127.0.0.1:80/", nil, []string{"127.0.0.0/8"}, true},
		{"http://[::1]/", nil, []string{"::1"}, true},
		{"http://localhost/", nil, []string{"LocalHost"}, true},
		{"http://localhost.evil.com/", nil, []string{"localhost"}, false},
		{"https://api.example.com/", []string{"api.example.com"}, nil, true},
		{"https://API.example.com/", []string{"api.Example.com"}, nil, true},
		{"https://api.example.com:444/", []string{"api.example.com"}, nil, false},
		{"https://api.example.com:444/", []string{"api.example.com:444"}, nil, true},
		{"https://a.b.example.com/", []string{"*.example.com"}, nil, true},
		{"https://example.com/", []string{"*.example.com"}, nil, false},
		{"https://evilexample.com/", []string{"*.example.com"}, nil, false},
		{"https://a.example.com:444/", []string{"*.example.com"}, nil, false},
		{"https://127.0.0.1/", []string{"127.0.0.1"}, nil, false}, // the list does not lift the guard
	} {
		g, err := newGuard(c.hosts, c.allow)
		require.NoError(t, err)
		u, err := url.Parse(c.url)
		require.NoError(t, err)
		if err := g.checkURL(u); c.ok {
			require.NoError(t, err, c.url)
		} else {
			require.ErrorIs(t, err, ErrGuard, c.url)
		}
	}
	for _, bad := range []string{"", "*", "a/b", "*.*.com"} {
		_, err := newGuard([]string{bad}, nil)
		require.Error(t, err, bad)
	}
	_, err := newGuard(nil, []string{"*.example.com"})
	require.Error(t, err)
}
