package client

import (
	"bytes"
	"context"
	"mime/multipart"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
)

// Flowable calls Flowable's REST API, ours or another's. Get one with
// [Client.Flowable].
type Flowable struct {
	c   *Client
	cfg FlowableConfig
}

// FlowableConfig says where the API is and who calls it.
type FlowableConfig struct {
	Prefix string // of its paths, such as /flowable-rest/service; "" for none
	// WorkerPrefix is that of the external worker API, by default external-job-api beside Prefix.
	WorkerPrefix   string
	User, Password string // for Basic auth, "" for none
}

// Flowable returns what calls Flowable's API by this client. Calls that would do
// twice what they do are not sent again, whatever [Config.Retries] says.
func (c *Client) Flowable(cfg FlowableConfig) *Flowable {
	cfg.Prefix = strings.TrimRight(cfg.Prefix, "/")
	if cfg.WorkerPrefix == "" {
		cfg.WorkerPrefix = path.Join("/", path.Dir("/"+strings.TrimLeft(cfg.Prefix, "/")), "external-job-api")
	}
	return &Flowable{c: c, cfg: cfg}
}

// call does one request below the prefix.
func (f *Flowable) call(ctx context.Context, method, path string, in, out any) (*answer, error) {
	return f.at(ctx, f.cfg.Prefix, method, path, in, out)
}

func (f *Flowable) at(ctx context.Context, prefix, method, path string, in, out any) (*answer, error) {
	r := f.request(method, prefix+path)
	return f.c.do(ctx, r, in, out)
}

func (f *Flowable) request(method, path string) *request {
	return &request{method: method, path: path, user: f.cfg.User, password: f.cfg.Password,
		once: method != http.MethodGet && !strings.Contains(path, "/query/")}
}

// send sends a form with one file.
func (f *Flowable) sendFile(ctx context.Context, method, path string, fields map[string]string, file File, out any) error {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for name, value := range fields {
		if value == "" {
			continue
		}
		if err := form.WriteField(name, value); err != nil {
			return err
		}
	}
	part, err := form.CreateFormFile("file", file.Name)
	if err == nil {
		_, err = part.Write(file.Bytes)
	}
	if err == nil {
		err = form.Close()
	}
	if err != nil {
		return err
	}
	r := f.request(method, f.cfg.Prefix+path)
	r.kind, r.body = form.FormDataContentType(), body.Bytes()
	_, err = f.c.do(ctx, r, nil, out)
	return err
}

// File is a file with its name.
type File struct {
	Name  string
	Bytes []byte
}

// NoRows is a [Paging] size that asks for the total only.
const NoRows = -1

// Paging selects a part of a list. Its zero value is the server's own: the
// first ten.
type Paging struct {
	Start      int
	Size       int    // 0 is the server's own, [NoRows] none
	Sort       string // what each list may be sorted by is told in the API's documentation
	Descending bool
}

// query adds what is not the default.
func (p Paging) query(pairs map[string]string) url.Values {
	q := values(pairs)
	if p.Start != 0 {
		q.Set("start", strconv.Itoa(p.Start))
	}
	switch {
	case p.Size > 0:
		q.Set("size", strconv.Itoa(p.Size))
	case p.Size < 0:
		q.Set("size", "0")
	}
	if p.Sort != "" {
		q.Set("sort", p.Sort)
	}
	if p.Descending {
		q.Set("order", "desc")
	}
	return q
}

// Page is a part of a list.
type Page[T any] struct {
	Data  []T    `json:"data"`
	Total int    `json:"total"` // of all that match
	Start int    `json:"start"`
	Sort  string `json:"sort"`
	Order string `json:"order"`
	Size  int    `json:"size"` // of Data
}

// Tenants selects by tenant; its zero value selects nothing away.
type Tenants struct {
	TenantID        string `json:"tenantId,omitempty"`
	TenantIDLike    string `json:"tenantIdLike,omitempty"` // with % and _
	WithoutTenantID bool   `json:"withoutTenantId,omitempty"`
}

// into adds them to the parameters of a URL.
func (t *Tenants) into(pairs map[string]string) map[string]string {
	pairs["tenantId"], pairs["tenantIdLike"], pairs["withoutTenantId"] = t.TenantID, t.TenantIDLike, yes(t.WithoutTenantID)
	return pairs
}

// yes is true, or nothing.
func yes(b bool) string {
	if b {
		return "true"
	}
	return ""
}

// maybe is true, false or nothing.
func maybe(b *bool) string {
	if b == nil {
		return ""
	}
	return strconv.FormatBool(*b)
}
