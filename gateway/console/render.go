package console

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/justinas/nosurf"

	"github.com/riverstones/riverstones/gateway/client"
)

//go:embed templates
var templateFiles embed.FS

// templates are those of each page, in each language. A page is parsed when it is
// first asked for: a gateway whose console nobody opens keeps none.
type templates [languages]map[string]func() *template.Template

const (
	layoutFile   = "templates/layout.html"
	partialsFile = "templates/partials.html"
)

func newTemplates(zone *time.Location) templates {
	var out templates
	files, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	for l := range out {
		out[l] = map[string]func() *template.Template{}
		base := sync.OnceValue(func() *template.Template {
			return template.Must(template.New("layout.html").Funcs(functions(lang(l), zone)).ParseFS(templateFiles, layoutFile, partialsFile))
		})
		for _, f := range files {
			if f == layoutFile || f == partialsFile {
				continue
			}
			out[l][strings.TrimSuffix(path.Base(f), ".html")] = sync.OnceValue(func() *template.Template {
				return template.Must(template.Must(base().Clone()).ParseFS(templateFiles, f))
			})
		}
	}
	return out
}

// functions are what templates may call.
func functions(l lang, zone *time.Location) template.FuncMap {
	return template.FuncMap{
		"t": l.text, "asset": asset, "root": func() string { return Root },
		"shown":   func(at any) moment { return momentOf(at, zone) },
		"pill":    func(status string) pill { return pillOf(l, status) },
		"tree":    treeOf,
		"taskURL": taskURL, "stoneURL": stoneURL, "processURL": processURL, "modelURL": modelURL,
		"backlog": func(s client.Stone) int { return total(s.Backlog) }, "liveWorkers": liveWorkers,
		"deref": deref, "int": func(n *int) int { return *n }, "num": grouped, "add": func(a, b int) int { return a + b },
	}
}

// view is what a template sees.
type view struct {
	page

	Tag    string // of the language
	Other  []choice
	Menu   []entry
	Self   string // address of the page
	Token  string // that its forms send along, "" where they would not count
	Notice string // key of a text, "" for none
	Zone   string
	Reload int // seconds, 0 for never
}

// choice is a language to switch to.
type choice struct{ Tag, Name string }

// entry is one of the navigation.
type entry struct {
	Key, URL string
	Here     bool
}

var languageNames = [languages]string{"English", "中文"}

// menu is the navigation, in its order.
var menu = []entry{
	{Key: "overview", URL: "/"}, {Key: "tasks", URL: "/tasks"}, {Key: "processes", URL: "/processes"},
	{Key: "stones", URL: "/stones"}, {Key: "letters", URL: "/letters"}, {Key: "callbacks", URL: "/callbacks"},
}

func (c *console) view(v *visit, p *page) *view {
	out := &view{page: *p, Tag: tags[v.lang], Self: v.self(), Token: nosurf.Token(v.Request), Notice: v.notice(), Zone: c.cfg.Zone.String()}
	for l, tag := range tags {
		if lang(l) != v.lang {
			out.Other = append(out.Other, choice{tag, languageNames[l]})
		}
	}
	for _, e := range menu {
		out.Menu = append(out.Menu, entry{e.Key, Root + e.URL, e.Key == p.Nav})
	}
	if p.Name == "problem" { // what is live of it is that it goes away
		out.Reload, out.Live = p.Live.Every, live{}
	}
	return out
}

func (c *console) render(w http.ResponseWriter, v *visit, p *page) {
	var b bytes.Buffer
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Accept-Language, Cookie")
	if p.Text != nil {
		h.Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write(p.Text) // plain text, and not to be taken for more; fails only if the client is gone
		return
	}
	if err := c.pages[v.lang][p.Name]().Execute(&b, c.view(v, p)); err != nil {
		panic(fmt.Errorf("render page %s: %w", p.Name, err)) // a mistake in a template: the server logs it
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	if p.Policy != "" {
		h.Set("Content-Security-Policy", p.Policy)
	}
	if p.Status != 0 {
		w.WriteHeader(p.Status)
	}
	_, _ = b.WriteTo(w) // fails only if the client is gone
}

// moment is a time as it is shown.
type moment struct{ Machine, Text string }

// momentOf takes a time.Time, a pointer to one, or the text of a time in the
// API's older form; none gives the zero moment.
func momentOf(at any, zone *time.Location) moment {
	var t time.Time
	switch at := at.(type) {
	case time.Time:
		t = at
	case *time.Time:
		if at != nil {
			t = *at
		}
	case string:
		t, _ = time.ParseInLocation(time.DateTime, at, zone) // zero for none
	case *string:
		if at != nil {
			t, _ = time.ParseInLocation(time.DateTime, *at, zone)
		}
	}
	if t.IsZero() {
		return moment{}
	}
	return moment{t.UTC().Format(time.RFC3339Nano), t.In(zone).Format(time.DateTime)}
}

// deref is the text that a pointer leads to, "" for nil.
func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// grouped writes a number with spaces between its thousands.
func grouped(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "\u202f" + s[i:]
	}
	return s
}
