package sqlkit

import (
	"math"
	"time"

	"github.com/huandu/go-sqlbuilder"

	"github.com/riverstones/riverstones/store"
)

// Lists writes the queries of [store.Tasks.List] for one dialect.
type Lists struct {
	Flavor sqlbuilder.Flavor
	Time   func(time.Time) any // how the dialect binds a time
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
	if f.Size > 0 {
		cut.Limit(f.Size)
	} else if f.Start > 0 {
		cut.Limit(math.MaxInt64) // SQLite has no offset without a limit
	}
	if f.Start > 0 {
		cut.Offset(f.Start)
	}
	page := l.Flavor.NewSelectBuilder()
	page.Select(columns).From(page.BuilderAs(cut, "t"))
	page.JoinWithOption(sqlbuilder.LeftJoin, "attempt a", "a.id = t.id", "a.epoch = t.epoch")
	page.JoinWithOption(sqlbuilder.LeftJoin, "process p", "p.id = t.process_id")
	for i := range order {
		order[i] = "t." + order[i]
	}
	return page.OrderBy(order...).Build()
}

// Count returns the query that counts what matches f, up to one more than
// [store.CountLimit].
func (l Lists) Count(f store.Filter) (query string, args []any) {
	some := l.matching(f, "1 as one")
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

// Counted returns the page of the tasks read for f if they already tell how
// many match; ok is false if they have to be counted.
func Counted(f store.Filter, read int) (total int, exact, ok bool) {
	last := f.Size == 0 || read < f.Size // nothing comes behind this page
	if !last || read == 0 && f.Start > 0 {
		return 0, false, false
	}
	return capped(f.Start + read)
}

// Total returns what a count up to one more than [store.CountLimit] says.
func Total(counted int) (total int, exact bool) {
	total, exact, _ = capped(counted)
	return total, exact
}

func capped(n int) (total int, exact, ok bool) {
	return min(n, store.CountLimit), n <= store.CountLimit, true
}
