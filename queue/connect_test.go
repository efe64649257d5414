package queue_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/embedded"
	"github.com/riverstones/riverstones/queue/queuetest"
)

func TestConnectWhileNobodyListens(t *testing.T) {
	t.Parallel()
	s := queuetest.Start(t)
	s.Stop(t)
	nc, err := queue.Connect(s.URL(), queue.ConnectConfig{})
	require.NoError(t, err)
	defer nc.Close()
	require.ErrorIs(t, nc.Publish("a", nil), nats.ErrReconnectBufExceeded, "a publish must not wait for a connection")
	s.Restart(t)
	queuetest.WaitFor(t, nc.IsConnected)
}

func TestConnectNeverShowsCredentials(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"nats://u:hidden@host:port", "nats://u:hid/hidden@host", "nats://u:%zzhidden@host", "http://hidden@host", "nats://hidden@",
		"nats://localhost, nats://u:hidden@a b", "",
	} {
		_, err := queue.Connect(url, queue.ConnectConfig{})
		require.Error(t, err, url)
		require.NotContains(t, err.Error(), "hid", url)
	}
	_, err := queue.Connect("nats://a,nats://b:x", queue.ConnectConfig{})
	require.ErrorContains(t, err, "number 2 is malformed")
}

func TestConnectionIsLoggedWithoutCredentials(t *testing.T) {
	t.Parallel()
	s, err := embedded.Start(embedded.Config{Dir: t.TempDir(), Port: embedded.AnyPort, Token: "hidden"})
	require.NoError(t, err)
	addr := s.Addr().String()
	core, logs := observer.New(zapcore.DebugLevel)
	closed := make(chan error, 1)
	nc, err := queue.Connect("nats://hidden@"+addr, queue.ConnectConfig{
		Name: "me", InboxPrefix: "_INBOX.me", Logger: zap.New(core), OnClosed: func(err error) { closed <- err },
	})
	require.NoError(t, err)
	require.Equal(t, "me", nc.Opts.Name)
	require.Contains(t, nc.NewInbox(), "_INBOX.me.")
	queuetest.WaitFor(t, func() bool { return logs.FilterMessage("nats connected").Len() == 1 })
	require.NoError(t, s.Stop())
	queuetest.WaitFor(t, func() bool { return logs.FilterMessage("nats connection lost").Len() == 1 })
	nc.Close()
	<-closed
	for _, e := range logs.All() {
		require.NotContains(t, fmt.Sprint(e.Message, e.ContextMap()), "hidden")
	}
	require.Equal(t, addr, logs.FilterMessage("nats connected").All()[0].ContextMap()["server"])
}

func TestRefusedCredentialsCloseTheConnection(t *testing.T) {
	t.Parallel()
	s, err := embedded.Start(embedded.Config{Dir: t.TempDir(), Port: embedded.AnyPort, User: "u", Password: "p"})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Stop()) }()
	closed := make(chan error, 1)
	_, err = queue.Connect(s.URL(), queue.ConnectConfig{User: "u", Password: "wrong", OnClosed: func(err error) { closed <- err }})
	require.NoError(t, err)
	select {
	case err := <-closed:
		require.ErrorIs(t, err, nats.ErrAuthorization)
	case <-time.After(30 * time.Second):
		require.Fail(t, "the connection was not closed")
	}

	nc, err := queue.Connect(s.URL(), queue.ConnectConfig{User: "u", Password: "p"})
	require.NoError(t, err)
	require.NoError(t, nc.FlushTimeout(10*time.Second))
	nc.Close()
}

func TestErrorsOfTheServerAreLogged(t *testing.T) {
	t.Parallel()
	s := queuetest.Start(t)
	core, logs := observer.New(zapcore.WarnLevel)
	nc, err := queue.Connect(s.URL(), queue.ConnectConfig{Logger: zap.New(core)})
	require.NoError(t, err)
	defer nc.Close()
	sub, err := nc.SubscribeSync("busy")
	require.NoError(t, err)
	require.NoError(t, sub.SetPendingLimits(1, -1))
	queuetest.WaitFor(t, func() bool {
		_ = nc.Publish("busy", nil)
		return logs.FilterMessage("nats error").Len() > 0
	})
	require.Equal(t, "busy", logs.All()[0].ContextMap()["subject"])
}

func TestEachUserHasItsInbox(t *testing.T) {
	t.Parallel()
	s := queuetest.Start(t)
	for _, c := range []struct {
		url  string
		cfg  queue.ConnectConfig
		want string
	}{
		{"nats://", queue.ConnectConfig{}, "_INBOX"},
		{"nats://token@", queue.ConnectConfig{}, "_INBOX"},
		{"nats://a%3Ab:pw@", queue.ConnectConfig{}, "_INBOX.a=3Ab"},
		{"nats://", queue.ConnectConfig{User: "u.v", Password: "pw"}, "_INBOX.u=2Ev"},
		{"nats://u:pw@", queue.ConnectConfig{InboxPrefix: "_INBOX.mine"}, "_INBOX.mine"},
	} {
		nc, err := queue.Connect(strings.Replace(s.URL(), "nats://", c.url, 1), c.cfg)
		require.NoError(t, err)
		require.Regexp(t, "^"+regexp.QuoteMeta(c.want)+`\.[^.]+$`, nc.NewInbox(), c.url)
		nc.Close()
	}
}

func TestOptionsHoldForOtherConnections(t *testing.T) {
	t.Parallel()
	s, err := embedded.Start(embedded.Config{Dir: t.TempDir(), Token: "t"})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Stop()) }()
	nc, err := s.Connect(queue.Options(queue.ConnectConfig{Token: "t"})...)
	require.NoError(t, err)
	defer nc.Close()
	require.NoError(t, nc.FlushTimeout(10*time.Second))
	require.Equal(t, -1, nc.Opts.MaxReconnect)
	require.Equal(t, -1, nc.Opts.ReconnectBufSize)
	require.LessOrEqual(t, nc.Opts.ReconnectWait+nc.Opts.ReconnectJitter, 500*time.Millisecond)
}

func TestCredentialFilesAreRead(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "missing")
	for name, cfg := range map[string]queue.ConnectConfig{
		"nkey": {NKeyFile: missing}, "ca": {CAFile: missing}, "cert": {CertFile: missing, KeyFile: missing},
	} {
		_, err := queue.Connect("nats://127.0.0.1:1", cfg)
		require.ErrorIs(t, err, os.ErrNotExist, name)
	}

	pair, err := nkeys.CreateUser()
	require.NoError(t, err)
	seed, err := pair.Seed()
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(missing, seed, 0o600))
	var o nats.Options
	for _, opt := range queue.Options(queue.ConnectConfig{NKeyFile: missing}) {
		require.NoError(t, opt(&o))
	}
	public, err := pair.PublicKey()
	require.NoError(t, err)
	require.Equal(t, public, o.Nkey)
}

func TestConnectEndsWhenTheOwnerCloses(t *testing.T) {
	t.Parallel()
	// A listener that never says a word: the connection must not hang on it.
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	nc, err := queue.Connect("nats://"+l.Addr().String(), queue.ConnectConfig{})
	require.NoError(t, err)
	nc.Close()
	require.True(t, nc.IsClosed())
}
