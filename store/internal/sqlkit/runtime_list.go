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
	// Suspended is true of the id %s of an instance that is suspended.
	Suspended string
}

// Listing is a list: one page, and how many match in all.
type Listing struct {
	Page, Count         string
	PageArgs, CountArgs []any

	one bool // at most one row matches
}

// Counted returns how many match if the rows read of a page tell.
func (l Listing) Counted(p store.Paging, read int) (total int, ok bool) {
	seen := max(p.Start, 0) + read
	switch {
	case read == 0 && (p.Start > 0 || p.Size <= 0):
		return 0, false
	case p.CountTo > 0 && seen >= p.CountTo:
		return p.CountTo, true
	default:
		return seen, read < p.Size || l.one
	}
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
	one    *bool // they are found by their key
}

func (l RuntimeLists) from(table string) listing {
	b := l.Flavor.NewSelectBuilder()
	b.Select("count(*)").From(table)
	return listing{l, b, new(bool), new(bool)}
}

// suspended selects rows by whether their instance is suspended.
func (l listing) suspended(alias string, want bool) {
	l.flag(fmt.Sprintf(l.Suspended, alias+".instance"), &want)
}

// text selects by a text; "" selects nothing away.
func (l listing) text(column, value string) {
	if value != "" {
		l.Where(l.EQ(column, Text(value)))
	}
}

// key selects by the key of the rows.
func (l listing) key(column, id string) {
	l.text(column, id)
	*l.one = *l.one || id != ""
}

// few selects by a text that few rows have.
func (l listing) few(column, value string) {
	l.text(column, value)
	*l.sought = *l.sought || value != ""
}

func (l listing) like(column, pattern string) {
	if pattern != "" {
		l.Where(column + " " + fmt.Sprintf(l.Like, l.Var(l.Match(Text(pattern)))))
	}
}

// set selects what is any of a few values; nil selects nothing away.
func (l listing) set(column string, values []string) {
	if values != nil {
		*l.sought = true
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
	for i := range all {
		c := &all[i]
		*l.sought = *l.sought || c.Operation == store.Equals || c.Operation == store.EqualsFold // others find many
		named := ""
		if c.Name != "" {
			named = " and v.name = " + l.Var(Text(c.Name))
		}
		l.Where(owner + " in (select v.owner from variable v where " + l.variable(c) + named + ")")
	}
}

// variable is true of variables v that are as c says.
func (l listing) variable(c *store.Condition) string {
	switch key, fold, kind := Text(c.Key), Text(c.Fold), Text(c.Kind); c.Operation {
	case store.EqualsFold:
		return "v.fold = " + l.Var(fold) + " and v.kind = " + l.Var(kind)
	case store.NotEquals:
		return "(v.value_key <> " + l.Var(key) + " or v.kind <> " + l.Var(kind) + ")"
	case store.NotEqualsFold:
		return "(v.fold <> " + l.Var(fold) + " or v.kind <> " + l.Var(kind) + ")"
	default: // store.Equals
		return "v.value_key = " + l.Var(key) + " and v.type = " + l.Var(Text(c.Type))
	}
}

// finish returns the list: of the columns of each row of a table with this
// alias. The ids of one page are found first, by an index alone where there is
// one, and then the rows.
func (l listing) finish(p store.Paging, by sorts, table, alias, columns, join string) (Listing, error) {
	order, err := by.find(p, alias+".id")
	if err != nil {
		return Listing{}, err
	}
	out := Listing{one: *l.one}
	out.Count, out.CountArgs = l.Build()
	if p.CountTo > 0 {
		some := l.Clone().Select("1 as one")
		out.Count, out.CountArgs = counting(l.RuntimeLists, some, p.CountTo)
	}
	found := order
	if *l.sought {
		found = strings.ReplaceAll(order, alias+".id", alias+".id || ''") // no index has that order
	}
	l.Select(alias + ".id").OrderBy(found).Limit(max(p.Size, 0)).Offset(max(p.Start, 0))
	cut, args := l.Build()
	out.Page, out.PageArgs = rows(cut, order, table, alias, columns, join), args
	return out, nil
}

// rows returns the query of the rows whose ids the query cut finds.
func rows(cut, order, table, alias, columns, join string) string {
	return "select " + columns + " from (" + cut + ") page join " + table + " " + alias + " on " + alias + ".id = page.id" + join +
		" order by " + order
}
