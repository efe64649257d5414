package console

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

// Root is the path that the console is mounted at.
const Root = "/console"

// maxForm is how many bytes the body of a form may have: a reRun sends two
// documents of the API's greatest size, each encoded for a form.
const maxForm = 32 << 20

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
	h := echo.WrapHandler(New(e, cfg))
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
	return secure(c.mux)
}

type console struct {
	cfg    Config
	api    *api
	pages  templates
	mux    *http.ServeMux
	counts *counts
}

func (c *console) routes() {
	c.mux.Handle("GET "+Root+"/assets/{file...}", newAssets())
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

// get routes what looks, post what changes something.
func (c *console) get(pattern string, h handler)  { c.mux.HandleFunc("GET "+Root+pattern, c.serve(h)) }
func (c *console) post(pattern string, h handler) { c.mux.HandleFunc("POST "+Root+pattern, c.serve(h)) }

// handler answers a request with a page.
type handler func(v *visit) (page, error)

func (c *console) serve(h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		v := c.visit(r) //nolint:contextcheck // it is the request's
		p, err := h(v)
		if err != nil {
			p = problemPage(v, err)
		}
		if p.Cookie != nil {
			http.SetCookie(w, p.Cookie)
		}
		if p.Redirect != "" {
			http.Redirect(w, r, v.withDone(p.Redirect), http.StatusSeeOther) //nolint:gosec // handlers name pages of ours, here checks those that visitors name
			return
		}
		c.render(w, v, &p)
	}
}

// policy is what pages may load and do: what comes from here.
const policy = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"

// secure refuses requests from pages of others, and says what ours may do.
func secure(next http.Handler) http.Handler {
	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "this request was sent by a page of another site: open the console and do it there", http.StatusForbidden)
	}))
	guarded := guard.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		guarded.ServeHTTP(w, r)
	})
}
