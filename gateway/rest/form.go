package rest

import (
	"mime"
	"net/url"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"github.com/riverstones/riverstones/gateway/fault"
)

const formType = "application/x-www-form-urlencoded"

// IsForm reports whether the body says that it is a form.
func (in *Input) IsForm() bool {
	kind, _, err := mime.ParseMediaType(in.c.Request().Header.Get(echo.HeaderContentType))
	return err == nil && kind == formType
}

// Form reads the body as a form, in which each name must stand once.
func (in *Input) Form() (map[string]string, error) {
	r := in.c.Request()
	if enc := r.Header.Get(echo.HeaderContentEncoding); enc != "" {
		return nil, fault.New(fault.MediaType, "Content-Encoding is not understood: send the body as it is")
	}
	if in.body == nil {
		in.body = bodies.Get().(*body) //nolint:errcheck // the pool holds nothing else
	}
	if err := in.body.read(in.c.Response(), r, in.maxBody); err != nil {
		return nil, err
	}
	values, err := url.ParseQuery(in.body.buf.String())
	if err != nil {
		return nil, fault.New(fault.Invalid, "the form is not well encoded: write special characters as %%XX, and & between fields")
	}
	out := make(map[string]string, len(values))
	var p problems
	for name, all := range values {
		if len(all) > 1 {
			p.add("%q stands more than once", cut(name))
		}
		if !utf8.ValidString(all[0]) {
			p.add("%q is not in UTF-8", cut(name))
		}
		out[name] = all[0]
	}
	return out, p.err()
}
