package console

import (
	"net/url"
	"slices"
	"strconv"

	"github.com/riverstones/riverstones/gateway/client"
)

const callbacksEvery = 10 // seconds

// deliveryStates are what deliveries are searched by, in the API's words.
var deliveryStates = []string{"due", "parked", "givenUp", "done"}

func (c *console) callbackRoutes() {
	c.get("/callbacks", c.callbacks)
	c.post("/callbacks/{task}/replay", c.replay)
}

// callbacksData is a page of what orchestrators were told, and are to be told.
type callbacksData struct {
	Task, Process, State string

	States []string // to choose from
	Told   []client.TaskDelivery
	Pager  pager
}

// Narrow reports whether anything is searched for.
func (d *callbacksData) Narrow() bool { return d.Task+d.Process+d.State != "" }

func (c *console) callbacks(v *visit) (page, error) {
	q := v.URL.Query()
	d := &callbacksData{Task: trim(q, "taskId"), Process: trim(q, "processInstanceId"), States: deliveryStates}
	if state := trim(q, "state"); slices.Contains(deliveryStates, state) {
		d.State = state
	}
	start, _ := strconv.Atoi(q.Get("start")) // 0 for what is no number
	f := client.CallbackFilter{TaskID: d.Task, ProcessInstanceID: d.Process, State: d.State, Start: min(max(start, 0), maxDeep), Size: pageSize}
	var n client.Count
	var err error
	if d.Told, n, err = v.api.AllCallbacks(v.ctx(), f); err != nil {
		return page{}, err
	}
	d.Pager = pagerOf(n, f.Start, len(d.Told), d.address)
	return page{Name: "callbacks", Nav: "callbacks", Title: v.text("nav.callbacks"), Live: live{Every: callbacksEvery}, Data: d}, nil
}

func (d *callbacksData) address(start int) string {
	q := url.Values{}
	for name, value := range map[string]string{"taskId": d.Task, "processInstanceId": d.Process, "state": d.State} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if start > 0 {
		q.Set("start", strconv.Itoa(start))
	}
	return Root + "/callbacks?" + q.Encode()
}

// replay tells the ends of a task again.
func (c *console) replay(v *visit) (page, error) {
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
