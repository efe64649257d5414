package config

import (
	"net/url"
	"strings"
)

const hidden = "xxxxx"

// secretQuery are the parameters of a database URL that hold secrets.
var secretQuery = []string{"password", "sslpassword", "passfile", "sslkey"}

// Redact returns a URL, or several separated by commas, without user secrets.
// A text that cannot be read as a URL is hidden whole behind its scheme.
func Redact(urls string) string {
	all := strings.Split(urls, ",")
	for i, u := range all {
		all[i] = redactOne(u)
	}
	return strings.Join(all, ",")
}

func redactOne(text string) string {
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil {
		scheme, _, _ := strings.Cut(text, "://")
		return scheme + "://" + hidden
	}
	q := u.Query()
	for _, k := range secretQuery {
		if q.Has(k) {
			q.Set(k, hidden)
		}
	}
	u.RawQuery = q.Encode()
	if _, ok := u.User.Password(); ok {
		return u.Redacted()
	}
	if u.User != nil && u.Scheme != "postgres" && u.Scheme != "postgresql" {
		u.User = url.User(hidden) // a user without a password is a token in NATS
	}
	return u.String()
}
