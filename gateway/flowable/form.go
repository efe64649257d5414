package flowable

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"strings"
	"unicode/utf8"

	"github.com/riverstones/riverstones/gateway/fault"
)

// Limits of every form.
const (
	maxParts     = 100
	maxField     = 64 << 10 // bytes of a text part
	formOverhead = 1 << 20  // bytes of a form beside its file
)

// form is a form with one file: text parts by their names in lower case. Of
// parts of one name the first counts.
type form struct {
	file   *formFile
	fields map[string]string
}

type formFile struct {
	field, name string // of the part; the name is that of a file, "" for none
	content     []byte
}

// field returns a text part, nil if there is none.
func (f *form) field(name string) *string {
	if v, ok := f.fields[strings.ToLower(name)]; ok {
		return &v
	}
	return nil
}

// isForm reports whether the body says that it is a form with parts.
func (c *call) isForm() bool {
	kind, _, err := mime.ParseMediaType(c.in.Request().Header.Get("Content-Type"))
	return err == nil && kind == "multipart/form-data"
}

// form reads a form whose file has at most maxFile bytes.
func (c *call) form(maxFile int64) (form, error) {
	header := c.in.Request().Header
	if enc := header.Get("Content-Encoding"); enc != "" && !strings.EqualFold(enc, "identity") {
		return form{}, fault.New(fault.MediaType, "Content-Encoding is not understood: send the body as it is")
	}
	kind, params, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		return form{}, fault.New(fault.MediaType, "Content-Type must be multipart/form-data")
	}
	body, err := c.in.Stream(maxFile + formOverhead)
	if err != nil {
		return form{}, err
	}
	return readForm(body, params["boundary"], maxFile)
}

// readForm reads the parts behind a boundary.
func readForm(body io.Reader, boundary string, maxFile int64) (form, error) {
	if boundary == "" {
		return form{}, fault.New(fault.Invalid, "Content-Type has no boundary between the parts")
	}
	out := form{fields: map[string]string{}}
	parts := multipart.NewReader(body, boundary)
	for n := 0; ; n++ {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return form{}, broken(err)
		}
		if n == maxParts {
			return form{}, fault.New(fault.Invalid, "the form has more than %d parts", maxParts)
		}
		if err := out.take(part, maxFile); err != nil {
			return form{}, err
		}
	}
}

// broken says that a form can not be read to its end.
func broken(err error) error {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f
	}
	return fault.New(fault.Invalid, "the form can not be read: its parts must stand between lines with the boundary, and each must tell its name").Because(err)
}

// take reads a part.
func (f *form) take(part *multipart.Part, maxFile int64) error {
	_, params, err := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
	if err != nil {
		return broken(err)
	}
	name, isFile := params["filename"]
	if isFile {
		if f.file != nil {
			return nil // the next part passes over it
		}
		content, err := readPart(part, maxFile, "the file")
		f.file = &formFile{field: params["name"], name: base(name), content: content}
		return err
	}
	text, err := readPart(part, maxField, "part "+quote(params["name"]))
	if err != nil {
		return err
	}
	if !utf8.Valid(text) {
		return fault.New(fault.Invalid, "part %s is not in UTF-8", quote(params["name"]))
	}
	if key := strings.ToLower(params["name"]); f.field(key) == nil {
		f.fields[key] = string(text)
	}
	return nil
}

// readPart reads at most limit bytes.
func readPart(part io.Reader, limit int64, what string) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(part, limit+1))
	if err != nil {
		return nil, broken(err)
	}
	if int64(len(content)) > limit {
		return nil, fault.New(fault.TooLarge, "%s has more than %d bytes", what, limit)
	}
	return content, nil
}

// base returns the last part of a file's path, of whatever system.
func base(name string) string { return name[strings.LastIndexAny(name, `/\`)+1:] }
