package letters

import (
	"context"
	"encoding/base64"
	"net/http"
	"strconv"
	"time"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/gateway/rest"
	"github.com/riverstones/riverstones/queue"
)

// retryAfter is when a caller may ask again.
const retryAfter = 2 * time.Second

// Mount adds the routes GET /deadletter and GET /quarantine.
func Mount(r *rest.Router, d Dead, q Quarantine) {
	rest.Handle(r, http.MethodGet, "/deadletter", func(ctx context.Context, req deadRequest) (listed, error) {
		page, err := d.Page(ctx, req.Filter)
		return listed(page), unread(err, "NATS")
	})
	rest.Handle(r, http.MethodGet, "/quarantine", func(ctx context.Context, req quarantineRequest) (listed, error) {
		page, err := q.Page(ctx, req.Filter)
		return listed(page), unread(err, "the database")
	})
}

// unread turns an error of who was asked into one for the caller.
func unread(err error, who string) error {
	if err == nil {
		return nil
	}
	return fault.New(fault.Unavailable, "%s can not answer now: ask again", who).Because(err).After(retryAfter)
}

// deadRequest asks for a page of dead letters.
type deadRequest struct{ Filter }

// Bind reads the query.
func (r *deadRequest) Bind(in *rest.Input) error {
	q := in.Query()
	r.bind(q)
	if r.Stone = q.Text("stone"); r.Stone != "" && queue.CheckStone(r.Stone) != nil {
		q.Problem("stone: %s", queue.ErrStone)
	}
	return q.Err()
}

// quarantineRequest asks for a page of the quarantine.
type quarantineRequest struct{ Filter }

// Bind reads the query.
func (r *quarantineRequest) Bind(in *rest.Input) error {
	q := in.Query()
	r.bind(q)
	if len(q.Texts("stone")) > 0 {
		q.Problem("stone is no filter of the quarantine: take taskId")
	}
	return q.Err()
}

func (f *Filter) bind(q *rest.Query) {
	f.TaskID = q.Text("taskId")
	f.Start, f.Size = q.Page(rest.DefaultSize)
}

// listed is a page as it is answered.
type listed Page

// Status is 200.
func (l listed) Status() int { return http.StatusOK }

// Header says how many there are.
func (l listed) Header(h http.Header) {
	rest.SetTotal(h, l.Total, l.Exact)
}

// AppendJSON appends the array.
func (l listed) AppendJSON(dst []byte) []byte {
	return rest.AppendArray(dst, len(l.Letters), func(dst []byte, i int) []byte { return l.Letters[i].append(dst) })
}

func (l *Letter) append(dst []byte) []byte {
	dst = strconv.AppendUint(append(dst, `{"seq":`...), l.Seq, 10)
	dst = rest.AppendString(append(dst, `,"subject":`...), l.Subject)
	dst = rest.AppendTime(append(dst, `,"time":`...), l.Time)
	dst = rest.AppendText(append(dst, `,"reason":`...), l.Reason)
	dst = rest.AppendText(append(dst, `,"taskId":`...), l.TaskID)
	dst = append(dst, `,"bytes":`...)
	if l.Bytes == nil {
		dst = append(dst, "null"...)
	} else {
		dst = append(base64.StdEncoding.AppendEncode(append(dst, '"'), l.Bytes), '"')
	}
	dst = strconv.AppendInt(append(dst, `,"size":`...), int64(l.Size), 10)
	dst = rest.AppendText(append(dst, `,"digest":`...), l.Digest)
	if l.Stream != "" {
		dst = rest.AppendString(append(dst, `,"stream":`...), l.Stream)
		dst = strconv.AppendInt(append(dst, `,"index":`...), int64(l.Index), 10)
	}
	return append(dst, '}')
}
