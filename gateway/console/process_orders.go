package console

import (
	"context"

	"github.com/riverstones/riverstones/gateway/client"
)

// processCommands do the orders.
var processCommands = map[string]func(c *client.Client, ctx context.Context, id string) (client.ProcessInstance, error){
	"resume": (*client.Client).ResumeProcess, "cancel": (*client.Client).CancelProcess, "delete": (*client.Client).DeleteProcess,
}

// processOrderData is an order that is to be confirmed.
type processOrderData struct {
	client.ProcessInstance

	Order   string
	Says    []string // what it will do, a sentence each
	Touched []client.Task
	More    int // tasks beyond those
	Allowed bool
	URL     string
	Problem *trouble
}

func (c *console) processSheet(order string) handler {
	return func(v *visit) (page, error) {
		p, err := v.api.Process(v.ctx(), v.PathValue("process"))
		if err != nil {
			return page{}, err
		}
		return c.processOrderPage(v, order, &p)
	}
}

func (c *console) processOrderPage(v *visit, order string, p *client.ProcessInstance) (page, error) {
	d := &processOrderData{ProcessInstance: *p, Order: order, Allowed: processAllowed(order, p), URL: processURL(p.ID)}
	if d.Allowed {
		if err := d.tell(v); err != nil {
			return page{}, err
		}
	}
	name := processName(p)
	return page{
		Name: "processorder", Nav: "processes", Title: v.text("processorder."+order) + ": " + name, Data: d,
		Crumb: []link{{Root + "/processes", v.text("nav.processes")}, {d.URL, name}},
	}, nil
}

// touching are the statuses of tasks that an order sends something to, and what
// is said of them.
var touching = map[string]struct {
	statuses []string
	some     string
	none     string
}{
	"cancel": {[]string{"produce.success", "start.begin", "monitor.begin"}, "processorder.cancels", "processorder.cancelsnone"},
	"delete": {[]string{"start.success", "monitor.success", "start.failed", "monitor.failed", "rollback.success"}, "processorder.deletes", "processorder.deletesnone"},
	"resume": {[]string{"rollback.failed", "delete.failed"}, "processorder.resumes", ""},
}

// tell says what an order will do to this process.
func (d *processOrderData) tell(v *visit) error {
	d.Says = []string{v.text("processorder." + d.Order + ".does")}
	of := d.ID
	if origin := deref(d.OriginProcessInstanceID); origin != "" {
		of = origin
	}
	t := touching[d.Order]
	tasks, n, err := v.api.ListCount(v.ctx(), client.Filter{ProcessInstanceID: of, Statuses: t.statuses, Size: undoneShown, Descending: true})
	if err != nil {
		return err
	}
	d.Touched, d.More = tasks, max(0, n.Total-len(tasks))
	switch {
	case n.Total > 0:
		d.Says = append(d.Says, v.text(t.some, grouped(n.Total)))
	case t.none != "":
		d.Says = append(d.Says, v.text(t.none))
	}
	return nil
}

func (c *console) processOrder(order string) handler {
	return func(v *visit) (page, error) {
		id := v.PathValue("process")
		_, err := processCommands[order](v.api, v.ctx(), id)
		if err == nil {
			v.done("process." + order)
			return page{Redirect: processURL(id)}, nil
		}
		now, missing := v.api.Process(v.ctx(), id)
		if missing != nil {
			return page{}, err
		}
		p, broken := c.processOrderPage(v, order, &now)
		if broken != nil {
			return page{}, err
		}
		said := problem(v, err)
		if d, ok := p.Data.(*processOrderData); ok {
			d.Problem, p.Status = &said, statusOf(&said)
		}
		return p, nil
	}
}
