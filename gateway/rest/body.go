package rest

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"github.com/riverstones/riverstones/gateway/fault"
)

// body is a read body and what reads JSON from it.
type body struct {
	buf bytes.Buffer
	dec jsontext.Decoder
}

var bodies = sync.Pool{New: func() any { return new(body) }}

// JSON reads the body, which must be exactly one JSON value, with read. It
// refuses other content types, bodies over the limit, duplicate names and
// invalid UTF-8, and reports all problems that read has noted.
func (in *Input) JSON(read func(j *JSON) error) error {
	r := in.c.Request()
	if err := jsonContent(r.Header); err != nil {
		return err
	}
	if in.body == nil {
		in.body = bodies.Get().(*body) //nolint:errcheck // the pool holds nothing else
	}
	if err := in.body.read(in.c.Response(), r, in.maxBody); err != nil {
		return err
	}
	return in.body.parse(read)
}

// release gives the body back. Nothing may point into it any more.
func (in *Input) release() {
	b := in.body
	in.body = nil
	if b == nil || b.buf.Cap() > maxPooled {
		return
	}
	b.buf.Reset()
	b.dec.Reset(bytes.NewReader(nil))
	bodies.Put(b)
}

// jsonContent refuses what is not plain JSON in UTF-8.
func jsonContent(h http.Header) error {
	if enc := h.Get(echo.HeaderContentEncoding); enc != "" && !strings.EqualFold(enc, "identity") {
		return fault.New(fault.MediaType, "Content-Encoding is not understood: send the body as it is")
	}
	given := h.Get(echo.HeaderContentType)
	if given == contentType {
		return nil
	}
	kind, params, err := mime.ParseMediaType(given)
	charset := params["charset"]
	delete(params, "charset")
	if err != nil || kind != contentType || charset != "" && !strings.EqualFold(charset, "utf-8") || len(params) > 0 {
		return fault.New(fault.MediaType, "Content-Type must be application/json, in UTF-8")
	}
	return nil
}

// read reads the whole body, at most limit bytes.
func (b *body) read(w http.ResponseWriter, r *http.Request, limit int64) error {
	tooLarge := fault.New(fault.TooLarge, "the body has more than %d bytes: send less at a time", limit)
	if r.ContentLength > limit {
		// What is not read would be taken for the next request.
		w.Header().Set(echo.HeaderConnection, "close")
		return tooLarge
	}
	if r.ContentLength > 0 {
		b.buf.Grow(int(r.ContentLength) + bytes.MinRead)
	}
	if w, ok := w.(*echo.Response); ok {
		r.Body = http.MaxBytesReader(w.Writer, r.Body, limit)
	}
	_, err := b.buf.ReadFrom(r.Body)
	switch {
	case err == nil && b.buf.Len() > 0:
		return nil
	case err == nil:
		return fault.New(fault.Invalid, "the body is empty: send JSON")
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return tooLarge
	}
	return fault.New(fault.Invalid, "the body could not be read to its end: send as many bytes as announced").Because(err)
}

// parse hands the one value in the body to read.
func (b *body) parse(read func(j *JSON) error) error {
	b.dec.Reset(&b.buf)
	j := &JSON{dec: &b.dec, body: b.buf.Bytes()}
	if err := read(j); err != nil {
		return j.syntax(err)
	}
	switch _, err := b.dec.ReadToken(); {
	case err == nil:
		return fault.New(fault.Invalid, "the body holds more than one JSON value: send one")
	case !errors.Is(err, io.EOF):
		return j.syntax(err)
	}
	return j.err()
}
