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

func TestCheck(t *testing.T) {
	t.Parallel()
	allow := []string{"hooks.example.com", "*.corp.example", "http://flowable:8080", "port.example:8443", "10.0.0.0/8", "1.1.1.1", "::1"}
	s, err := callback.New(callback.Config{Allow: allow, Secrets: secrets(t, secret)}, nil, nil)
	require.NoError(t, err)
	for url, problem := range map[string]string{
		"https://hooks.example.com/a?b=c":     "",
		"https://HOOKS.example.com:444/":      "",
		"https://a.corp.example":              "",
		"http://flowable:8080/rest":           "",
		"https://port.example:8443":           "",
		"http://10.1.2.3:8080/":               "",
		"https://1.1.1.1/":                    "",
		"http://[::1]:80/":                    "",
		"http://1.1.1.1/":                     "must begin with https",
		"http://hooks.example.com/":           "must begin with https",
		"https://corp.example":                "allow-list",
		"https://evilcorp.example":            "allow-list",
		"https://port.example":                "allow-list",
		"http://flowable:8081/":               "allow-list",
		"https://127.0.0.1/":                  "allow-list",
		"https://2130706433/":                 "allow-list",
		"https://hooks.example.com.evil.test": "allow-list",
		"https://me:pw@hooks.example.com":     "user name",
		"https://hooks.example.com/#x":        "fragment",
		"ftp://hooks.example.com":             "must be a URL",
		"hooks.example.com":                   "must be a URL",
		"":                                    "must be a URL",
		"https://hooks.example.com/" + strings.Repeat("x", 2048): "at most 2048",
	} {
		err := s.Check(store.Webhook, url)
		if problem == "" {
			require.NoError(t, err, url)
		} else {
			require.ErrorContains(t, err, problem, url)
			require.NotContains(t, err.Error(), "pw@")
		}
	}
	for _, bad := range []string{"", "*", "https://x", "a b", "u@h", "x/y"} {
		_, err := callback.New(callback.Config{Allow: []string{bad}}, nil, nil)
		require.ErrorContains(t, err, "allow-list", bad)
	}
	nobody, err := callback.New(callback.Config{Secrets: secrets(t, secret)}, nil, nil)
	require.NoError(t, err)
	require.ErrorIs(t, nobody.Check(store.Webhook, "https://hooks.example.com"), callback.ErrNobody)
	unsigned, err := callback.New(callback.Config{Allow: allow}, nil, nil)
	require.NoError(t, err)
	require.ErrorContains(t, unsigned.Check(store.Webhook, "https://hooks.example.com"), "no secret")
	require.NoError(t, unsigned.Check(store.Flowable, "https://hooks.example.com"))
}

// A name that is on the list is not called where it leads into a network that
// is not; a URL that has left the list is not called any more.
func TestRefusedAddress(t *testing.T) {
	t.Parallel()
	st := storetest.SQLite(t)
	r := newReceiver(t, always(http.StatusOK))
	cfg := config(t)
	cfg.Allow = []string{"http://localhost"}
	start(t, cfg, st)
	inside, unlisted := names("inside", "p1"), names("unlisted", "p2")
	ends(t, st, inside, store.Webhook, strings.Replace(r.URL, "127.0.0.1", "localhost", 1), task.StartFailed)
	ends(t, st, unlisted, store.Webhook, r.URL, task.StartFailed)
	for _, n := range []task.Names{inside, unlisted} {
		var problem string
		require.Eventually(t, func() bool {
			all, err := st.Deliveries(t.Context(), n.ID)
			problem = all[0].Problem
			return err == nil && all[0].Tries > 1
		}, waitFor, tick)
		require.Contains(t, problem, "not on the allow-list", n.TaskID)
	}
	require.Empty(t, r.got())
}

func TestParseSecrets(t *testing.T) {
	t.Parallel()
	require.Len(t, secrets(t, " "+secret+" "+another), 2)
	for text, problem := range map[string]string{
		"":                      "no secret",
		"MfKQ9r8GKYqrTwjUPD8I":  "does not begin with whsec_",
		"whsec_%%%":             "no base64",
		"whsec_c2hvcnQ=":        "5 bytes",
		secret + " whsec_c2hv!": "secret 2",
	} {
		_, err := callback.ParseSecrets(text)
		require.ErrorContains(t, err, problem)
		require.NotContains(t, err.Error(), "c2hv")
		require.NotContains(t, err.Error(), "MfKQ")
	}
}
