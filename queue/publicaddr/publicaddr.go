// Package publicaddr tells addresses of the public internet from those that a
// server must not be talked into calling: loopback, private networks, a cloud's
// metadata. It resolves nothing and calls nothing. Whatever calls addresses that
// others name asks it before each connection: the HTTP stone and callbacks.
package publicaddr

import (
	"net/netip"
	"slices"
)

// reserved are networks that are not the public internet, besides those that
// netip names itself.
var reserved = func() []netip.Prefix {
	var all []netip.Prefix
	for _, s := range []string{
		"0.0.0.0/8",        // this network
		"100.64.0.0/10",    // CGNAT, and a cloud's metadata
		"168.63.129.16/32", // a cloud's metadata on a public address
		"192.0.0.0/24",     // protocol assignments
		"192.0.2.0/24",     // documentation
		"192.88.99.0/24",   // 6to4 relays
		"198.18.0.0/15",    // benchmarks
		"198.51.100.0/24",  // documentation
		"203.0.113.0/24",   // documentation
		"240.0.0.0/4",      // reserved, broadcast
		"::/96",            // IPv4-compatible
		"::ffff:0:0/96",    // IPv4-mapped
		"64:ff9b::/96",     // NAT64
		"64:ff9b:1::/48",   // NAT64, local
		"100::/64",         // discard
		"2001::/23",        // Teredo and other assignments
		"2001:db8::/32",    // documentation
		"2002::/16",        // 6to4
		"fec0::/10",        // site-local
	} {
		all = append(all, netip.MustParsePrefix(s))
	}
	return all
}()

// Is reports whether ip is an address of the public internet. One with a zone,
// or an IPv4 address in the clothes of IPv6, is none.
func Is(ip netip.Addr) bool {
	if !ip.IsValid() || ip.Zone() != "" || ip.Is4In6() {
		return false
	}
	if ip.IsLoopback() || ip.IsPrivate() || ip.IsUnspecified() || ip.IsMulticast() ||
		ip.IsLinkLocalUnicast() || ip.IsInterfaceLocalMulticast() {
		return false
	}
	return !slices.ContainsFunc(reserved, func(p netip.Prefix) bool { return p.Contains(ip) })
}
