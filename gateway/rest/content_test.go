package rest_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/gateway/rest"
)

// upload is a request with a body of any type.
type upload struct{ body []byte }

func (u *upload) Bind(in *rest.Input) error {
	if in.Request().Header.Get("Content-Type") == "application/json" {
		b, err := in.Bytes()
		u.body = []byte(string(b))
		return err
	}
	from, err := in.Stream(8)
	if err != nil {
		return err
	}
	u.body, err = io.ReadAll(from)
	return err
}

// download answers the bytes of an upload, or nothing.
type download struct{ upload }

func (d download) Status() int {
	if len(d.body) == 0 {
		return http.StatusNoContent
	}
	return http.StatusCreated
}

func (d download) AppendJSON([]byte) []byte { panic("is no JSON") }

func (d download) Content() (mediaType string, size int64, body io.Reader) {
	if len(d.body) == 0 {
		return "", 0, nil
	}
	return "application/octet-stream", int64(len(d.body)), strings.NewReader(string(d.body))
}

func TestContent(t *testing.T) {
	t.Parallel()
	e := echo.New()
	e.HTTPErrorHandler = rest.ErrorHandler(zap.NewNop())
	r := rest.NewRouter(e, 16)
	r.Guard(func(req *http.Request, answer http.Header) error {
		if strings.HasPrefix(req.URL.Path, "/shut") {
			answer.Set("WWW-Authenticate", "Basic")
			return fault.New(fault.Unauthorized, "no")
		}
		return nil
	})
	rest.Handle(r, http.MethodPost, "/echo", func(_ context.Context, u upload) (rest.Reply, error) { return download{u}, nil })
	for _, tt := range []struct {
		name, path, mediaType, body string
		status                      int
	}{
		{"bytes", "/echo", "x/y", "\x00\xff12345", 201},
		{"none", "/echo", "x/y", "", 204},
		{"too many", "/echo", "x/y", "123456789", 413},
		{"JSON", "/echo", "application/json", `{"a":1}`, 201},
		{"much JSON", "/echo", "application/json", `"1234567890123456"`, 413},
		{"guarded", "/shut/nothing", "x/y", "1", 401},
	} {
		for _, announced := range []bool{true, false} {
			req := httptest.NewRequest(http.MethodPost, tt.path, strings.NewReader(tt.body))
			if !announced {
				req.ContentLength = -1
			}
			req.Header.Set("Content-Type", tt.mediaType)
			w := httptest.NewRecorder()
			e.ServeHTTP(w, req)
			require.Equal(t, tt.status, w.Code, "%s: %s", tt.name, w.Body)
			switch {
			case tt.status == 204:
				require.Empty(t, w.Body.String(), tt.name)
			case tt.status < 300:
				require.Equal(t, tt.body, w.Body.String(), tt.name)
				require.Equal(t, "application/octet-stream", w.Header().Get("Content-Type"), tt.name)
			case tt.status == 401:
				require.Equal(t, "Basic", w.Header().Get("WWW-Authenticate"))
			}
		}
	}
}
