package telemetry_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/riverstones/riverstones/cmd/internal/config"
	"github.com/riverstones/riverstones/cmd/internal/telemetry"
	"github.com/riverstones/riverstones/gateway/rest"
)

func TestJSON(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	log := telemetry.Logger(&b, zapcore.InfoLevel, config.JSON)
	log.Debug("not this")
	log.Info("hello", zap.Duration("took", 1500*time.Millisecond))
	var line map[string]string
	require.NoError(t, json.Unmarshal(b.Bytes(), &line))
	require.Equal(t, "hello", line["msg"])
	require.Equal(t, "info", line["level"])
	require.Equal(t, "1.5s", line["took"])
	_, err := time.Parse(time.RFC3339Nano, line["time"])
	require.NoError(t, err)
}

func TestConsole(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	log := telemetry.Logger(&b, zapcore.WarnLevel, config.Console)
	log.Info("not this")
	log.Named("part").Warn("hello")
	require.Regexp(t, `^\d\d:\d\d:\d\d\.\d{3}\tWARN\tpart\thello\n$`, b.String())
}

// sink is read while the logger writes.
type sink struct {
	mu sync.Mutex
	b  bytes.Buffer
	n  int // writes
}

func (s *sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n++
	return s.b.Write(p)
}

func (s *sink) read() (text string, writes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String(), s.n
}

func TestBuffered(t *testing.T) {
	t.Parallel()
	var s sink
	log, stop := telemetry.Buffered(&s, zapcore.InfoLevel, config.JSON)
	t.Cleanup(stop)
	access := log.Named("gateway").With(zap.Int("n", 1))
	for range 100 {
		access.Info(rest.AccessMessage)
	}
	log.Debug("not this")
	log.Error("now")
	text, writes := s.read()
	require.Equal(t, 1, writes, "one write for all")
	require.Equal(t, 101, strings.Count(text, "\n"))
	require.Regexp(t, `"msg":"now"\}\n$`, text, "in order")
	access.Error(rest.AccessMessage)
	_, writes = s.read()
	require.Equal(t, 2, writes, "an error never waits")

	access.Info(rest.AccessMessage, zap.String("path", "/waits"))
	require.Eventually(t, func() bool { text, _ := s.read(); return strings.Contains(text, "/waits") }, 20*time.Second, 10*time.Millisecond)
	access.Info(rest.AccessMessage, zap.String("path", "/last"))
	stop()
	stop()
	text, _ = s.read()
	require.Contains(t, text, "/last")
}
