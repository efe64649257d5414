package config

import (
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/riverstones/riverstones/queue"
)

// validate checks what single values cannot tell, and single values that came
// through.
func validate(c *Config, p *Problems) {
	validateProcess(c, p)
	validateQueue(c, p)
	validateStore(c, p)
	validateRetention(c, p)
	validateLimits(c, p)
	validateWork(c, p)
}

func validateProcess(c *Config, p *Problems) {
	if len(c.Roles) == 0 {
		p.addf(keyRoles.path, "name at least one of %s", join(Roles()))
	}
	if c.LogFormat != JSON && c.LogFormat != Console {
		p.addf(keyFormat.path, "%q is no format; choose json or console", c.LogFormat)
	}
	if c.StopTimeout <= 0 {
		p.add(keyStop.path, "must be more than 0, such as 20s")
	}
	if c.Has(Gateway) {
		validateListen(c, keyListen.path, c.Listen, p)
	}
	if c.HealthListen != "" { // it shows nothing worth hiding, so it may be open
		_, port, ok := splitAddress(keyHealth.path, c.HealthListen, p)
		if ok && port != 0 && c.Has(Gateway) && c.HealthListen == c.Listen {
			p.addf(keyHealth.path, "is that of %s, which serves the probes by itself; leave it out", keyListen.path)
		}
	}
}

// splitAddress reads a host:port.
func splitAddress(path, addr string, p *Problems) (host string, port int, ok bool) {
	host, text, err := net.SplitHostPort(addr)
	if err != nil {
		p.addf(path, "%q is no address; write host:port, such as 127.0.0.1:8306", addr)
		return "", 0, false
	}
	port, err = strconv.Atoi(text)
	if err != nil || port < 0 || port > 65535 {
		p.addf(path, "%q is no port; it is a number from 0 to 65535", text)
	}
	return host, port, err == nil
}

// validateListen checks an address, and that it is not open to other machines
// by accident: nothing authenticates who connects.
func validateListen(c *Config, path, addr string, p *Problems) {
	host, _, ok := splitAddress(path, addr, p)
	if !ok && host == "" { // no address at all
		return
	}
	if !c.AllowOpen && !loopback(host) {
		p.addf(path, "%q can be reached from other machines, and nothing asks them who they are; "+
			"listen on 127.0.0.1, or say --%s if the network protects it", addr, keyAllowOpen.flag())
	}
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

func validateQueue(c *Config, p *Problems) {
	if c.NATS == Embedded {
		validateEmbedded(c, p)
		return
	}
	if !slices.Contains([]int{1, 3, 5}, c.Replicas) {
		p.addf(keyReplicas.path, "must be 1, 3 or 5, not %d", c.Replicas)
	}
	for u := range strings.SplitSeq(c.NATS, ",") {
		if !natsURL(strings.TrimSpace(u)) {
			p.addf(keyNATS.path, "%q is no server; write nats://host:4222, several separated by commas, or %s", Redact(u), Embedded)
		}
	}
	if c.SyncAlways {
		p.addf(keySync.path, "is for the embedded server; set sync_interval: always in the configuration of yours")
	}
	if c.NATSCreds != "" {
		if _, err := os.Stat(c.NATSCreds); err != nil {
			p.addf(keyNATSCreds.path, "%v", err)
		}
	}
}

func natsURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Host != "" && slices.Contains([]string{"nats", "tls", "ws", "wss"}, u.Scheme)
}

func validateEmbedded(c *Config, p *Problems) {
	if c.NATSListen != "" {
		validateListen(c, keyNATSAddr.path, c.NATSListen, p)
	}
	if c.NATSCreds != "" {
		p.addf(keyNATSCreds.path, "the embedded server asks for none; leave it out or set %s to a URL", keyNATS.path)
	}
	if c.Replicas != 1 {
		p.addf(keyReplicas.path, "the embedded server is one alone; leave it at 1 or set %s to a cluster", keyNATS.path)
	}
	if len(c.Roles) == 1 && c.Has(Worker) {
		p.addf(keyNATS.path, "a worker alone needs the server of the others, such as nats://127.0.0.1:4222")
	}
}

func validateStore(c *Config, p *Problems) {
	if c.Data == "" {
		p.add(keyData.path, "must name a directory")
	}
	if c.SealKeys != "" && c.SealKeysText != "" {
		p.addf(keySealKeys.path, "names a file, and %s holds keys: leave one of them out", envSealKeys)
	}
	if c.Work.SealKeys != "" && c.Work.SealKeysText != "" {
		p.addf(keyStoneKeys.path, "names a file, and %s holds keys: leave one of them out", envStoneKeys)
	}
	if path, ok := c.SQLite(); ok {
		if path == "" || strings.Contains(path, "?") {
			p.add(keyStore.path, "write sqlite://PATH with the path of a file and nothing behind it")
		}
		return
	}
	if !strings.HasPrefix(c.Store, pgScheme) && !strings.HasPrefix(c.Store, pgScheme2) {
		scheme, _, _ := strings.Cut(c.Store, "://")
		p.addf(keyStore.path, "begins with %q; write sqlite://PATH or postgres://user:password@host:5432/database", scheme)
		return
	}
	if u, err := url.Parse(c.Store); err != nil || u.Host == "" && !u.Query().Has("host") {
		// err would show the password.
		p.add(keyStore.path, "is not a URL like postgres://user:password@host:5432/database; escape odd characters of the password as %XX")
	}
}

func validateRetention(c *Config, p *Problems) {
	if c.Retention.Messages < queue.DuplicateWindow {
		p.addf(keyMessages.path, "must be at least %s: so long the queue refuses repeats", queue.DuplicateWindow)
	}
	if c.Retention.Callbacks < time.Minute {
		p.add(keyTold.path, "must be at least 1m")
	}
}

func validateLimits(c *Config, p *Problems) {
	if c.Limits.Body < 1<<10 {
		p.add(keyBody.path, "must be at least 1KiB")
	}
	if c.Limits.Backlog < 1 {
		p.add(keyBacklog.path, "must be at least 1")
	}
	if c.Limits.Concurrency < 1 {
		p.add(keyRequests.path, "must be at least 1")
	}
}

func validateWork(c *Config, p *Problems) {
	if c.Work.Concurrency < 1 {
		p.add(keyWorkConc.path, "must be at least 1")
	}
	known := c.Stones.Codes()
	for _, code := range c.Work.Stones {
		if !slices.Contains(known, code) {
			p.addf(keyStones.path, "no stone %q is configured; there are %s", code, strings.Join(known, ", "))
		}
	}
}
