package httpstone

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/riverstones/riverstones/queue/publicaddr"
)

// ErrGuard is wrapped by every refusal to call an address.
var ErrGuard = errors.New("the address is not allowed")

// guard decides which addresses may be called.
type guard struct {
	hosts      []string       // allow-list, lower case, empty for any
	allowHosts []string       // for development: names that the guard is lifted for
	allowNets  []netip.Prefix // the same for addresses
}

func newGuard(hosts, allow []string) (*guard, error) {
	g := &guard{}
	for _, h := range hosts {
		name := strings.TrimPrefix(h, "*.")
		if name == "" || strings.ContainsAny(name, "*/@ ") {
			return nil, fmt.Errorf("hosts: %q is no host, host:port or *.domain", h)
		}
		g.hosts = append(g.hosts, strings.ToLower(h))
	}
	for _, a := range allow {
		if p, err := netip.ParsePrefix(a); err == nil {
			g.allowNets = append(g.allowNets, p.Masked())
			continue
		}
		if ip, err := netip.ParseAddr(a); err == nil {
			g.allowNets = append(g.allowNets, netip.PrefixFrom(ip, ip.BitLen()))
			continue
		}
		if a == "" || strings.ContainsAny(a, "*/@: ") {
			return nil, fmt.Errorf("allow: %q is no host name, address or CIDR", a)
		}
		g.allowHosts = append(g.allowHosts, strings.ToLower(a))
	}
	return g, nil
}

// checkURL checks what can be known before the name is resolved.
func (g *guard) checkURL(u *url.URL) error {
	host := strings.ToLower(u.Hostname())
	switch {
	case host == "":
		return fmt.Errorf("%w: the URL has no host", ErrGuard)
	case u.User != nil:
		return fmt.Errorf("%w: the URL holds a user name", ErrGuard)
	case u.Scheme != "https" && (u.Scheme != "http" || !g.lifted(host)):
		return fmt.Errorf("%w: only https, or http to a host in allow", ErrGuard)
	case len(g.hosts) > 0 && !g.listed(host, strings.ToLower(u.Host)):
		return fmt.Errorf("%w: %s is not in hosts", ErrGuard, u.Host)
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return g.checkAddr(ip)
	}
	return nil
}

// listed reports whether the allow-list has the host, without a port only if
// the URL has none either.
func (g *guard) listed(host, hostport string) bool {
	return slices.ContainsFunc(g.hosts, func(h string) bool {
		if domain, ok := strings.CutPrefix(h, "*"); ok {
			return host == hostport && strings.HasSuffix(host, domain) && len(host) > len(domain)
		}
		return h == hostport
	})
}

// lifted reports whether the guard is lifted for a host of a URL.
func (g *guard) lifted(host string) bool {
	if slices.Contains(g.allowHosts, host) {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && g.inAllowed(ip)
}

func (g *guard) inAllowed(ip netip.Addr) bool {
	ip = ip.WithZone("")
	return slices.ContainsFunc(g.allowNets, func(p netip.Prefix) bool {
		return p.Contains(ip) || p.Contains(ip.Unmap())
	})
}

// checkAddr refuses every address that is not on the public internet, unless
// it is allowed by name.
func (g *guard) checkAddr(ip netip.Addr) error {
	if g.inAllowed(ip) || publicaddr.Is(ip) {
		return nil
	}
	return fmt.Errorf("%w: %s is not a public address", ErrGuard, ip)
}

// control is called with the address that a name was resolved to, right before
// it is dialed, so that a name can not change its mind in between.
func (g *guard) control(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %s", ErrGuard, address)
	}
	return g.checkAddr(ap.Addr())
}

// dial connects to a host of a URL.
func (g *guard) dial(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{Timeout: 10 * time.Second, Control: g.control}
	if host, _, err := net.SplitHostPort(address); err == nil && slices.Contains(g.allowHosts, strings.ToLower(host)) {
		d.Control = nil
	}
	return d.DialContext(ctx, network, address)
}

// client makes an HTTP client behind the guard: no proxy from the environment,
// no redirects, timeouts for each step.
func (g *guard) client(timeout time.Duration, conf *tls.Config) *http.Client {
	return &http.Client{
		Timeout: timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
		Transport: &http.Transport{
			DialContext:            g.dial,
			TLSClientConfig:        conf.Clone(),
			TLSHandshakeTimeout:    10 * time.Second,
			ResponseHeaderTimeout:  timeout,
			IdleConnTimeout:        30 * time.Second,
			MaxIdleConnsPerHost:    4,
			MaxConnsPerHost:        64,
			MaxResponseHeaderBytes: 64 << 10,
			ForceAttemptHTTP2:      true,
		},
	}
}
