package config

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"

	"github.com/riverstones/riverstones/queue"
)

// Processes says how processes and Flowable's REST API are served.
type Processes struct {
	Prefixes  []string // paths that Flowable's API is under, "/" is the root
	LoginFile string   // file with who may call it, lines USER:PASSWORD, "" for everybody
	Users     map[string]string
	PublicURL string   // that URLs in answers begin with, "" for that of the request
	Proxies   []string // networks whose X-Forwarded-… headers are believed
	Java      []string // CLASS=STONE: which stones stand for classes, expressions or beans in models
	trusted   []netip.Prefix
	stones    map[string]string
}

var (
	keyFlowablePrefix = key{"flowable-prefix", "list", "paths that Flowable's API is under, such as /,/flowable-rest/service (default: /)", list(func(c *Config) *[]string { return &c.Processes.Prefixes }), nil}
	keyFlowableLogin  = key{"flowable-login-file", "file", "who may call Flowable's API (HTTP Basic), lines USER:PASSWORD (default: everybody)", text(func(c *Config) *string { return &c.Processes.LoginFile }), nil}
	keyPublicURL      = key{"public-url", "url", "what URLs in answers begin with (default: as the request says)", text(func(c *Config) *string { return &c.Processes.PublicURL }), nil}
	keyProxies        = key{"trusted-proxies", "list", "networks whose X-Forwarded-Proto and -Host are believed, such as 10.0.0.0/8", list(func(c *Config) *[]string { return &c.Processes.Proxies }), nil}
	keyJava           = key{"java-stones", "list", "stones that stand for Java in models: CLASS=STONE, ${EXPRESSION}=STONE", list(func(c *Config) *[]string { return &c.Processes.Java }), nil}
)

// Models is the group of all.
var Models = Group{keyFlowablePrefix, keyFlowableLogin, keyPublicURL, keyProxies, keyJava}

// Mounts returns the prefixes as they stand before a path: "" is the root.
func (p *Processes) Mounts() []string {
	var out []string
	for _, prefix := range p.Prefixes {
		out = append(out, strings.TrimSuffix(prefix, "/"))
	}
	return out
}

// Trusted returns the networks of the proxies that are believed.
func (p *Processes) Trusted() []netip.Prefix { return p.trusted }

// StoneFor returns the stone that stands for something in Java.
func (p *Processes) StoneFor(java string) (code string, ok bool) {
	code, ok = p.stones[java]
	return code, ok
}

// readProcesses reads the file of logins and the lists.
func readProcesses(c *Processes, p *Problems) {
	if c.LoginFile != "" {
		doc, err := os.ReadFile(c.LoginFile)
		if err == nil {
			c.Users, err = parseUsers(string(doc))
		}
		if err != nil {
			p.addf(keyFlowableLogin.path, "cannot be read: %v", err)
		}
	}
	for _, text := range c.Proxies {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			p.addf(keyProxies.path, "%q is no network such as 10.0.0.0/8", text)
			continue
		}
		c.trusted = append(c.trusted, network)
	}
	for _, text := range c.Java {
		i := strings.LastIndexByte(text, '=')
		if i < 1 || queue.CheckStone(text[i+1:]) != nil {
			p.addf(keyJava.path, "%q is not CLASS=STONE", text)
			continue
		}
		if c.stones == nil {
			c.stones = map[string]string{}
		}
		c.stones[text[:i]] = text[i+1:]
	}
	for _, prefix := range c.Prefixes {
		if !strings.HasPrefix(prefix, "/") {
			p.addf(keyFlowablePrefix.path, "%q must begin with /", prefix)
		}
	}
}

// parseUsers reads lines of USER:PASSWORD. Its errors show no password.
func parseUsers(text string) (map[string]string, error) {
	out := map[string]string{}
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		user, password, ok := strings.Cut(line, ":")
		if !ok || user == "" || password == "" {
			return nil, fmt.Errorf("line %d: write USER:PASSWORD", n)
		}
		out[user] = password
	}
	if len(out) == 0 {
		return nil, errors.New("it names nobody")
	}
	return out, nil
}
