package httpstone_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/riverstones/riverstones/stone/httpstone"
	"github.com/riverstones/riverstones/stone/stonetest"
)

// A stone out of a configuration. allow is for development: a real service is
// public, and called over https.
func Example() {
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			fmt.Fprint(w, `{"id": "vol-1"}`)
			return
		}
		fmt.Fprint(w, `{"state": "READY"}`)
	}))
	defer service.Close()

	cfg, err := httpstone.Parse(fmt.Appendf(nil, `
code: Volume
start:
  url: %[1]s/volumes
  body: '{"size": {{.params.size}}}'
  outputs: {volumeId: id}
monitor:
  url: %[1]s/volumes/{{.outputs.volumeId}}
  done: {path: state, values: [READY]}
allow: [127.0.0.1]
`, service.URL))
	if err != nil {
		fmt.Println(err)
		return
	}
	s, err := httpstone.New(cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	r, _ := stonetest.DoToEnd(context.Background(), s, stonetest.Task{Params: `{"size": 10}`})
	fmt.Println(s.Spec().Code, r.Status, string(r.Outputs))
	// Output: Volume monitor.success {"volumeId":"vol-1"}
}
