package callback

import (
	"fmt"
	"net/http"
	"strings"
)

// login is how we say who we are (HTTP Basic).
type login struct{ user, password string }

// Logins are what receivers ask for, by host or host:port in lower case.
type Logins map[string]login

// ParseLogins reads lines of a host, or host:port, and user:password behind it.
// Its errors show no password.
func ParseLogins(text string) (Logins, error) {
	out := Logins{}
	n := 0
	for line := range strings.Lines(text) {
		n++
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		if len(fields) != 2 { //nolint:mnd // the two that the text names
			return nil, fmt.Errorf("line %d: write HOST USER:PASSWORD", n)
		}
		user, password, ok := strings.Cut(fields[1], ":")
		if !ok || user == "" {
			return nil, fmt.Errorf("line %d: write HOST USER:PASSWORD", n)
		}
		out[strings.ToLower(fields[0])] = login{user, password}
	}
	return out, nil
}

// apply puts the login of the receiver into a request.
func (l Logins) apply(req *http.Request) {
	for _, host := range []string{req.URL.Host, req.URL.Hostname()} {
		if one, ok := l[strings.ToLower(host)]; ok {
			req.SetBasicAuth(one.user, one.password)
			return
		}
	}
}
