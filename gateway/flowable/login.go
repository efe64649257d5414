package flowable

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"

	"github.com/riverstones/riverstones/gateway/fault"
)

// login lets those in who know a password, by HTTP Basic.
type login struct {
	prefixes []string
	users    map[string][sha256.Size]byte // password, hashed
}

func newLogin(cfg Config) *login {
	l := &login{users: make(map[string][sha256.Size]byte, len(cfg.Users))}
	for name, password := range cfg.Users {
		l.users[name] = sha256.Sum256([]byte(password))
	}
	for _, p := range cfg.Prefixes {
		l.prefixes = append(l.prefixes, workerPrefix(p)+"/")
		if p != "" {
			l.prefixes = append(l.prefixes, p+"/")
			continue
		}
		for _, collection := range collections {
			l.prefixes = append(l.prefixes, "/"+collection+"/")
		}
	}
	return l
}

// collections are what all paths of the API begin with.
var collections = []string{"repository", "runtime", "query", "history"}

// check refuses who has not logged in, whatever is at the path.
func (l *login) check(r *http.Request, answer http.Header) error {
	if !l.covers(r.URL.Path) {
		return nil
	}
	name, password, _ := r.BasicAuth()
	want, known := l.users[name]
	got := sha256.Sum256([]byte(password))
	// An unknown name takes as long as a wrong password.
	if same := subtle.ConstantTimeCompare(got[:], want[:]) == 1; same && known {
		return nil
	}
	answer.Set("WWW-Authenticate", `Basic realm="Riverstones", charset="UTF-8"`)
	return fault.New(fault.Unauthorized, "log in: send name and password of a user by HTTP Basic")
}

func (l *login) covers(path string) bool {
	for _, p := range l.prefixes {
		if strings.HasPrefix(path, p) {
			return true
		}
	}
	return false
}
