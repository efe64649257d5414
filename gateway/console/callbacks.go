package console

import (
	"net/url"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/riverstones/riverstones/gateway/client"
)

const (
	callbacksEvery = 10 // seconds
	// callbackTasks is how many tasks are asked for what was told of them: the
	// API answers one task at a time.
	callbackTasks = 50
)

func (c *console) callbackRoutes() {
	c.get("/callbacks", c.callbacks)
	c.post("/callbacks/{task}/replay", c.replay)
}

// callbacksData is what orchestrators were told of tasks.
type callbacksData struct {
	Task, Process string
	Looked        int // tasks that were asked for
	Told          []told
}

// told are the deliveries of a task.
type told struct {
	client.Task

	Deliveries []client.Delivery
}

func (c *console) callbacks(v *visit) (page, error) {
	q := v.URL.Query()
	d := callbacksData{Task: trim(q, "taskId"), Process: trim(q, "processInstanceId")}
	f := client.Filter{TaskID: d.Task, ProcessInstanceID: d.Process, Size: callbackTasks, Descending: true}
	if d.Task == "" && d.Process == "" {
		f.CreatedAfter = time.Unix(0, 0).UTC() // the newest of all
	}
	tasks, _, err := v.api.List(v.ctx(), f)
	if err != nil {
		return page{}, err
	}
	d.Looked = len(tasks)
	all := make([]told, len(tasks))
	g, ctx := errgroup.WithContext(v.ctx())
	g.SetLimit(bulkAt)
	for i := range tasks {
		g.Go(func() (err error) {
			all[i].Task = tasks[i]
			all[i].Deliveries, err = v.api.Callbacks(ctx, tasks[i].ID)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return page{}, err
	}
	for _, one := range all {
		if len(one.Deliveries) > 0 {
			d.Told = append(d.Told, one)
		}
	}
	return page{Name: "callbacks", Nav: "callbacks", Title: v.text("nav.callbacks"), Live: live{Every: callbacksEvery}, Data: d}, nil
}

// replay tells the ends of a task again.
func (c *console) replay(v *visit) (page, error) {
	if err := v.ParseForm(); err != nil {
		return page{}, err
	}
	t, err := v.api.Get(v.ctx(), v.PathValue("task"))
	if err != nil {
		return page{}, err
	}
	if _, err := v.api.ReplayCallbacks(v.ctx(), t.ID); err != nil {
		return page{}, err
	}
	v.done("callback.replay")
	return page{Redirect: Root + "/callbacks?" + url.Values{"taskId": {t.TaskID}}.Encode()}, nil
}
