package console

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/riverstones/riverstones/gateway/rest"
)

// Root is the path that the console is mounted at.
const Root = "/console"

// Config says how the console shows things. Its zero value is ready to use.
type Config struct {
	// Zone is the time zone of all times, UTC by default. It must be the one
	// that the API writes createTime in.
	Zone *time.Location
	// FlowablePrefix is a path that Flowable's API is mounted under, "" for the
	// root: models are deployed by it.
	FlowablePrefix string
}

// Mount adds the console to e, whose other routes are the API that it asks.
func Mount(e *echo.Echo, cfg Config) {
	h := rest.Wrap(New(e, cfg))
	for _, path := range []string{Root, Root + "/*"} {
		e.GET(path, h)
		e.HEAD(path, h)
		e.POST(path, h)
	}
}

// New returns the console of an API.
func New(api http.Handler, cfg Config) http.Handler {
	if cfg.Zone == nil {
		cfg.Zone = time.UTC
	}
	c := &console{cfg: cfg, api: newAPI(api), pages: newTemplates(cfg.Zone), mux: http.NewServeMux(), counts: newCounts()}
	c.routes()
	return c.handler()
}

// handler serves the assets, which anybody may have, and the routes behind their guard.
func (c *console) handler() http.Handler {
	all := http.NewServeMux()
	all.Handle("GET "+Root+"/assets/{file...}", newAssets())
	all.Handle("/", c.guard(c.mux))
	return secure(all)
}

type console struct {
	cfg    Config
	api    *api
	pages  templates
	mux    router
	counts *counts
}

// router is an [http.ServeMux].
type router interface {
	http.Handler
	Handle(pattern string, h http.Handler)
}

func (c *console) routes() {
	c.post("/language", c.language)
	c.get("/{rest...}", func(v *visit) (page, error) { return page{}, errNowhere })
	c.get("/{$}", c.overview)
	c.mux.Handle("GET "+Root, http.RedirectHandler(Root+"/", http.StatusMovedPermanently))
	c.taskRoutes()
	c.bulkRoutes()
	c.processRoutes()
	c.modelRoutes()
	c.stoneRoutes()
	c.letterRoutes()
	c.callbackRoutes()
}

// get routes what looks, post what changes something: it gets its form read.
func (c *console) get(pattern string, h handler)  { c.mux.Handle("GET "+Root+pattern, c.serve(h)) }
func (c *console) post(pattern string, h handler) { c.mux.Handle("POST "+Root+pattern, c.serve(h)) }

// handler answers a request with a page.
type handler func(v *visit) (page, error)

func (c *console) serve(h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v := c.visit(r) //nolint:contextcheck // it is the request's
		p, err := h(v)
		if err != nil {
			p = problemPage(v, err)
		}
		if p.Cookie != nil {
			http.SetCookie(w, p.Cookie)
		}
		if p.Redirect != "" {
			http.Redirect(w, r, v.withDone(p.Redirect), http.StatusSeeOther) // handlers name pages of ours, here checks those that visitors name
			return
		}
		c.render(w, v, &p)
	}
}

// policy is what pages may load and do: what comes from here.
const policy = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"

// secure says what pages of ours may do.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}
