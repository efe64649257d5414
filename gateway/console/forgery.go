package console

import (
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/justinas/nosurf"
)

const (
	// tokenCookie keeps what the tokens of forms are compared with.
	tokenCookie = "riverstones_token"
	tokenAge    = 365 * 24 * 3600 // seconds: a page that was left open still works
)

// maxForm is how many bytes the body of a form may have: a reRun sends two
// documents of the API's greatest size, each encoded for a form.
const maxForm = 32 << 20

// formMemory is how much of an uploaded file is kept in memory, not in a file.
const formMemory = 4 << 20

// Requests that no page of ours sends.
var (
	errForeign = &refusal403{"problem.foreign"}
	errToken   = &refusal403{"problem.token"}
)

// refusal403 is why a form does not count, by the key of its text.
type refusal403 struct{ key string }

// Error is the text in English.
func (e *refusal403) Error() string { return english.text(e.key) }

// guard lets through what changes something only if a page of this console sent
// it, twice over: browsers say which site sent a request, and a form, or the
// header of a script's request, has a token that only pages of this console can
// read. The token is compared with a cookie, so that gateways that share an
// address need no key in common.
func (c *console) guard(next http.Handler) http.Handler {
	sites := http.NewCrossOriginProtection()
	foreign := c.serve(func(*visit) (page, error) { return page{}, errForeign })
	overTLS, plain := c.tokens(next, true), c.tokens(next, false)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case sites.Check(r) != nil: // and leave the visitor's cookie alone
			foreign(w, r)
		case r.TLS != nil:
			overTLS.ServeHTTP(w, r)
		default:
			plain.ServeHTTP(w, r)
		}
	})
}

// tokens refuses what changes something and has no token.
func (c *console) tokens(next http.Handler, secure bool) http.Handler {
	h := nosurf.New(next)
	h.SetBaseCookie(http.Cookie{ //nolint:gosec // it is Secure where the connection is
		Name: tokenCookie, Path: Root, MaxAge: tokenAge, HttpOnly: true, Secure: secure,
		SameSite: http.SameSiteLaxMode, // a link from elsewhere must not make a new one, which pages that are open do not know
	})
	h.SetIsAllowedOriginFunc(func(*url.URL) bool { return true }) // the guard has looked at it
	h.SetFailureHandler(c.serve(forged))
	return c.form(h)
}

// form reads the form of a request, within its limits.
func (c *console) form(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			next.ServeHTTP(w, r)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		if err := readForm(r); err != nil {
			c.serve(func(*visit) (page, error) { return page{}, err })(w, r)
			return
		}
		if r.MultipartForm != nil {
			defer func() { _ = r.MultipartForm.RemoveAll() }() // what is left in the directory for temporary files
		}
		next.ServeHTTP(w, r)
	})
}

func readForm(r *http.Request) error {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")) // "" for what can not be read
	err := r.ParseForm()
	if err == nil && kind == "multipart/form-data" {
		err = r.ParseMultipartForm(formMemory)
	}
	if _, large := errors.AsType[*http.MaxBytesError](err); err == nil || large {
		return err
	}
	return formError("the form can not be read")
}

// forged says what to do about a token that is wrong or missing.
func forged(v *visit) (page, error) {
	said := problem(v, errToken)
	said.Again = Root + "/"
	if u, err := url.Parse(v.Referer()); err == nil && u.Host == v.Host {
		said.Again = here(u.RequestURI())
	}
	return page{Name: "problem", Title: v.text("problem.title"), Status: said.Status, Data: said}, nil
}

// othersCookies are the cookies of a request without those of the console, as a
// header has them.
func othersCookies(r *http.Request) string {
	var out []string
	for _, line := range r.Header.Values("Cookie") {
		for part := range strings.SplitSeq(line, ";") {
			part = strings.TrimSpace(part)
			if name, _, _ := strings.Cut(part, "="); part != "" && name != languageCookie && name != tokenCookie {
				out = append(out, part)
			}
		}
	}
	return strings.Join(out, "; ")
}
