package callback_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/callback"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/storetest"
)

// A receiver that asks for a login gets its own, and no other one does.
func TestLogin(t *testing.T) {
	t.Parallel()
	st := storetest.SQLite(t)
	asks, other := newReceiver(t, always(http.StatusOK)), newReceiver(t, always(http.StatusOK))
	cfg := config(t)
	var err error
	cfg.Logins, err = callback.ParseLogins("# engines\n\n" + strings.TrimPrefix(asks.URL, "http://") + " rest-admin:te:st\n")
	require.NoError(t, err)
	start(t, cfg, st)
	for i, r := range []*receiver{asks, other} {
		n := names([]string{"a", "b"}[i], "p1")
		ends(t, st, n, store.Flowable, r.URL, task.MonitorSuccess)
		told(t, st, n.ID, store.DeliveryDone)
	}
	req := http.Request{Header: asks.got()[0].header}
	user, password, ok := req.BasicAuth()
	require.True(t, ok)
	require.Equal(t, "rest-admin te:st", user+" "+password)
	require.Empty(t, other.got()[0].header.Get("Authorization"))
	for _, bad := range []string{"host", "host user", "host :secret", "host user:secret more"} {
		_, err := callback.ParseLogins("\n" + bad)
		require.ErrorContains(t, err, "line 2")
		require.NotContains(t, err.Error(), "secret")
	}
}
