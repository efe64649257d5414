package sqlkit

import (
	"fmt"
	"strings"
	"time"

	"github.com/huandu/go-sqlbuilder"

	"github.com/riverstones/riverstones/store"
)

// RuntimeLists writes the queries of the lists of [store.Runtime] for one
// dialect, from fixed pieces: what a client sends is bound.
type RuntimeLists struct {
	Flavor sqlbuilder.Flavor
	Time   func(time.Time) any   // how the dialect binds a time
	Set    func([]string) any    // how it binds a set of texts
	In     string                // what follows a column that is in the set bound at %s
	Like   string                // what follows a column that matches the pattern bound at %s
	Match  func(like string) any // binds a pattern of LIKE without escapes
}

// Listing is a list: one page, and how many match in all.
type Listing struct {
	Page, Count         string
	PageArgs, CountArgs []any
}

// Counted returns how many match if the rows read of a page tell.
func (l Listing) Counted(p store.Paging, read int) (total int, ok bool) {
	if read >= p.Size || read == 0 && p.Start > 0 {
		return 0, false
	}
	return max(p.Start, 0) + read, true
}

// sorts are the names a list is sorted by, the default first.
type sorts []struct {
	name, column string
	nulls        bool // it may be null, which stands before all others
}

// find returns the order that a page asks for: by its column, then by id.
func (s sorts) find(p store.Paging, id string) (string, error) {
	for _, by := range s {
		if p.Sort != by.name && p.Sort != "" {
			continue
		}
		direction, nulls := "", " nulls first"
		if p.Descending {
			direction, nulls = " desc", " nulls last"
		}
		if !by.nulls {
			nulls = ""
		}
		if by.column == id {
			return id + direction, nil
		}
		return by.column + direction + nulls + ", " + id + direction, nil
	}
	return "", fmt.Errorf("there is no sort by %q", p.Sort)
}

// listing is a list that is put together.
type listing struct {
	RuntimeLists
	*sqlbuilder.SelectBuilder

	// sought says that the matches are found by other tables. A planner that
	// hopes to meet them soon in the order of ids may walk through all rows.
	sought *bool
}

func (l RuntimeLists) from(table string) listing {
	b := l.Flavor.NewSelectBuilder()
	b.Select("count(*)").From(table)
	return listing{l, b, new(bool)}
}

// instance joins the instance of the rows with this alias.
func (l listing) instance(alias string) {
	l.Join("instance i", "i.id = "+alias+".instance")
}

// text selects by a text; "" selects nothing away.
func (l listing) text(column, value string) {
	if value != "" {
		l.Where(l.EQ(column, Text(value)))
	}
}

func (l listing) like(column, pattern string) {
	if pattern != "" {
		l.Where(column + " " + fmt.Sprintf(l.Like, l.Var(l.Match(Text(pattern)))))
	}
}

// set selects what is any of values; nil selects nothing away.
func (l listing) set(column string, values []string) {
	if values != nil {
		l.Where(column + " " + l.in(values))
	}
}

func (l listing) in(values []string) string {
	return fmt.Sprintf(l.In, l.Var(l.Set(Texts(values))))
}

// Texts returns all texts as databases take them, see [Text].
func Texts(all []string) []string {
	clean := make([]string, len(all))
	for i, s := range all {
		clean[i] = Text(s)
	}
	return clean
}

// flag selects by a column, or another condition; nil selects nothing away.
func (l listing) flag(condition string, want *bool) {
	switch {
	case want == nil:
	case *want:
		l.Where(condition)
	default:
		l.Where("not (" + condition + ")")
	}
}

func (l listing) after(column string, t time.Time) {
	if !t.IsZero() {
		l.Where(l.GT(column, l.Time(t)))
	}
}

func (l listing) before(column string, t time.Time) {
	if !t.IsZero() {
		l.Where(l.LT(column, l.Time(t)))
	}
}

func (l listing) tenant(column string, f store.TenantFilter) {
	if f.Tenant != nil {
		l.Where(l.EQ(column, Text(*f.Tenant)))
	}
	l.like(column, f.Like)
	if f.Without {
		l.Where(column + " = ''")
	}
}

// numbers selects what is any of values; none select nothing away.
func numbers[N ~int](l listing, column string, values []N) {
	if len(values) == 0 {
		return
	}
	all := make([]any, len(values))
	for i, v := range values {
		all[i] = int(v)
	}
	l.Where(l.SelectBuilder.In(column, all...))
}

// variables selects by conditions on the variables of an owner.
func (l listing) variables(owner string, all []store.Condition) {
	*l.sought = *l.sought || len(all) > 0
	for i := range all {
		c := &all[i]
		named := ""
		if c.Name != "" {
			named = " and v.name = " + l.Var(Text(c.Name))
		}
		switch key, fold, kind := Text(c.Key), Text(c.Fold), Text(c.Kind); c.Operation {
		case store.Equals:
			l.Where(owner + " in (select v.owner from variable v where v.value_key = " + l.Var(key) +
				" and v.type = " + l.Var(Text(c.Type)) + named + ")")
		case store.EqualsFold:
			l.variable(owner, named, "v.fold = "+l.Var(fold)+" and v.kind = "+l.Var(kind))
		case store.NotEquals:
			l.variable(owner, named, "(v.value_key <> "+l.Var(key)+" or v.kind <> "+l.Var(kind)+")")
		case store.NotEqualsFold:
			l.variable(owner, named, "(v.fold <> "+l.Var(fold)+" or v.kind <> "+l.Var(kind)+")")
		}
	}
}

func (l listing) variable(owner, named, condition string) {
	l.Where("exists (select 1 from variable v where v.owner = " + owner + named + " and " + condition + ")")
}

// finish returns the list: of the columns of each row of a table with this
// alias. The ids of one page are found first, by an index alone where there is
// one, and then the rows.
func (l listing) finish(p store.Paging, by sorts, table, alias, columns, join string) (Listing, error) {
	order, err := by.find(p, alias+".id")
	if err != nil {
		return Listing{}, err
	}
	var out Listing
	out.Count, out.CountArgs = l.Build()
	found := order
	if *l.sought {
		found = strings.ReplaceAll(order, alias+".id", alias+".id || ''") // no index has that order
	}
	l.Select(alias + ".id").OrderBy(found).Limit(max(p.Size, 0)).Offset(max(p.Start, 0))
	cut, args := l.Build()
	out.Page = "select " + columns + " from (" + cut + ") page join " + table + " " + alias + " on " + alias + ".id = page.id" + join +
		" order by " + order
	out.PageArgs = args
	return out, nil
}
