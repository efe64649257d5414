// Package telemetry sets up what a process tells about itself; nothing else in
// the tree makes a logger. Package cli calls it and hands the result down.
package telemetry

import (
	"io"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/riverstones/riverstones/cmd/internal/config"
	"github.com/riverstones/riverstones/gateway/rest"
)

// Logger returns a logger that writes to w: JSON lines for machines, or text
// for people. It drops what is below level. Callers need not flush: it does
// not buffer.
func Logger(w io.Writer, level zapcore.Level, format string) *zap.Logger {
	return zap.New(zapcore.NewCore(encoder(format), zapcore.Lock(zapcore.AddSync(w)), level),
		zap.ErrorOutput(zapcore.Lock(zapcore.AddSync(w))))
}

// accessEvery is how long a line of the access log may wait to be written.
const accessEvery = time.Second

// Buffered is [Logger] for a server: lines of the gateway's access log wait up
// to a second, and are written many at a time. Any other line is written at
// once, behind those that wait. So a process that is killed loses at most the
// last second of its access log and no error. stop writes what waits; lines
// after it may be lost. It may be called twice.
func Buffered(w io.Writer, level zapcore.Level, format string) (log *zap.Logger, stop func()) {
	buffer := &zapcore.BufferedWriteSyncer{WS: unsynced{w}, FlushInterval: accessEvery}
	core := &prompt{zapcore.NewCore(encoder(format), buffer, level)}
	return zap.New(core, zap.ErrorOutput(zapcore.Lock(unsynced{w}))), func() { _ = buffer.Stop() }
}

// unsynced does not call fsync, which a flush would do otherwise.
type unsynced struct{ io.Writer }

// Sync does nothing: writes go to the system at once.
func (unsynced) Sync() error { return nil }

// prompt is a core that flushes whatever is no line of the access log.
type prompt struct{ zapcore.Core }

// With keeps the flushing.
func (p *prompt) With(fields []zapcore.Field) zapcore.Core { return &prompt{p.Core.With(fields)} }

// Check adds this core, so that its Write is the one that is called.
func (p *prompt) Check(e zapcore.Entry, c *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if p.Enabled(e.Level) {
		return c.AddCore(e, p)
	}
	return c
}

// Write writes, and flushes unless the line can wait.
func (p *prompt) Write(e zapcore.Entry, fields []zapcore.Field) error {
	if err := p.Core.Write(e, fields); err != nil {
		return err
	}
	if e.Message == rest.AccessMessage && e.Level <= zapcore.InfoLevel {
		return nil
	}
	return p.Sync()
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
