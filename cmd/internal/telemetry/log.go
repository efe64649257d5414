// Package telemetry sets up what a process tells about itself; nothing else in
// the tree makes a logger. Package cli calls it and hands the result down.
package telemetry

import (
	"io"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/riverstones/riverstones/cmd/internal/config"
)

// Logger returns a logger that writes to w: JSON lines for machines, or text
// for people. It drops what is below level. Callers need not flush: it does
// not buffer.
func Logger(w io.Writer, level zapcore.Level, format string) *zap.Logger {
	return zap.New(zapcore.NewCore(encoder(format), zapcore.Lock(zapcore.AddSync(w)), level),
		zap.ErrorOutput(zapcore.Lock(zapcore.AddSync(w))))
}

func encoder(format string) zapcore.Encoder {
	if format == config.Console {
		c := zap.NewDevelopmentEncoderConfig()
		c.EncodeTime = zapcore.TimeEncoderOfLayout("15:04:05.000")
		c.EncodeDuration = zapcore.StringDurationEncoder
		return zapcore.NewConsoleEncoder(c)
	}
	c := zap.NewProductionEncoderConfig()
	c.TimeKey = "time"
	// In UTC and with a fixed width, so that lines sort as text.
	c.EncodeTime = func(t time.Time, e zapcore.PrimitiveArrayEncoder) {
		e.AppendString(t.UTC().Format("2006-01-02T15:04:05.000000Z"))
	}
	c.EncodeDuration = zapcore.StringDurationEncoder
	return zapcore.NewJSONEncoder(c)
}
