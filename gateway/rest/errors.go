package rest

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"
	"go.uber.org/zap"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/gateway/requestid"
)

// statuses is the one table of kinds and HTTP statuses.
var statuses = [...]int{
	fault.Internal:    http.StatusInternalServerError,
	fault.Invalid:     http.StatusBadRequest,
	fault.NotFound:    http.StatusNotFound,
	fault.Method:      http.StatusMethodNotAllowed,
	fault.Conflict:    http.StatusConflict,
	fault.TooLarge:    http.StatusRequestEntityTooLarge,
	fault.MediaType:   http.StatusUnsupportedMediaType,
	fault.TooMany:     http.StatusTooManyRequests,
	fault.Unavailable: http.StatusServiceUnavailable,

	fault.Unauthorized: http.StatusUnauthorized,
	fault.Forbidden:    http.StatusForbidden,
	fault.State:        http.StatusInternalServerError,
	fault.Content:      http.StatusUnsupportedMediaType,
}

// ErrorHandler writes errors in their one shape, and logs what the caller is
// not told. It is for echo.
func ErrorHandler(log *zap.Logger) echo.HTTPErrorHandler {
	return func(err error, c echo.Context) {
		f := ofEcho(err)
		if f.Kind == fault.Internal || f.Cause != nil {
			logCause(log, c, f)
		}
		if c.Response().Committed {
			return
		}
		if f.Kind == fault.Internal {
			f = fault.New(fault.Internal, "something went wrong on our side: tell the operator the request id %s", requestID(c))
		}
		if f.RetryAfter > 0 {
			seconds := max(1, (f.RetryAfter+time.Second-1)/time.Second)
			c.Response().Header().Set(echo.HeaderRetryAfter, strconv.Itoa(int(seconds)))
		}
		status := statuses[f.Kind]
		if gone(c, f) {
			status = statusGone
		}
		_ = send(c, status, AppendError(nil, f)) // fails only if the client is gone
	}
}

// statusGone is what proxies log for a client that did not wait: it is no
// failure of ours, and must not count as one.
const statusGone = 499

// gone reports whether a request failed because its client went away.
func gone(c echo.Context, f *fault.Error) bool {
	return errors.Is(f.Cause, context.Canceled) && c.Request().Context().Err() != nil
}

func logCause(log *zap.Logger, c echo.Context, f *fault.Error) {
	fields := []zap.Field{zap.String(requestid.Key, requestID(c)), zap.String("path", pathOf(c)), zap.String("detail", f.Detail), zap.Error(f.Cause)}
	switch {
	case gone(c, f):
		log.Debug("client went away", fields...)
	case f.Kind == fault.Internal:
		log.Error("request failed", fields...)
	case f.Kind == fault.Unavailable:
		log.Warn("request refused", fields...)
	default:
		log.Debug("request refused", fields...)
	}
}

// AppendError appends the body of an error.
func AppendError(dst []byte, f *fault.Error) []byte {
	dst = AppendString(append(dst, `{"message":`...), f.Kind.String())
	dst = AppendString(append(dst, `,"exception":`...), f.Detail)
	return append(dst, "}\n"...)
}

// ofEcho returns the fault of what a handler or echo's router returned.
func ofEcho(err error) *fault.Error {
	he, ok := errors.AsType[*echo.HTTPError](err)
	if !ok {
		return fault.Of(err)
	}
	switch he.Code {
	case http.StatusNotFound:
		return fault.New(fault.NotFound, "there is nothing at this path")
	case http.StatusMethodNotAllowed:
		return fault.New(fault.Method, "this path does not take the method: the header Allow lists those it takes")
	case http.StatusRequestEntityTooLarge:
		return fault.New(fault.TooLarge, "the body is over the limit: send less at a time")
	case http.StatusUnsupportedMediaType:
		return fault.New(fault.MediaType, "Content-Type must be application/json, in UTF-8")
	case http.StatusBadRequest:
		return fault.New(fault.Invalid, "the request can not be read").Because(err)
	default:
		return &fault.Error{Kind: fault.Internal, Cause: err}
	}
}

// AppendString appends s as a JSON string. Bytes that are no UTF-8 become U+FFFD.
func AppendString(dst []byte, s string) []byte {
	if out, err := jsontext.AppendQuote(dst, s); err == nil {
		return out
	}
	out, _ := jsontext.AppendQuote(dst, string([]rune(s))) // runes are valid UTF-8
	return out
}
