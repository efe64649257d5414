package telemetry_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/riverstones/riverstones/cmd/internal/config"
	"github.com/riverstones/riverstones/cmd/internal/telemetry"
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
