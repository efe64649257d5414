package openapi_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/riverstones/riverstones/gateway"
	"github.com/riverstones/riverstones/gateway/callback"
	"github.com/riverstones/riverstones/gateway/flowable"
	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/store/recorder"
	"github.com/riverstones/riverstones/store/storetest"
	"github.com/riverstones/riverstones/store/storetest/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m, goleak.IgnoreCurrent()) }

const hookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// system is a gateway with everything behind it.
type system struct {
	url    string
	js     jetstream.JetStream
	nc     *nats.Conn
	client *http.Client
}

func setup(t testing.TB, at flowable.Config) *system {
	t.Helper()
	server := queuetest.Start(t)
	s := &system{nc: server.Connect(t), client: &http.Client{Transport: &http.Transport{}}}
	var err error
	s.js, err = jetstream.New(s.nc)
	require.NoError(t, err)
	db := storetest.SQLite(t)
	rec := recorder.New(db, server.Connect(t), recorder.Config{})
	require.NoError(t, rec.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, rec.Stop(context.Background())) })
	publisher, err := queue.NewPublisher(s.nc, queue.PublisherConfig{Deadline: 5 * time.Second})
	require.NoError(t, err)
	secrets, err := callback.ParseSecrets(hookSecret)
	require.NoError(t, err)
	g, err := gateway.New(gateway.Config{Listen: "127.0.0.1:0", RunRiver: true, Flowable: at,
		Callbacks: callback.Config{Allow: []string{"http://127.0.0.1"}, Secrets: secrets},
	}, gateway.Deps{Store: db, Publisher: publisher, NATS: s.nc})
	require.NoError(t, err)
	require.NoError(t, g.Start(t.Context()))
	t.Cleanup(func() {
		s.client.CloseIdleConnections()
		require.NoError(t, g.Stop(context.Background()))
	})
	s.url = "http://" + g.Addr()
	return s
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (s *system) send(t testing.TB, req *http.Request) answer {
	t.Helper()
	resp, err := s.client.Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return answer{resp.StatusCode, resp.Header, body}
}

// do sends JSON, or nothing, which must be answered with a status below 300.
func (s *system) do(t testing.TB, method, path, body string) answer {
	t.Helper()
	var from io.Reader = http.NoBody
	if body != "" {
		from = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, s.url+path, from)
	require.NoError(t, err)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	a := s.send(t, req)
	require.Less(t, a.status, 300, "%s %s: %s", method, path, a.body)
	return a
}

func as[T any](t testing.TB, a answer) (out T) {
	t.Helper()
	require.NoError(t, json.Unmarshal(a.body, &out), "%s", a.body)
	return out
}

// load reads the document.
func load(t testing.TB, a answer) *openapi3.T {
	t.Helper()
	d, err := openapi3.NewLoader().LoadFromData(a.body)
	require.NoError(t, err)
	return d
}
