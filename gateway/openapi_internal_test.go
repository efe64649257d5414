package gateway

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/console"
	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/store/storetest"
)

var pathParameter = regexp.MustCompile(`:([A-Za-z]+)`)

// What is mounted is described, and what is described is mounted, with the same
// parameters in the paths. A GET that is described serves HEAD too; the console
// is for browsers.
func TestDocumentHasAllRoutes(t *testing.T) {
	t.Parallel()
	server := queuetest.Start(t)
	nc := server.Connect(t)
	publisher, err := queue.NewPublisher(nc, queue.PublisherConfig{})
	require.NoError(t, err)
	g, err := New(Config{}, Deps{Store: storetest.SQLite(t), Publisher: publisher, NATS: nc, Observer: Observer{Metrics: http.NotFoundHandler()}})
	require.NoError(t, err)
	e, ok := g.http.Handler.(*echo.Echo)
	require.True(t, ok)

	rec := httptest.NewRecorder()
	e.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/openapi.json", nil))
	require.Equal(t, http.StatusOK, rec.Code)
	d, err := openapi3.NewLoader().LoadFromData(rec.Body.Bytes())
	require.NoError(t, err)
	var described, mounted, heads []string
	for path, item := range d.Paths.Map() {
		for method := range item.Operations() {
			described = append(described, method+" "+path)
		}
	}
	for _, r := range e.Routes() {
		route := r.Method + " " + pathParameter.ReplaceAllString(r.Path, "{$1}")
		switch {
		case r.Path == console.Root || strings.HasPrefix(r.Path, console.Root+"/"):
		case r.Method == http.MethodHead:
			heads = append(heads, strings.TrimPrefix(route, "HEAD "))
		case r.Method != echo.RouteNotFound:
			mounted = append(mounted, route)
		}
	}
	require.ElementsMatch(t, mounted, described)
	for _, route := range described {
		if path, get := strings.CutPrefix(route, "GET "); get && path != pathMetrics && path != "/events" {
			require.Contains(t, heads, path)
			heads = slices.DeleteFunc(heads, func(head string) bool { return head == path })
			continue
		}
		require.NotContains(t, heads, strings.TrimPrefix(route, "GET "))
	}
	require.Empty(t, heads)
	for path, item := range d.Paths.Map() {
		for _, op := range item.Operations() {
			named := pathParameters(item, op)
			for _, m := range regexp.MustCompile(`\{([A-Za-z]+)\}`).FindAllStringSubmatch(path, -1) {
				require.Contains(t, named, m[1], path)
				named = slices.DeleteFunc(named, func(name string) bool { return name == m[1] })
			}
			require.Empty(t, named, path)
		}
	}
}

func pathParameters(item *openapi3.PathItem, op *openapi3.Operation) []string {
	var out []string
	for _, p := range slices.Concat(item.Parameters, op.Parameters) {
		if p.Value.In == openapi3.ParameterInPath {
			out = append(out, p.Value.Name)
		}
	}
	return out
}
