package sqlkit

import (
	"reflect"

	"github.com/huandu/go-sqlbuilder"

	"github.com/riverstones/riverstones/store"
)

// driven is a list of executions by a single condition that an index of another
// table has in the order of the list: its pages are read off that index.
type driven struct {
	RuntimeLists
	*sqlbuilder.SelectBuilder

	column string // the execution's id
}

// driven returns how f is listed by another table; ok is false if it is not to be.
func (l RuntimeLists) driven(f *store.ExecutionFilter) (d driven, ok bool) {
	if f.Sort != "" && f.Sort != executionSorts[0].name {
		return driven{}, false
	}
	rest := *f
	rest.Paging, rest.Signal, rest.Message, rest.Variables = store.Paging{}, "", "", nil
	if !reflect.DeepEqual(rest, store.ExecutionFilter{}) {
		return driven{}, false
	}
	switch waits := f.Signal + f.Message; {
	case len(f.Variables) == 0 && f.Message == "" && f.Signal != "":
		return l.waiting(store.Signal, waits), true
	case len(f.Variables) == 0 && f.Signal == "" && f.Message != "":
		return l.waiting(store.Message, waits), true
	case len(f.Variables) == 1 && waits == "" && f.Variables[0].Operation == store.Equals && f.Variables[0].Name != "":
		return l.holding(&f.Variables[0]), true
	default:
		return driven{}, false
	}
}

// waiting are the executions that wait for a signal or message.
func (l RuntimeLists) waiting(kind store.SubscriptionKind, name string) driven {
	b := l.Flavor.NewSelectBuilder()
	b.Select("s.execution as id").Distinct().From("subscription s")
	b.Where(b.EQ("s.kind", int(kind)), b.EQ("s.name", Text(name)))
	return driven{l, b, "s.execution"}
}

// holding are the executions that have a variable with this value.
func (l RuntimeLists) holding(c *store.Condition) driven {
	b := l.Flavor.NewSelectBuilder()
	b.Select("v.owner as id").From("variable v")
	b.Where(b.EQ("v.value_key", Text(c.Key)), b.EQ("v.name", Text(c.Name)), b.EQ("v.type", Text(c.Type)),
		"exists (select 1 from execution e where e.id = v.owner)") // it may be a user task's, or of an instance that has ended
	return driven{l, b, "v.owner"}
}

func (d driven) list(f *store.ExecutionFilter) (Listing, error) {
	var out Listing
	out.Count, out.CountArgs = counting(d.RuntimeLists, d.SelectBuilder, f.CountTo)
	direction := ""
	if f.Descending {
		direction = " desc"
	}
	d.OrderBy(d.column + direction).Limit(max(f.Size, 0)).Offset(max(f.Start, 0))
	cut, args := d.Build()
	out.Page, out.PageArgs = rows(cut, "e.id"+direction, "execution", "e", executionColumns, executionJoin), args
	return out, nil
}

// counting returns the query that counts the rows of some, up to so many if
// that is not 0.
func counting(l RuntimeLists, some *sqlbuilder.SelectBuilder, limit int) (query string, args []any) {
	if some = some.Clone(); limit > 0 {
		some.Limit(limit)
	}
	count := l.Flavor.NewSelectBuilder()
	return count.Select("count(*)").From(count.BuilderAs(some, "matching")).Build()
}
