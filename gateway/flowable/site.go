package flowable

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// site knows what the URLs in answers begin with.
type site struct {
	public  string
	trusted []netip.Prefix
}

// base returns scheme, authority and, behind a proxy that cuts one off, path.
func (s site) base(r *http.Request) string {
	if s.public != "" {
		return s.public
	}
	scheme, host, prefix := "http", r.Host, ""
	if r.TLS != nil {
		scheme = "https"
	}
	if s.trusts(r.RemoteAddr) {
		if given := forwarded(r, "Proto"); given == "http" || given == "https" {
			scheme = given
		}
		if given := forwarded(r, "Host"); authority(given) {
			host = given
		}
		if port := forwarded(r, "Port"); digits(port) && port != defaultPorts[scheme] {
			host = net.JoinHostPort(strings.Trim(hostOf(host), "[]"), port)
		}
		if given := strings.TrimRight(forwarded(r, "Prefix"), "/"); plainPath(given) {
			prefix = given
		}
	}
	return scheme + "://" + host + prefix
}

var defaultPorts = map[string]string{"http": "80", "https": "443"}

// trusts reports whether the peer of a connection is a proxy of ours.
func (s site) trusts(remote string) bool {
	peer, err := netip.ParseAddrPort(remote)
	if err != nil {
		return false
	}
	for _, p := range s.trusted {
		if p.Contains(peer.Addr().Unmap()) {
			return true
		}
	}
	return false
}

// forwarded returns what the outermost proxy says of the request.
func forwarded(r *http.Request, what string) string {
	value, _, _ := strings.Cut(r.Header.Get("X-Forwarded-"+what), ",")
	return strings.TrimSpace(value)
}

// authority reports whether s can stand between // and / of a URL.
func authority(s string) bool {
	return s != "" && len(s) <= 255 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]") == ""
}

func digits(s string) bool {
	return s != "" && len(s) <= 5 && strings.Trim(s, "0123456789") == ""
}

func plainPath(s string) bool {
	return strings.HasPrefix(s, "/") && !strings.HasPrefix(s, "//") && len(s) <= 255 &&
		strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_~/") == ""
}

// hostOf returns an authority without its port.
func hostOf(authority string) string {
	if host, _, err := net.SplitHostPort(authority); err == nil {
		return host
	}
	return authority
}
