package embedded

import (
	"fmt"

	"go.uber.org/zap"
)

// logger hands what nats-server says to zap. Notices are its start and stop
// banners and go to debug; what it calls debug and trace is one line per
// connection and message, and is dropped.
type logger struct {
	log   *zap.SugaredLogger
	fatal chan<- error
}

func (l *logger) Noticef(format string, v ...any) { l.log.Debugf(format, v...) }
func (l *logger) Warnf(format string, v ...any)   { l.log.Warnf(format, v...) }
func (l *logger) Errorf(format string, v ...any)  { l.log.Errorf(format, v...) }
func (l *logger) Debugf(string, ...any)           {}
func (l *logger) Tracef(string, ...any)           {}

// Fatalf reports instead of ending the process, which nats-server's own logger
// would do. After the start it has no reader and is an error like others.
func (l *logger) Fatalf(format string, v ...any) {
	select {
	case l.fatal <- fmt.Errorf(format, v...):
	default:
		l.log.Errorf(format, v...)
	}
}
