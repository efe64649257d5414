package flowable

import (
	"io"
	"net/http"
)

// answer is a JSON body.
type answer struct {
	status int
	write  func(dst []byte) []byte
}

// ok answers 200 with what write appends.
func ok(write func(dst []byte) []byte) answer { return answer{http.StatusOK, write} }

// Status returns the status.
func (a answer) Status() int { return a.status }

// AppendJSON appends the body.
func (a answer) AppendJSON(dst []byte) []byte { return a.write(dst) }

// empty is a status without a body.
type empty int

// Status returns the status.
func (e empty) Status() int { return int(e) }

// AppendJSON appends nothing.
func (e empty) AppendJSON(dst []byte) []byte { return dst }

// Content says that there is no body.
func (e empty) Content() (mediaType string, size int64, body io.Reader) { return "", 0, nil }

// content is a body that is no JSON.
type content struct {
	mediaType string
	size      int64
	body      io.Reader
}

// Status is 200.
func (content) Status() int { return http.StatusOK }

// AppendJSON appends nothing.
func (content) AppendJSON(dst []byte) []byte { return dst }

// Content returns the body.
func (c content) Content() (mediaType string, size int64, body io.Reader) {
	return c.mediaType, c.size, c.body
}
