package console

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
)

// The vendored files of assets/vendor are as the npm registry has them: htmx
// 2.0.11 and idiomorph 0.8.0, both under the Zero-Clause BSD licence, and
// bpmn-js 18.31.1, whose licence wants its mark in the diagram to be seen. The
// licences stand beside them.
//
//go:embed assets
var assetFiles embed.FS

// sums are the digests of the assets, by their path below assets/. Links carry
// them, so that a browser may keep a file for ever.
var sums = digest()

func digest() map[string]string {
	out := map[string]string{}
	err := fs.WalkDir(assetFiles, "assets", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := assetFiles.ReadFile(name)
		sum := sha256.Sum256(b)
		out[name[len("assets/"):]] = hex.EncodeToString(sum[:8])
		return err
	})
	if err != nil {
		panic(err) // they are part of the binary
	}
	return out
}

// asset is the address of a file below assets/.
func asset(name string) string {
	return Root + "/assets/" + name + "?v=" + sums[name]
}

var kinds = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
	".txt": "text/plain; charset=utf-8", ".woff2": "font/woff2", ".woff": "font/woff",
}

func newAssets() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := r.PathValue("file")
		sum, ok := sums[name]
		if !ok {
			http.NotFound(w, r)
			return
		}
		h := w.Header()
		if kind := kinds[path.Ext(name)]; kind != "" {
			h.Set("Content-Type", kind)
		}
		h.Set("ETag", `"`+sum+`"`)
		if r.URL.Query().Get("v") == sum {
			h.Set("Cache-Control", "public, max-age=31536000, immutable")
		} else {
			h.Set("Cache-Control", "no-cache")
		}
		http.ServeFileFS(w, r, assetFiles, "assets/"+name)
	})
}
