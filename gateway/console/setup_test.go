package console_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/net/html"

	"github.com/riverstones/riverstones/gateway/console"
)

func TestMain(m *testing.M) {
	code := m.Run()
	chromium.stop()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// fixture is an API of which each path, with its query or without, has a fixed
// answer. Others are not found. An answer is JSON, or "!STATUS sentence" for an error.
type fixture map[string]string

// ServeHTTP answers.
func (f fixture) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	said, ok := f[r.Method+" "+r.URL.RequestURI()]
	if !ok {
		said, ok = f[r.Method+" "+r.URL.EscapedPath()]
	}
	if !ok {
		said = "!404 nothing is at " + r.Method + " " + r.URL.RequestURI()
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Request-Id", "0123abcd")
	status := http.StatusOK
	if rest, failed := strings.CutPrefix(said, "!"); failed {
		code, sentence, _ := strings.Cut(rest, " ")
		_, _ = fmt.Sscan(code, &status)
		said = fmt.Sprintf(`{"message":%q,"exception":%q}`, http.StatusText(status), sentence)
	}
	if rest, limited := strings.CutPrefix(said, ">"); limited {
		said = rest
		w.Header().Set("X-Total-Count", "100000")
		w.Header().Set("X-Total-Exact", "false")
	}
	w.WriteHeader(status)
	_, _ = w.Write([]byte(said))
}

// with returns the fixture with other answers.
func (f fixture) with(more fixture) fixture {
	out := fixture{}
	for _, all := range []fixture{f, more} {
		maps.Copy(out, all)
	}
	return out
}

// shown is a page as a browser gets it.
type shown struct {
	status int
	header http.Header
	body   string
	text   string // what can be read of it
}

// visit gets a page of the console of an API.
func visit(t *testing.T, api http.Handler, path string, header ...string) shown {
	t.Helper()
	return ask(t, api, http.MethodGet, path, nil, header...)
}

// ask sends a request; a form makes it one of a form, as a page of the console
// sends it.
func ask(t *testing.T, api http.Handler, method, path string, form url.Values, header ...string) shown {
	t.Helper()
	h := console.New(api, console.Config{})
	r := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		mark(t, h, r)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	out := shown{status: w.Code, header: w.Header(), body: w.Body.String()}
	if strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
		out.text = readable(t, out.body)
	}
	return out
}

var tokenField = regexp.MustCompile(`name="csrf_token" value="([^"]+)"`)

// mark makes r one that a page of the console sends: with its token, and from its site.
func mark(t *testing.T, h http.Handler, r *http.Request) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/console/nowhere", nil))
	found := tokenField.FindStringSubmatch(w.Body.String())
	require.Len(t, found, 2)
	r.Header.Set("X-Csrf-Token", html.UnescapeString(found[1]))
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for _, c := range w.Result().Cookies() {
		r.AddCookie(c)
	}
}

// labelled fails for what a screen reader could not tell of.
func labelled(t *testing.T, root *html.Node) {
	t.Helper()
	ids, labels := map[string]bool{}, map[string]bool{}
	for n := range root.Descendants() {
		if id := attribute(n, "id"); id != "" {
			require.False(t, ids[id], "id %q stands twice", id)
			ids[id] = true
		}
		if n.Data == "label" {
			labels[attribute(n, "for")] = true
		}
	}
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		switch n.Data {
		case "input", "select", "textarea":
			inLabel := attribute(n, "type") == "hidden" || attribute(n, "aria-label") != "" || labels[attribute(n, "id")]
			for p := n.Parent; p != nil; p = p.Parent {
				inLabel = inLabel || p.Data == "label"
			}
			require.True(t, inLabel, "<%s name=%q> has no label", n.Data, attribute(n, "name"))
		case "button", "a":
			text := attribute(n, "aria-label")
			for d := range n.Descendants() {
				if d.Type == html.TextNode {
					text += strings.TrimSpace(d.Data)
				}
			}
			require.NotEmpty(t, text, "<%s> has no text", n.Data)
		}
	}
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// readable returns the text of a page, and fails for what its policy forbids.
func readable(t *testing.T, page string) string {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	require.NoError(t, err)
	labelled(t, root)
	var b strings.Builder
	for n := range root.Descendants() {
		switch n.Type {
		case html.TextNode:
			if n.Parent.Data == "script" || n.Parent.Data == "style" {
				require.Empty(t, strings.TrimSpace(n.Data), "inline %s", n.Parent.Data)
			}
			b.WriteString(strings.TrimSpace(n.Data) + " ")
		case html.ElementNode:
			require.NotEqual(t, "style", n.Data)
			for _, a := range n.Attr {
				require.NotEqual(t, "style", a.Key, "<%s>", n.Data)
				require.False(t, strings.HasPrefix(a.Key, "on"), "<%s %s>", n.Data, a.Key)
			}
		}
	}
	require.NotContains(t, page, "%!", "a text has other verbs than values")
	return strings.Join(strings.Fields(b.String()), " ")
}
