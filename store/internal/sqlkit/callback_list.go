package sqlkit

import (
	"github.com/huandu/go-sqlbuilder"

	"github.com/riverstones/riverstones/store"
)

// TaskDeliveryColumns are what [TaskDelivery] reads: of the row d, its callback
// c and its task t.
const TaskDeliveryColumns = DeliveryColumns + `,
  t.id, t.task_id, t.process_id, t.name, t.namespace, t.stone, t.business_key`

// TaskDelivery reads a delivery with its task.
func TaskDelivery(r Row) store.TaskDelivery {
	return store.TaskDelivery{Delivery: Delivery(r), Task: Names(r)}
}

// Deliveries returns a page of the deliveries that match f, the newest first.
func (l Lists) Deliveries(f store.DeliveryFilter) Cut {
	count := func() (string, []any) {
		some, _ := l.deliveries(f, "1 as one")
		return l.count(some)
	}
	return Cut{f.Start, f.Size, func() (string, []any) { return l.deliveryPage(f) }, count}
}

// deliveryPage cuts the page before the joins, so that only its rows are joined.
func (l Lists) deliveryPage(f store.DeliveryFilter) (query string, args []any) {
	cut, order := l.deliveries(f, "d.number")
	cut.OrderBy(order)
	limit(cut, f.Start, f.Size)
	page := l.Flavor.NewSelectBuilder()
	page.Select(TaskDeliveryColumns).From(page.BuilderAs(cut, "cut"))
	page.Join("delivery d", "d.number = cut.number").Join("callback c", "c.id = d.id").Join("task t", "t.id = d.id")
	return page.OrderBy("d.number desc").Build()
}

// deliveries selects what matches, and returns its order. With a task or a
// process it begins at the tasks: a column plus 0 keeps a planner from walking
// all deliveries of a state, or all there are, to find those few.
func (l Lists) deliveries(f store.DeliveryFilter, columns string) (b *sqlbuilder.SelectBuilder, order string) {
	b = l.Flavor.NewSelectBuilder()
	b.Select(columns)
	state := "d.state"
	if f.TaskID+f.ProcessInstanceID == "" {
		b.From("delivery d")
		order = "d.number desc"
	} else {
		b.From("task t cross join delivery d").Where("d.id = t.id")
		state, order = "d.state + 0", "d.number + 0 desc"
	}
	if f.TaskID != "" {
		b.Where(b.EQ("t.task_id", Text(f.TaskID)))
	}
	if f.ProcessInstanceID != "" {
		b.Where(b.EQ("t.process_id", Text(f.ProcessInstanceID)))
	}
	if f.State != 0 {
		b.Where(b.EQ(state, int(f.State)))
	}
	return b, order
}
