package console

import (
	"bytes"
	"crypto/tls"
	"html"
	"io/fs"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// noted is a router that keeps the patterns of its routes.
type noted struct {
	*http.ServeMux

	patterns []string
}

func (n *noted) Handle(pattern string, h http.Handler) {
	n.patterns = append(n.patterns, pattern)
	n.ServeMux.Handle(pattern, h)
}

// walked returns a console with the patterns of all its routes. asked notes
// what changes something of its API.
func walked(asked *[]string) (h http.Handler, patterns []string) {
	api := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			*asked = append(*asked, r.Method+" "+r.URL.Path)
		}
		http.NotFound(w, r)
	})
	n := &noted{ServeMux: http.NewServeMux()}
	c := &console{api: newAPI(api), pages: newTemplates(time.UTC), mux: n, counts: newCounts()}
	c.routes()
	return c.handler(), n.patterns
}

var (
	wildcard   = regexp.MustCompile(`\{[^}]*\}`)
	tokenField = regexp.MustCompile(`name="csrf_token" value="([^"]+)"`)
	tokenAttr  = regexp.MustCompile(`hx-headers='\{"X-CSRF-Token":"([^"]+)"\}'`)
)

// load loads a page, and returns its cookie and the tokens of its forms and scripts.
func load(t *testing.T, h http.Handler) (cookie *http.Cookie, form, script string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/console/nowhere", nil))
	field, attr := tokenField.FindStringSubmatch(w.Body.String()), tokenAttr.FindStringSubmatch(w.Body.String())
	require.Len(t, field, 2)
	require.Len(t, attr, 2)
	cookies := w.Result().Cookies()
	require.Len(t, cookies, 1)
	return cookies[0], html.UnescapeString(field[1]), html.UnescapeString(attr[1])
}

// Whatever route changes something, it does so for nobody without a token.
func TestEveryRouteNeedsAToken(t *testing.T) {
	t.Parallel()
	var asked []string
	h, patterns := walked(&asked)
	cookie, form, script := load(t, h)
	other, _, _ := load(t, h)
	require.NotEqual(t, cookie.Value, other.Value)
	posts := 0
	for _, pattern := range patterns {
		method, path, _ := strings.Cut(pattern, " ")
		if method == http.MethodGet {
			continue
		}
		require.Equal(t, http.MethodPost, method, pattern)
		posts++
		post := func(change func(r *http.Request), fields url.Values) *httptest.ResponseRecorder {
			r := httptest.NewRequest(method, wildcard.ReplaceAllString(path, "x"), strings.NewReader(fields.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Sec-Fetch-Site", "same-origin")
			change(r)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			return w
		}
		for name, change := range map[string]func(r *http.Request){
			"nothing": func(*http.Request) {}, "cookie only": func(r *http.Request) { r.AddCookie(cookie) },
			"token only": func(r *http.Request) { r.Header.Set("X-Csrf-Token", form) },
			"wrong": func(r *http.Request) {
				r.AddCookie(cookie)
				r.Header.Set("X-Csrf-Token", strings.Repeat("A", len(form)))
			},
			"of another page's": func(r *http.Request) {
				r.AddCookie(other)
				r.Header.Set("X-Csrf-Token", form)
			},
			"cookie as token": func(r *http.Request) {
				r.AddCookie(cookie)
				r.Header.Set("X-Csrf-Token", cookie.Value)
			},
		} {
			w := post(change, nil)
			require.Equal(t, http.StatusForbidden, w.Code, "%s: %s", pattern, name)
			require.Contains(t, w.Body.String(), html.EscapeString(texts["problem.token"][english]), "%s: %s", pattern, name)
		}
		require.Empty(t, asked, pattern)
		require.NotEqual(t, http.StatusForbidden, post(func(r *http.Request) { r.AddCookie(cookie) }, url.Values{"csrf_token": {form}}).Code, pattern)
		require.NotEqual(t, http.StatusForbidden, post(func(r *http.Request) {
			r.AddCookie(cookie)
			r.Header.Set("X-Csrf-Token", script)
		}, nil).Code, pattern)
		asked = nil
	}
	require.GreaterOrEqual(t, posts, 15)
}

// What is said about it leads back to the page, in the visitor's language.
func TestForgedPage(t *testing.T) {
	t.Parallel()
	h, _ := walked(new([]string))
	for referer, back := range map[string]string{
		"http://example.com/console/tasks/a%2Fb?log=all": "/console/tasks/a%2Fb?log=all", "http://evil.example/console/tasks": "/console/", "http://example.com/task": "/console/", "": "/console/",
	} {
		r := httptest.NewRequest(http.MethodPost, "/console/language", nil)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		r.Header.Set("Referer", referer)
		r.Header.Set("Accept-Language", "zh-CN")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		require.Equal(t, http.StatusForbidden, w.Code)
		require.Contains(t, w.Body.String(), texts["problem.token"][chinese])
		require.Contains(t, w.Body.String(), `<a class="button main" href="`+back+`">`, referer)
	}
}

// The cookie is out of reach for scripts, other paths and, where the connection
// is secure, for others; assets, which browsers keep, have none.
func TestTokenCookie(t *testing.T) {
	t.Parallel()
	h, _ := walked(new([]string))
	for _, secure := range []bool{false, true} {
		r := httptest.NewRequest(http.MethodGet, "/console/nowhere", nil)
		if secure {
			r.TLS = &tls.ConnectionState{}
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		all := w.Result().Cookies()
		require.Len(t, all, 1)
		c := all[0]
		require.Equal(t, []any{tokenCookie, Root, true, secure, http.SameSiteLaxMode}, []any{c.Name, c.Path, c.HttpOnly, c.Secure, c.SameSite})
		again := httptest.NewRequest(http.MethodGet, "/console/nowhere", nil)
		again.AddCookie(c)
		w = httptest.NewRecorder()
		h.ServeHTTP(w, again)
		require.Empty(t, w.Result().Cookies(), "it stays, or other pages that are open would not count")
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/console/assets/console.css", nil))
	require.Equal(t, http.StatusOK, w.Code)
	require.Empty(t, w.Result().Cookies())
}

// A form that is too large, or can not be read, is told from one without a token.
func TestFormLimits(t *testing.T) {
	t.Parallel()
	h, patterns := walked(new([]string))
	require.True(t, slices.Contains(patterns, "POST /console/deployments"))
	var many bytes.Buffer
	w := multipart.NewWriter(&many)
	part, err := w.CreateFormFile("file", "large.bpmn")
	require.NoError(t, err)
	_, err = part.Write(make([]byte, maxForm))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	for _, c := range []struct {
		kind, body string
		status     int
	}{
		{"application/x-www-form-urlencoded", strings.Repeat("a", maxForm+1), http.StatusRequestEntityTooLarge},
		{w.FormDataContentType(), many.String(), http.StatusRequestEntityTooLarge},
		{"application/x-www-form-urlencoded", "a=%zz", http.StatusBadRequest},
		{"multipart/form-data; boundary=x", "none", http.StatusBadRequest},
		{"multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nmine\r\n--x--\r\n", http.StatusForbidden},
		{"text/plain", "csrf_token=x", http.StatusForbidden},
	} {
		r := httptest.NewRequest(http.MethodPost, "/console/deployments", strings.NewReader(c.body))
		r.Header.Set("Content-Type", c.kind)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		require.Equal(t, c.status, rec.Code, "%s %.20s", c.kind, c.body)
	}
}

var postForm = regexp.MustCompile(`(?s)<form\b[^>]*?method="post"(?:[^>{]|\{\{.*?\}\})*>(.{0,24})`)

// Each form of a template that changes something has its token.
func TestFormsHaveTokens(t *testing.T) {
	t.Parallel()
	names, err := fs.Glob(templateFiles, "templates/*.html")
	require.NoError(t, err)
	forms := 0
	for _, name := range names {
		b, err := fs.ReadFile(templateFiles, name)
		require.NoError(t, err)
		require.Len(t, postForm.FindAllString(string(b), -1), strings.Count(string(b), `method="post"`), name)
		for _, m := range postForm.FindAllStringSubmatch(string(b), -1) {
			forms++
			require.True(t, strings.HasPrefix(m[1], `{{template "token" $}}`), "%s: %s", name, m[0])
		}
	}
	require.GreaterOrEqual(t, forms, 12)
}
