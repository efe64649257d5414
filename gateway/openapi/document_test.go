package openapi_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/riverstones/riverstones/gateway/flowable"
	"github.com/riverstones/riverstones/gateway/openapi"
	"github.com/riverstones/riverstones/gateway/rest"
)

// served asks for one form of the document.
func served(t testing.TB, path string) answer {
	t.Helper()
	e := echo.New()
	openapi.Mount(rest.NewRouter(e, 1<<20), openapi.Config{})
	rec := httptest.NewRecorder()
	e.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	require.Equal(t, http.StatusOK, rec.Code)
	return answer{rec.Code, rec.Header(), rec.Body.Bytes()}
}

// The document is OpenAPI 3.1, and its examples fit its schemas.
func TestDocumentIsValid(t *testing.T) {
	t.Parallel()
	d := load(t, served(t, "/openapi.json"))
	require.NoError(t, d.Validate(t.Context(), openapi3.EnableExamplesValidation(), openapi3.EnableSchemaPatternValidation(),
		openapi3.EnableSchemaDefaultsValidation()))

	a := served(t, "/openapi.yaml")
	require.Equal(t, "application/yaml", a.header.Get("Content-Type"))
	require.True(t, strings.HasPrefix(string(a.body), "openapi: 3.1.1\n"))
	var fromYAML any
	require.NoError(t, yaml.Unmarshal(a.body, &fromYAML))
	again, err := json.Marshal(fromYAML)
	require.NoError(t, err)
	require.JSONEq(t, string(served(t, "/openapi.json").body), string(again))
}

// The queue's document is served as it is, and the page leads to it.
func TestQueue(t *testing.T) {
	t.Parallel()
	a := served(t, "/asyncapi.yaml")
	require.Equal(t, "application/yaml", a.header.Get("Content-Type"))
	want, err := os.ReadFile("../../queue/asyncapi.yaml")
	require.NoError(t, err)
	require.Equal(t, string(want), string(a.body))
	require.Contains(t, string(served(t, "/docs").body), `href="asyncapi.yaml"`)
}

// Every component is used, and every operation has what a reader needs.
func TestDocumentIsTidy(t *testing.T) {
	t.Parallel()
	a := served(t, "/openapi.json")
	d, text := load(t, a), string(a.body)
	var components struct {
		Components map[string]map[string]json.RawMessage `json:"components"`
	}
	require.NoError(t, json.Unmarshal([]byte(text), &components))
	for kind, all := range components.Components {
		for name := range all {
			used := strings.Contains(text, `"#/components/`+kind+`/`+name+`"`)
			require.True(t, used || kind == "securitySchemes" || name == "Event", "%s %s", kind, name)
		}
	}
	known := map[string]bool{}
	for _, tag := range d.Tags {
		known[tag.Name] = true
	}
	ids := map[string]bool{}
	for path, item := range d.Paths.Map() {
		for method, op := range item.Operations() {
			require.NotEmpty(t, op.Summary, "%s %s", method, path)
			require.False(t, strings.HasSuffix(op.Summary, "."), op.Summary)
			require.NotEmpty(t, op.OperationID, "%s %s", method, path)
			require.False(t, ids[op.OperationID], op.OperationID)
			ids[op.OperationID] = true
			require.Len(t, op.Tags, 1, op.OperationID)
			require.True(t, known[op.Tags[0]], op.OperationID)
			require.NotNil(t, op.Responses.Default(), op.OperationID)
		}
	}
}

// Where Flowable's API is mounted elsewhere, the document says so.
func TestFlowablePrefixes(t *testing.T) {
	t.Parallel()
	s := setup(t, flowable.Config{Prefixes: []string{"/flowable-rest/service", ""}})
	d := load(t, s.do(t, http.MethodGet, "/openapi.json", ""))
	for path, want := range map[string][]string{
		"/repository/deployments": {"/flowable-rest/service", "/"}, "/external-job-api/jobs": {"/flowable-rest", "/"},
		"/history/historic-process-instances": {"/flowable-rest/service", "/"}, "/task": nil, "/process": nil,
	} {
		var got []string
		for _, server := range d.Paths.Find(path).Servers {
			got = append(got, server.URL)
			s.do(t, http.MethodGet, strings.TrimSuffix(server.URL, "/")+path, "")
		}
		require.Equal(t, want, got, path)
	}
}

var (
	style  = regexp.MustCompile(`(?s)<style>(.*?)</style>`)
	anchor = regexp.MustCompile(`href="#([^"]+)"`)
)

// The page shows every operation and schema, loads nothing, and its policy
// allows its style alone.
func TestPage(t *testing.T) {
	t.Parallel()
	d, a := load(t, served(t, "/openapi.json")), served(t, "/docs")
	page := string(a.body)
	require.Equal(t, "text/html; charset=utf-8", a.header.Get("Content-Type"))
	require.Equal(t, "nosniff", a.header.Get("X-Content-Type-Options"))
	sum := sha256.Sum256([]byte(style.FindStringSubmatch(page)[1]))
	require.Equal(t, "default-src 'none'; style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'", a.header.Get("Content-Security-Policy"))
	for _, bad := range []string{"<script", "<link", "<img", "<iframe", " style=", "http-equiv", " onclick", "ZgotmplZ", "&lt;code"} {
		require.NotContains(t, page, bad)
	}
	for _, item := range d.Paths.Map() {
		for _, op := range item.Operations() {
			require.Contains(t, page, `<article id="`+op.OperationID+`">`)
		}
	}
	for name := range d.Components.Schemas {
		require.Contains(t, page, `<article id="schema-`+name+`">`)
	}
	for _, m := range anchor.FindAllStringSubmatch(page, -1) {
		require.Contains(t, page, ` id="`+m[1]+`"`)
	}
	require.Equal(t, 1, strings.Count(page, "Sending the same task again"))
	require.Contains(t, page, "<figcaption>One task</figcaption>")
}
