package callback

import (
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

// ErrRefused is wrapped by every refusal to call a URL.
var ErrRefused = errors.New("not on the allow-list")

// host is an entry of the allow-list that names hosts.
type host struct {
	name  string // lower case: host, host:port or *.domain
	clear bool   // also without TLS
}

// guard decides whom we may call: hosts on the operator's list, and among their
// addresses the public ones and those that the list has.
type guard struct {
	hosts []host
	nets  []netip.Prefix
}

const clearScheme = "http://"

// parseAllow reads the entries of an allow-list.
func parseAllow(entries []string) (*guard, error) {
	g := &guard{}
	for _, e := range entries {
		name, clearToo := strings.CutPrefix(strings.ToLower(e), clearScheme)
		if p, err := netip.ParsePrefix(name); err == nil {
			g.nets = append(g.nets, p.Masked())
			continue
		}
		if ip, err := netip.ParseAddr(name); err == nil {
			g.nets = append(g.nets, netip.PrefixFrom(ip, ip.BitLen()))
			continue
		}
		if bare := strings.TrimPrefix(name, "*."); bare == "" || strings.ContainsAny(bare, "*/@ ") {
			return nil, fmt.Errorf("%q is no host, host:port, *.domain, address or network", e)
		}
		g.hosts = append(g.hosts, host{name, clearToo})
	}
	return g, nil
}

// check says what is wrong with a URL before its host is resolved.
func (g *guard) check(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http":
		return nil, errors.New("must be a URL such as https://example.com/hook")
	case u.User != nil:
		return nil, errors.New("must not hold a user name or password")
	case u.Fragment != "":
		return nil, errors.New("must not have a fragment")
	}
	listed, clearToo := g.listed(u)
	if !listed {
		return nil, fmt.Errorf("is %w of the operator: %s (see --callback-allow)", ErrRefused, u.Host)
	}
	if u.Scheme != "https" && !clearToo {
		return nil, errors.New("must begin with https")
	}
	return u, nil
}

// listed reports whether the list has the host of u, and whether it may be
// called without TLS: by its entry, or on a network of the operator's own.
func (g *guard) listed(u *url.URL) (listed, clearToo bool) {
	name, withPort := strings.ToLower(u.Hostname()), strings.ToLower(u.Host)
	if ip, err := netip.ParseAddr(name); err == nil && g.inNets(ip) {
		return true, !publicaddr.Is(ip)
	}
	for _, h := range g.hosts {
		domain, wild := strings.CutPrefix(h.name, "*")
		if h.name == name || h.name == withPort || wild && strings.HasSuffix(name, domain) && len(name) > len(domain) {
			listed, clearToo = true, clearToo || h.clear
		}
	}
	return listed, clearToo
}

func (g *guard) inNets(ip netip.Addr) bool {
	ip = ip.WithZone("")
	return slices.ContainsFunc(g.nets, func(p netip.Prefix) bool { return p.Contains(ip) || p.Contains(ip.Unmap()) })
}

// control is called with the address a name was resolved to, right before it
// is dialed, so that a name can not change its mind in between.
func (g *guard) control(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %s", ErrRefused, address)
	}
	if ip := ap.Addr(); !publicaddr.Is(ip) && !g.inNets(ip) {
		return fmt.Errorf("address %s is %w: name it or its network there", ip, ErrRefused)
	}
	return nil
}

const (
	dialTimeout = 5 * time.Second
	idleTimeout = 30 * time.Second
	maxHeader   = 64 << 10
)

// client makes an HTTP client behind the guard: no proxy from the environment,
// no redirects.
func (g *guard) client(timeout time.Duration) *http.Client {
	d := net.Dialer{Timeout: dialTimeout, Control: g.control}
	return &http.Client{
		Timeout:       timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext:            d.DialContext,
			TLSHandshakeTimeout:    dialTimeout,
			ResponseHeaderTimeout:  timeout,
			IdleConnTimeout:        idleTimeout,
			MaxIdleConnsPerHost:    4,
			MaxResponseHeaderBytes: maxHeader,
			ForceAttemptHTTP2:      true,
		},
	}
}
