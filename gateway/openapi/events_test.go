package openapi_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue/task"
)

// What comes over the event stream is an Event of the document.
func TestEventsFitTheDocument(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newRunner(t, w)
	n := w.publish(t, "")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, p := range r.doc.Paths.Find("/events").Get.Parameters[:3] {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.url+"/events?"+p.Value.Name+"="+n.replacer().Replace(p.Value.Example.(string)), http.NoBody)
		require.NoError(t, err)
		resp, err := w.client.Do(req)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, resp.StatusCode)
		require.NotNil(t, r.doc.Paths.Find("/events").Get.Responses.Status(200).Value.Content[resp.Header.Get("Content-Type")])
		if p.Value.Name == "stone" { // the last one: the task goes on for it
			w.report(t, n[exampleTask], task.StartBegin, task.StartFailed)
			r.events(t, bufio.NewScanner(resp.Body))
		}
		require.NoError(t, resp.Body.Close())
	}
}

// events reads until there was one of each kind that a report makes.
func (r *runner) events(t *testing.T, lines *bufio.Scanner) {
	t.Helper()
	schema := r.doc.Components.Schemas["Event"].Value
	kinds := map[string]bool{}
	kind := ""
	for len(kinds) < 3 && lines.Scan() {
		if name, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
			kind = name
		}
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			var value any
			require.NoError(t, json.Unmarshal([]byte(data), &value))
			require.NoError(t, schema.VisitJSON(value, openapi3.EnableJSONSchema2020()), data)
			kinds[kind] = true
		}
	}
	require.Equal(t, map[string]bool{"transition": true, "progress": true, "log": true}, kinds)
}
