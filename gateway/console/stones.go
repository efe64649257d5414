package console

import (
	"net/url"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/riverstones/riverstones/gateway/client"
	"github.com/riverstones/riverstones/queue/task"
)

const stonesEvery = 5 // seconds

func (c *console) stoneRoutes() {
	c.get("/stones", c.stones)
	c.get("/stones/{code}", c.stone)
	c.post("/stones/{code}/pause", c.pause)
	c.post("/stones/{code}/resume", c.goOn)
}

func (c *console) stones(v *visit) (page, error) {
	all, err := v.api.Stones(v.ctx())
	if err != nil {
		return page{}, err
	}
	return page{Name: "stones", Nav: "stones", Title: v.text("nav.stones"), Live: live{Every: stonesEvery}, Data: all}, nil
}

// liveWorkers counts those that fetched lately.
func liveWorkers(s client.Stone) (n int) {
	for i := range s.Workers {
		if s.Workers[i].Live {
			n++
		}
	}
	return n
}

// stoneData is a stone with what its tasks do.
type stoneData struct {
	client.Stone
	found // the newest tasks

	Backlog  []waiting
	Waiting  int
	TasksURL string
}

// waiting is how many commands of a method wait, beside the most of any.
type waiting struct {
	Method string
	N, Max int
}

const stoneTasks = 10 // that are listed

func (c *console) stone(v *visit) (page, error) {
	code := v.PathValue("code")
	d := &stoneData{TasksURL: search{Stone: code}.url()}
	g, ctx := errgroup.WithContext(v.ctx())
	g.Go(func() (err error) { d.Stone, err = v.api.Stone(ctx, code); return err })
	g.Go(func() (err error) {
		d.found, err = lookBack(ctx, v.api, client.Filter{Stone: code, Size: stoneTasks, Descending: true}, time.Time{})
		return err
	})
	if err := g.Wait(); err != nil {
		return page{}, err
	}
	most := 1
	for _, n := range d.Stone.Backlog {
		most = max(most, n)
	}
	for _, m := range task.Methods() {
		n := d.Stone.Backlog[string(m)]
		d.Backlog = append(d.Backlog, waiting{string(m), n, most})
		d.Waiting += n
	}
	return page{
		Name: "stone", Nav: "stones", Title: code, Crumb: []link{{Root + "/stones", v.text("nav.stones")}},
		Live: live{Events: url.Values{"stone": {code}}.Encode(), Every: stonesEvery}, Data: d,
	}, nil
}

func (c *console) pause(v *visit) (page, error) {
	s, err := v.api.PauseStone(v.ctx(), v.PathValue("code"))
	v.done("stone.pause")
	return page{Redirect: stoneURL(s.Code)}, err
}

func (c *console) goOn(v *visit) (page, error) {
	s, err := v.api.ResumeStone(v.ctx(), v.PathValue("code"))
	v.done("stone.resume")
	return page{Redirect: stoneURL(s.Code)}, err
}
