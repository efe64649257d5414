package client_test

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/client"
)

func TestFlowablePrefixAndLogin(t *testing.T) {
	t.Parallel()
	for prefix, worker := range map[string]string{
		"": "/external-job-api", "/flowable-rest/service/": "/flowable-rest/external-job-api", "/process-api": "/external-job-api",
	} {
		var paths []string
		c := setup(t, client.Config{}, func(w http.ResponseWriter, r *http.Request) {
			name, password, _ := r.BasicAuth()
			assert.Equal(t, "kermit secret", name+" "+password)
			paths = append(paths, r.URL.Path)
			reply(w, 200, `{}`)
		})
		f := c.Flowable(client.FlowableConfig{Prefix: prefix, User: "kermit", Password: "secret"})
		_, err := f.Instance(t.Context(), "a/b")
		require.NoError(t, err)
		_, err = f.Job(t.Context(), "j")
		require.NoError(t, err)
		base := map[string]string{"/flowable-rest/service/": "/flowable-rest/service"}[prefix]
		if base == "" {
			base = prefix
		}
		require.Equal(t, []string{base + "/runtime/process-instances/a/b", worker + "/jobs/j"}, paths)
	}
}

// What would be done twice is not sent twice.
func TestStartsAreNotSentAgain(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		status int
		calls  int32
		do     func(c *client.Client) error
	}{
		"start of a process": {503, 1, func(c *client.Client) error {
			_, err := c.StartProcess(t.Context(), client.NewProcess{Key: "p"})
			return err
		}},
		"start of an instance": {503, 1, func(c *client.Client) error {
			_, err := c.Flowable(client.FlowableConfig{}).StartInstance(t.Context(), client.NewInstance{})
			return err
		}},
		"that was surely not taken": {429, 4, func(c *client.Client) error {
			_, err := c.StartProcess(t.Context(), client.NewProcess{Key: "p"})
			return err
		}},
		"a query": {503, 4, func(c *client.Client) error {
			_, err := c.Flowable(client.FlowableConfig{}).Executions(t.Context(), client.ExecutionQuery{}, client.Paging{})
			return err
		}},
		"a process that is read": {503, 4, func(c *client.Client) error {
			_, err := c.Process(t.Context(), "p")
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var calls atomic.Int32
			c := setup(t, client.Config{Retries: 3, Backoff: time.Millisecond}, func(w http.ResponseWriter, _ *http.Request) {
				calls.Add(1)
				reply(w, tc.status, `{"message":"no","exception":"not now"}`)
			})
			require.Error(t, tc.do(c))
			require.Equal(t, tc.calls, calls.Load())
		})
	}
}

func TestWaitProcess(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	c := setup(t, client.Config{}, func(w http.ResponseWriter, _ *http.Request) {
		status := "running"
		if calls.Add(1) == 3 {
			status = "rollback.failed"
		}
		reply(w, 200, `{"id":"p","processStatus":"`+status+`"}`)
	})
	p, err := c.WaitProcess(t.Context(), "p", time.Millisecond)
	require.NoError(t, err)
	require.Equal(t, "rollback.failed", p.ProcessStatus)
	require.False(t, p.Ended())
	require.EqualValues(t, 3, calls.Load())
}
