package sqlkit

import (
	"math"
	"time"

	"github.com/huandu/go-sqlbuilder"

	"github.com/riverstones/riverstones/store"
)

// Lists writes the queries of [store.Tasks.List] and
// [store.Callbacks.ListDeliveries] for one dialect.
type Lists struct {
	Flavor sqlbuilder.Flavor
	Time   func(time.Time) any // how the dialect binds a time
}

// Cut is one page of a list, and how to count what matches.
type Cut struct {
	Start, Size int                               // a Size of 0 is all
	Page        func() (query string, args []any) // of the rows
	Count       func() (query string, args []any) // of how many match, up to one more than [store.CountLimit]
}

// Tasks returns a page of the tasks that match f.
func (l Lists) Tasks(f store.Filter) Cut {
	return Cut{f.Start, f.Size, func() (string, []any) { return l.Page(TaskColumns, f) }, func() (string, []any) { return l.Count(f) }}
}

// Page returns the query of one page: the columns of task t and attempt a.
// The page is cut before the join, so that only its rows are joined.
func (l Lists) Page(columns string, f store.Filter) (query string, args []any) {
	cut := l.matching(f, "*")
	order := []string{"create_time", "id"}
	if f.Descending {
		order = []string{"create_time desc", "id desc"}
	}
	cut.OrderBy(order...)
	limit(cut, f.Start, f.Size)
	page := l.Flavor.NewSelectBuilder()
	page.Select(columns).From(page.BuilderAs(cut, "t"))
	page.JoinWithOption(sqlbuilder.LeftJoin, "attempt a", "a.id = t.id", "a.epoch = t.epoch")
	page.JoinWithOption(sqlbuilder.LeftJoin, "process p", "p.id = t.process_id")
	for i := range order {
		order[i] = "t." + order[i]
	}
	return page.OrderBy(order...).Build()
}

// limit cuts a page; a size of 0 is all.
func limit(b *sqlbuilder.SelectBuilder, start, size int) {
	if size > 0 {
		b.Limit(size)
	} else if start > 0 {
		b.Limit(math.MaxInt64) // SQLite has no offset without a limit
	}
	if start > 0 {
		b.Offset(start)
	}
}

// Count returns the query that counts what matches f, up to one more than
// [store.CountLimit].
func (l Lists) Count(f store.Filter) (query string, args []any) {
	return l.count(l.matching(f, "1 as one"))
}

// count counts rows up to one more than [store.CountLimit].
func (l Lists) count(some *sqlbuilder.SelectBuilder) (query string, args []any) {
	some.Limit(store.CountLimit + 1)
	count := l.Flavor.NewSelectBuilder()
	return count.Select("count(*)").From(count.BuilderAs(some, "matching")).Build()
}

func (l Lists) matching(f store.Filter, columns string) *sqlbuilder.SelectBuilder {
	b := l.Flavor.NewSelectBuilder()
	b.Select(columns).From("task")
	for _, e := range []struct{ column, value string }{
		{"task_id", f.TaskID},
		{"process_id", f.ProcessInstanceID},
		{"name", f.Name},
		{"namespace", f.Namespace},
		{"stone", f.Stone},
		{"business_key", f.BusinessKey},
	} {
		if e.value != "" {
			b.Where(b.EQ(e.column, Text(e.value)))
		}
	}
	if len(f.Statuses) > 0 {
		codes := make([]any, len(f.Statuses))
		for i, s := range f.Statuses {
			codes[i] = int(s)
		}
		b.Where(b.In("status", codes...))
	}
	if !f.CreatedAfter.IsZero() {
		b.Where(b.GT("create_time", l.Time(f.CreatedAfter)))
	}
	if !f.CreatedBefore.IsZero() {
		b.Where(b.LT("create_time", l.Time(f.CreatedBefore)))
	}
	return b
}

// Counted returns how many match if the rows read of the page tell; ok is false
// if they have to be counted.
func (c Cut) Counted(read int) (total int, exact, ok bool) {
	last := c.Size == 0 || read < c.Size // nothing comes behind this page
	if !last || read == 0 && c.Start > 0 {
		return 0, false, false
	}
	return capped(c.Start + read)
}

// Total returns what a count up to one more than [store.CountLimit] says.
func Total(counted int) (total int, exact bool) {
	total, exact, _ = capped(counted)
	return total, exact
}

func capped(n int) (total int, exact, ok bool) {
	return min(n, store.CountLimit), n <= store.CountLimit, true
}
