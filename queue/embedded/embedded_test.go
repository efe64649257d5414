package embedded_test

import (
	"net"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/riverstones/riverstones/queue/embedded"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T, cfg embedded.Config) *embedded.Server {
	t.Helper()
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	s, err := embedded.Start(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop()) })
	return s
}

func store(t *testing.T, s *embedded.Server) jetstream.JetStream {
	t.Helper()
	nc, err := s.Connect()
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	return js
}

func TestServesThisProcessOnly(t *testing.T) {
	t.Parallel()
	s := start(t, embedded.Config{})
	require.Empty(t, s.URL())
	require.Nil(t, s.Addr())
	js := store(t, s)
	_, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "A", Subjects: []string{"a"}})
	require.NoError(t, err)
}

func TestListensOnAFreePort(t *testing.T) {
	t.Parallel()
	s := start(t, embedded.Config{Port: embedded.AnyPort, ServerName: "one"})
	require.Equal(t, "nats://"+s.Addr().String(), s.URL())
	require.Equal(t, "127.0.0.1", s.Addr().(*net.TCPAddr).IP.String())
	nc, err := nats.Connect(s.URL())
	require.NoError(t, err)
	defer nc.Close()
	require.Equal(t, "one", nc.ConnectedServerName())
	require.Equal(t, int64(1<<20), nc.MaxPayload())
}

func TestKeepsItsStreamsAndLimits(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for round := range 2 {
		s := start(t, embedded.Config{Dir: dir, SyncAlways: true, MaxStore: 1 << 20})
		require.EqualValues(t, 1<<20, s.MaxStore())
		js := store(t, s)
		_, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "A", Subjects: []string{"a"}, MaxBytes: 1 << 19})
		require.NoError(t, err)
		_, err = js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "B", Subjects: []string{"b"}, MaxBytes: 1 << 20})
		require.Error(t, err, "more than the store holds")
		ack, err := js.Publish(t.Context(), "a", nil)
		require.NoError(t, err)
		require.EqualValues(t, round+1, ack.Sequence)
		require.NoError(t, s.Stop())
		require.NoError(t, s.Stop(), "twice")
	}
}

func TestMakesTheStoreDirectoryAndSizesIt(t *testing.T) {
	t.Parallel()
	s := start(t, embedded.Config{Dir: filepath.Join(t.TempDir(), "a", "b")})
	require.Positive(t, s.MaxStore())
}

func TestRefusesADirectoryInUse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := start(t, embedded.Config{Dir: dir})
	_, err := embedded.Start(embedded.Config{Dir: dir})
	require.ErrorIs(t, err, embedded.ErrInUse)
	require.ErrorContains(t, err, dir+" is held by another server of this process (")

	require.NoError(t, first.Stop())
	start(t, embedded.Config{Dir: dir})
}

func TestRefusesAPortInUse(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	dir := t.TempDir()
	port := l.Addr().(*net.TCPAddr).Port
	_, err = embedded.Start(embedded.Config{Dir: dir, Port: port})
	require.ErrorIs(t, err, embedded.ErrListen)
	require.ErrorContains(t, err, "127.0.0.1:"+strconv.Itoa(port)+": ")

	start(t, embedded.Config{Dir: dir}) // the directory is free again
}

func TestRefusesWhatItCannotUse(t *testing.T) {
	t.Parallel()
	_, err := embedded.Start(embedded.Config{})
	require.ErrorContains(t, err, "no store directory")
	_, err = embedded.Start(embedded.Config{Dir: "/dev/null/x"})
	require.ErrorContains(t, err, "make store directory")
	_, err = embedded.Start(embedded.Config{Dir: t.TempDir(), Host: "host.invalid", Port: embedded.AnyPort})
	require.ErrorContains(t, err, "host.invalid", "what nats-server calls fatal must not end the process")
}

func TestAsksForCredentials(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		cfg  embedded.Config
		good nats.Option
	}{
		"user":  {embedded.Config{User: "u", Password: "p"}, nats.UserInfo("u", "p")},
		"token": {embedded.Config{Token: "t"}, nats.Token("t")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.cfg.Port = embedded.AnyPort
			s := start(t, c.cfg)
			_, err := nats.Connect(s.URL())
			require.ErrorIs(t, err, nats.ErrAuthorization)
			nc, err := s.Connect(c.good)
			require.NoError(t, err)
			nc.Close()
		})
	}
}

func TestLogsWarningsAsSuchAndNoticesAtDebug(t *testing.T) {
	t.Parallel()
	core, logs := observer.New(zapcore.DebugLevel)
	s := start(t, embedded.Config{Logger: zap.New(core), User: "u", Password: "p", Port: embedded.AnyPort})
	_, err := nats.Connect(s.URL())
	require.Error(t, err)
	require.NotEmpty(t, logs.FilterLevelExact(zapcore.DebugLevel).FilterMessageSnippet("Server is ready").All())
	require.NotEmpty(t, logs.FilterLevelExact(zapcore.ErrorLevel).FilterMessageSnippet("authentication error").All())
	require.Len(t, logs.FilterLevelExact(zapcore.InfoLevel).All(), 1, "one line says that it runs")
}

func TestConnectAfterStopFails(t *testing.T) {
	t.Parallel()
	s := start(t, embedded.Config{})
	require.NoError(t, s.Stop())
	_, err := s.Connect()
	require.Error(t, err)
}
