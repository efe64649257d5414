package app_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/cmd/internal/app"
	"github.com/riverstones/riverstones/cmd/internal/config"
	"github.com/riverstones/riverstones/gateway/client"
	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/stone"
)

// echo makes its params an output.
type echo struct{ quick }

func (echo) Start(_ context.Context, t *stone.Task) error {
	return t.SetOutput("copy", t.Params())
}

// Params and outputs of a MiB go through REST, queue, worker and store and come
// back as they were, held back or not, and over a restart of the queue.
func TestLargeBodies(t *testing.T) {
	t.Parallel()
	for name, url := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := queuetest.Start(t)
			cfg := settings(t)
			cfg.Store, cfg.NATS = url(t), server.URL()
			cfg.Roles = []config.Role{config.Recorder, config.Gateway}
			c := newClient(t, start(t, cfg, app.Hooks{}).URL())
			params := fmt.Sprintf(`{"a":%q,"big":12345678901234567890}`, strings.Repeat("x", 1<<20))
			for id, delay := range map[string]string{"now": "", "later": "1s"} {
				_, _, err := c.PublishOne(within(t), client.NewTask{ProcessInstanceID: "p", TaskID: id, Stone: "Echo", Params: []byte(params), Delay: delay})
				require.NoError(t, err)
			}
			server.Restart(t)
			cfg.Roles, cfg.Data = []config.Role{config.Worker}, t.TempDir()
			start(t, cfg, with("Echo", echo{}))
			requireWay(t, c, []string{"now", "later"})
			for _, id := range []string{"now", "later"} {
				got, err := c.Get(within(t), id)
				require.NoError(t, err)
				require.Equal(t, params, *got.Params)
				require.Equal(t, `{"copy":`+params+`}`, *got.Outputs)
			}
		})
	}
}

// What is over the limit is refused before anything is stored.
func TestTooLargeBodies(t *testing.T) {
	t.Parallel()
	cfg := settings(t)
	cfg.Limits.Body, cfg.NATSListen = 32<<20, "127.0.0.1:0"
	cfg.Roles = []config.Role{config.Recorder, config.Gateway}
	a := start(t, cfg, app.Hooks{})
	for _, size := range []int{queue.MaxBlob, 40 << 20} {
		body := fmt.Sprintf(`{"processInstanceId":"p","taskId":"t","stone":"S","params":{"a":%q}}`, strings.Repeat("x", size))
		req, err := http.NewRequestWithContext(within(t), http.MethodPost, a.URL()+"/task", strings.NewReader(body))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Expect", "100-continue") // a refusal is read before the body is sent
		resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true, ExpectContinueTimeout: patience}}).Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, http.StatusRequestEntityTooLarge, resp.StatusCode)
	}
	nc, err := nats.Connect(a.NATSURL())
	require.NoError(t, err)
	defer nc.Close()
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	for _, name := range []string{queue.StreamTasks, "OBJ_" + queue.BucketBlobs} {
		s, err := js.Stream(within(t), name)
		require.NoError(t, err)
		require.Zero(t, s.CachedInfo().State.LastSeq, name)
	}
	_, err = newClient(t, a.URL()).Get(within(t), "t")
	require.Error(t, err)
}
