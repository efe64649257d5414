package config

import (
	"fmt"
	"os"

	"github.com/riverstones/riverstones/gateway/callback"
)

// Callbacks says who may be told of the ends of tasks.
type Callbacks struct {
	Allow      []string         // hosts, addresses and networks; nobody is told without
	SecretFile string           // file with the secrets that sign webhooks, "" for none
	Secrets    callback.Secrets // from the file or the environment
	LoginFile  string           // file with the logins that receivers ask for, "" for none
	Logins     callback.Logins  // from the file
}

// envCallbackSecret is the variable that holds the secrets themselves.
const envCallbackSecret = Prefix + "CALLBACK_SECRET"

var (
	keyCallbackAllow  = key{"callback-allow", "list", "who may be told of the ends of tasks: host, host:port, *.domain (http:// before it: also without TLS), address or network (default: nobody)", list(func(c *Config) *[]string { return &c.Callbacks.Allow }), nil}
	keyCallbackSecret = key{"callback-secret-file", "file", "secrets that sign webhooks, whsec_BASE64 (secrets themselves: environment " + envCallbackSecret + ")", text(func(c *Config) *string { return &c.Callbacks.SecretFile }), nil}
	keyCallbackLogins = key{"callback-login-file", "file", "logins that receivers such as Flowable ask for, lines HOST USER:PASSWORD", text(func(c *Config) *string { return &c.Callbacks.LoginFile }), nil}
)

// Callback is the group of all.
var Callback = Group{keyCallbackAllow, keyCallbackSecret, keyCallbackLogins}

// readLogins reads the file of logins.
func readLogins(c *Callbacks, p *Problems) {
	if c.LoginFile == "" {
		return
	}
	doc, err := os.ReadFile(c.LoginFile)
	if err == nil {
		c.Logins, err = callback.ParseLogins(string(doc))
	}
	if err != nil {
		p.addf(keyCallbackLogins.path, "cannot be read: %v", err)
	}
}

// readCallbacks reads secrets and logins, and checks the allow-list.
func readCallbacks(c *Callbacks, given string, p *Problems) {
	if _, err := callback.New(callback.Config{Allow: c.Allow}, nil, nil); err != nil {
		p.addf(keyCallbackAllow.path, "%v", err)
	}
	readLogins(c, p)
	if c.SecretFile != "" && given != "" {
		p.addf(keyCallbackSecret.path, "names a file, and %s holds secrets: leave one of them out", envCallbackSecret)
		return
	}
	if c.SecretFile != "" {
		doc, err := os.ReadFile(c.SecretFile)
		if err != nil {
			p.addf(keyCallbackSecret.path, "%v", err)
			return
		}
		given = string(doc)
	} else if given == "" {
		return
	}
	var err error
	if c.Secrets, err = callback.ParseSecrets(given); err != nil {
		p.add(keyCallbackSecret.path, fmt.Sprintf("cannot be read: %v; make one with: echo whsec_$(openssl rand -base64 32)", err))
	}
}
