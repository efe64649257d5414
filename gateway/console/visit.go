package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/riverstones/riverstones/gateway/client"
)

// visit is a request to the console.
type visit struct {
	*http.Request

	api  *client.Client
	lang lang
	key  string // of what was done, "" for nothing
}

func (c *console) visit(r *http.Request) *visit {
	r = r.WithContext(onBehalf(r))
	return &visit{Request: r, api: c.api.client, lang: languageOf(r)}
}

// ctx is the context of requests to the API.
func (v *visit) ctx() context.Context { return v.Context() }

// done notes what was done, by the key of a text that the next page shows.
func (v *visit) done(key string) { v.key = key }

// doneParam is the parameter that tells the next page what was done.
const doneParam = "done"

func (v *visit) withDone(path string) string {
	if v.key == "" {
		return path
	}
	sep := "?"
	if strings.Contains(path, "?") {
		sep = "&"
	}
	return path + sep + doneParam + "=" + url.QueryEscape(v.key)
}

// notice is the key of a text about what the page before did, "" for none.
// Others than those are not shown: anybody could have written the link.
func (v *visit) notice() string {
	key := v.URL.Query().Get(doneParam)
	if _, ok := texts["done."+key]; !ok {
		return ""
	}
	return "done." + key
}

// self is the address of the page without what was done before it.
func (v *visit) self() string {
	q := v.URL.Query()
	if !q.Has(doneParam) {
		return v.URL.RequestURI()
	}
	q.Del(doneParam)
	u := url.URL{Path: v.URL.Path, RawPath: v.URL.RawPath, RawQuery: q.Encode()}
	return u.RequestURI()
}

// text translates.
func (v *visit) text(key string, args ...any) string { return v.lang.text(key, args...) }

// page is what a handler answers.
type page struct {
	Name  string // of the template, without .html
	Title string
	Nav   string // which entry of the navigation it belongs to
	Crumb []link // the pages above it
	Live  live
	Data  any
	// Status is 200 by default, Policy the default of all pages.
	Status int
	Policy string
	// Scripts are its own, and Styles, below assets/.
	Scripts, Styles []string
	// Redirect is where to go instead, as an answer to a form.
	Redirect string
	Cookie   *http.Cookie // to set, nil for none
	// Text answers with plain text instead.
	Text []byte
}

// link is a link with its text.
type link struct{ URL, Text string }

// live says how a page is kept up to date.
type live struct {
	Events string // query of /events, "" for none
	Every  int    // seconds between looks, 0 for none
}

// errNowhere says that there is no such page.
var errNowhere = &client.Error{Status: http.StatusNotFound, Message: "Not found", Exception: "there is no such page"}

// problemPage shows an error.
func problemPage(v *visit, err error) page {
	p := problem(v, err)
	title := v.text("problem.title")
	if p.Status == http.StatusNotFound {
		title = v.text("problem.notfound")
	}
	status := p.Status
	if status < http.StatusBadRequest {
		status = http.StatusInternalServerError
	}
	out := page{Name: "problem", Title: title, Status: status, Data: p}
	if status >= http.StatusInternalServerError || status == http.StatusTooManyRequests {
		out.Live.Every = 5 // it may be gone by then
	}
	return out
}

// trouble is an error as it is shown.
type trouble struct {
	Status            int
	Message, Sentence string
	RequestID         string
	Again             string // the page to load again, "" for none
}

func problem(v *visit, err error) trouble {
	if e, ok := errors.AsType[*client.Error](err); ok {
		return trouble{Status: e.Status, Message: e.Message, Sentence: e.Exception, RequestID: e.RequestID}
	}
	if e, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return trouble{Status: http.StatusRequestEntityTooLarge, Message: v.text("problem.title"), Sentence: v.text("problem.toolarge", e.Limit)}
	}
	if e, ok := errors.AsType[*refusal403](err); ok {
		return trouble{Status: http.StatusForbidden, Message: v.text("problem.title"), Sentence: v.text(e.key)}
	}
	return trouble{Status: http.StatusInternalServerError, Message: v.text("problem.title"), Sentence: v.text("problem.internal")}
}

// formError is what a form says that no page of ours sends.
func formError(format string, args ...any) error {
	return &client.Error{Status: http.StatusBadRequest, Message: "Bad request", Exception: fmt.Sprintf(format, args...)}
}

// here returns an address within the console, the overview for any other.
func here(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "" || u.Host != "" || u.Opaque != "" || strings.Contains(address, "\\") ||
		u.Path != Root && !strings.HasPrefix(u.Path, Root+"/") {
		return Root + "/"
	}
	return u.String()
}
