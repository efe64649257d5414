package console

import (
	"context"
	"errors"
	"strings"

	"github.com/riverstones/riverstones/gateway/client"
)

// orderNames are what can be done to a task, in the order of their buttons.
var orderNames = []string{"reRun", "resume", "cancel", "rollback", "delete"}

// orders are those that need no more than to be confirmed.
var orders = map[string]func(c *client.Client, ctx context.Context, key string) (client.Task, error){
	"resume": (*client.Client).Resume, "cancel": (*client.Client).Cancel,
	"rollback": (*client.Client).Rollback, "delete": (*client.Client).Delete, "redrive": redrive,
}

// redrive runs the task of a dead letter again, as the command line does: its
// process is put into debug mode for that.
func redrive(c *client.Client, ctx context.Context, key string) (client.Task, error) { //nolint:revive // as the methods of the client are written
	t, err := c.Get(ctx, key)
	if err != nil {
		return t, err
	}
	if err := c.SetDebug(ctx, t.ProcessInstanceID, true); err != nil {
		return t, err
	}
	return c.ReRun(ctx, t.ID, client.ReRun{QueueType: t.QueueType})
}

// allowed reports whether the API takes an order on a task as it stands. It is
// for what to offer: the API decides.
func allowed(order string, t *client.Task) bool {
	switch order {
	case "reRun", "resume":
		return failed(t) && t.Debug && t.Status != "produce.failed"
	case "redrive":
		return failed(t) && t.Status != "produce.failed"
	case "cancel":
		return !t.Ended() && !strings.HasPrefix(t.Status, "cancel.")
	case "rollback", "delete":
		return t.Ended() && t.Status != "produce.failed" && t.Status != "canceled" && !strings.HasPrefix(t.Status, "mock.")
	default:
		return false
	}
}

// orderData is an order that is to be confirmed.
type orderData struct {
	client.Task

	Order   string
	Says    []string // what it will do, a sentence each
	Undone  []client.Task
	More    int // tasks beyond those
	Allowed bool
	URL     string
	Problem *trouble
}

func (c *console) orderSheet(order string) handler {
	return func(v *visit) (page, error) {
		t, err := v.api.Get(v.ctx(), v.PathValue("task"))
		if err != nil {
			return page{}, err
		}
		return c.orderPage(v, order, &t)
	}
}

func (c *console) orderPage(v *visit, order string, t *client.Task) (page, error) {
	d := &orderData{Task: *t, Order: order, Allowed: allowed(order, t), URL: taskURL(t.TaskID, t.ID)}
	if err := d.tell(v); err != nil {
		return page{}, err
	}
	return page{Name: "order", Nav: "tasks", Title: v.text("order."+order) + ": " + t.Name, Crumb: c.taskCrumb(v, t), Data: d}, nil
}

func (c *console) taskCrumb(v *visit, t *client.Task) []link {
	return []link{{Root + "/tasks", v.text("nav.tasks")}, {taskURL(t.TaskID, t.ID), t.Name}}
}

// undoneShown is how many of the tasks that a resume undoes are named.
const undoneShown = 20

// tell says what an order will do to this task.
func (d *orderData) tell(v *visit) error {
	switch {
	case d.Order == "cancel" && d.Status == "produce.success":
		d.Says = []string{v.text("order.cancel.waiting")}
	case d.Order == "cancel":
		d.Says = []string{v.text("order.cancel.running")}
	case d.Order == "resume":
		return d.tellResume(v)
	default:
		d.Says = []string{v.text("order." + d.Order + ".does")}
	}
	return nil
}

// tellResume names what the end of the process undoes, if the process is one
// of ours, and else who decides.
func (d *orderData) tellResume(v *visit) error {
	d.Says = []string{v.text("order.resume.does")}
	_, err := v.api.Process(v.ctx(), d.ProcessInstanceID)
	if errors.Is(err, client.ErrNotFound) {
		d.Says = append(d.Says, v.text("order.resume.outside"))
		return nil
	}
	if err != nil {
		return err
	}
	done, n, err := v.api.ListCount(v.ctx(), client.Filter{
		ProcessInstanceID: d.ProcessInstanceID, Statuses: []string{"start.success", "monitor.success"}, Size: undoneShown, Descending: true,
	})
	if err != nil {
		return err
	}
	d.Undone, d.More = done, n.Total-len(done)
	if n.Total == 0 {
		d.Says = append(d.Says, v.text("order.resume.nothing"))
	} else {
		d.Says = append(d.Says, v.text("order.resume.undoes", grouped(n.Total)))
	}
	return nil
}

func (c *console) order(order string) handler {
	return func(v *visit) (page, error) {
		key := v.PathValue("task")
		t, err := orders[order](v.api, v.ctx(), key)
		if err == nil {
			v.done("order." + order)
			return page{Redirect: taskURL(t.TaskID, t.ID)}, nil
		}
		t, missing := v.api.Get(v.ctx(), key)
		if missing != nil {
			return page{}, err
		}
		p, broken := c.orderPage(v, order, &t)
		if broken != nil {
			return page{}, err
		}
		said := problem(v, err)
		if d, ok := p.Data.(*orderData); ok {
			d.Problem, p.Status = &said, statusOf(&said)
		}
		return p, nil
	}
}
