package flowable

import (
	"strconv"
	"strings"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/gateway/rest"
	"github.com/riverstones/riverstones/store"
)

// defaultSize is how many rows a page has if nobody says.
const defaultSize = 10

// paging is what a body says of the page. What it leaves out is taken from the
// URL, one by one.
type paging struct {
	Start *number `json:"start"`
	Size  *number `json:"size"`
	Sort  *string `json:"sort"`
	Order *string `json:"order"`
}

// sorts are what a list may be sorted by: Flowable's name, and the store's. The
// first one is the default.
type sorts [][2]string

// page is a page as it is asked for, in the words of the client.
type page struct {
	store.Paging

	sort, order string
}

// page reads what is left out of p from the URL, and checks it.
func (c *call) page(p paging, by sorts) (page, error) {
	var err error
	if p.Start, err = c.number("start", p.Start); err != nil {
		return page{}, err
	}
	if p.Size, err = c.number("size", p.Size); err != nil {
		return page{}, err
	}
	if p.Sort == nil {
		p.Sort = c.param("sort")
	}
	if p.Order == nil {
		p.Order = c.param("order")
	}
	out := page{Paging: store.Paging{Start: orElse(p.Start, 0), Size: orElse(p.Size, defaultSize)}}
	if out.sort, out.Sort, err = by.find(p.Sort); err != nil {
		return page{}, err
	}
	out.order = "asc"
	if p.Order != nil {
		out.order = *p.Order
	}
	out.Descending = out.order == "desc"
	if !out.Descending && out.order != "asc" {
		return page{}, fault.New(fault.Invalid, "order %s is not known: send asc or desc", quote(out.order))
	}
	return out, nil
}

// number returns body, or a 32-bit integer of the URL.
func (c *call) number(name string, body *number) (*number, error) {
	text := c.param(name)
	if body != nil || text == nil {
		return body, nil
	}
	v, err := strconv.ParseInt(*text, 10, 32)
	if err != nil {
		return nil, fault.New(fault.Invalid, "%s must be a whole number of 32 bits, not %s", name, quote(*text))
	}
	n := number(v)
	return &n, nil
}

// orElse returns a number that is not negative.
func orElse(n *number, otherwise int) int {
	if n == nil || *n < 0 {
		return otherwise
	}
	return int(*n)
}

// find returns the names of what is asked for.
func (s sorts) find(asked *string) (name, column string, err error) {
	if asked == nil {
		return s[0][0], s[0][1], nil
	}
	names := make([]string, len(s))
	for i, known := range s {
		if known[0] == *asked {
			return known[0], known[1], nil
		}
		names[i] = known[0]
	}
	return "", "", fault.New(fault.Invalid, "sort %s is not known: send one of %s", quote(*asked), strings.Join(names, ", "))
}

// list answers rows in the envelope of every list. Rows that no filter can find
// are not looked for.
func list[T any](p page, none bool, find func() ([]T, int, error), element func(dst []byte, row *T) []byte) (rest.Reply, error) {
	var rows []T
	var total int
	if !none {
		var err error
		if rows, total, err = find(); err != nil {
			return nil, unread(err)
		}
	}
	return ok(func(dst []byte) []byte {
		o := begin(dst)
		o.with("data", func(dst []byte) []byte { return appendEach(dst, rows, element) })
		o.int("total", int64(total))
		o.int("start", int64(p.Start))
		o.str("sort", p.sort)
		o.str("order", p.order)
		o.int("size", int64(len(rows)))
		return o.end()
	}), nil
}

// appendEach appends an array.
func appendEach[T any](dst []byte, rows []T, element func(dst []byte, row *T) []byte) []byte {
	return rest.AppendArray(dst, len(rows), func(dst []byte, i int) []byte { return element(dst, &rows[i]) })
}
