package flowable

import (
	"cmp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/store"
)

const maxIDs = 1000 // in one filter

// pick turns what is asked for into fields of a filter.
type pick struct {
	none bool // nothing can match
	err  error
}

// text returns a text to search for, "" for none. The empty text and what no
// store can hold match nothing.
func (p *pick) text(asked *string) string {
	switch {
	case asked == nil:
		return ""
	case *asked == "" || strings.IndexByte(*asked, 0) >= 0 || !utf8.ValidString(*asked):
		p.none = true
		return ""
	}
	return *asked
}

// texts returns texts of which one must match, nil for an empty list.
func (p *pick) texts(name string, asked []string) []string {
	if len(asked) > maxIDs {
		p.fail("%s: at most %d are taken at once, these are %d", name, maxIDs, len(asked))
		return nil
	}
	var out []string
	for _, s := range asked {
		if s != "" && strings.IndexByte(s, 0) < 0 && utf8.ValidString(s) {
			out = append(out, s)
		}
	}
	if len(asked) > 0 && out == nil {
		p.none = true
	}
	return out
}

// fail notes the first problem.
func (p *pick) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fault.New(fault.Invalid, format, args...)
	}
}

// tenant returns the filter by tenant.
func (p *pick) tenant(t tenants) store.TenantFilter {
	f := store.TenantFilter{Like: p.text(t.TenantIDLike), Without: t.WithoutTenantID != nil && bool(*t.WithoutTenantID)}
	if t.TenantID != nil {
		if *t.TenantID != "" { // the empty one is that of those without
			p.text(t.TenantID)
		}
		f.Tenant = t.TenantID
	}
	return f
}

// tenants are the filters by tenant in a body.
type tenants struct {
	TenantID        *string `json:"tenantId"`
	TenantIDLike    *string `json:"tenantIdLike"`
	WithoutTenantID *truth  `json:"withoutTenantId"`
}

// tenants are the filters by tenant in a URL.
func (c *call) tenants() tenants {
	return tenants{c.param("tenantId"), c.param("tenantIdLike"), c.truth("withoutTenantId")}
}

// truth returns a boolean of the URL, nil if it is not given. Anything but true
// is false.
func (c *call) truth(name string) *truth {
	v := c.param(name)
	if v == nil {
		return nil
	}
	out := truth(isTrue(*v))
	return &out
}

// words returns the words of a list with commas in a URL, nil if there are none.
func (c *call) words(name string) []string {
	v := c.param(name)
	if v == nil || *v == "" {
		return nil
	}
	return strings.Split(*v, ",")
}

// date returns a moment of the URL.
func (p *pick) date(c *call, name string) time.Time {
	v := c.param(name)
	if v == nil {
		return time.Time{}
	}
	for _, form := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05Z0700", time.DateOnly} {
		if t, err := time.Parse(form, *v); err == nil {
			return t
		}
	}
	p.fail("%s must be a time such as 2026-11-21T09:00:00Z, not %s", name, quote(*v))
	return time.Time{}
}

// version returns a number from 1, 0 for none.
func (p *pick) version(c *call, name string) int {
	v := c.param(name)
	if v == nil {
		return 0
	}
	n, err := strconv.ParseInt(*v, 10, 32)
	if err != nil {
		p.fail("%s must be a whole number, not %s", name, quote(*v))
	}
	if n < 1 {
		p.none = true
	}
	return int(n)
}

// is returns a boolean as the store's filters have it.
func (t *truth) is() *bool {
	return (*bool)(t)
}

// either returns the text that both names ask for; two that differ match
// nothing.
func (p *pick) either(a, b *string) string {
	if a == nil || b == nil || *a == *b {
		return p.text(cmp.Or(a, b))
	}
	p.none = true
	return ""
}
