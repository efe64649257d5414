package console

import (
	"encoding/json"
	"net/url"
	"strconv"

	"github.com/riverstones/riverstones/gateway/client"
)

const lettersEvery = 10 // seconds

func (c *console) letterRoutes() { c.get("/letters", c.letters) }

// lettersData is a page of dead letters, or of the quarantine.
type lettersData struct {
	Of          string // dead or quarantine
	Task, Stone string
	Letters     []letter
	Pager       pager
}

// letter is one with its content as it may be shown.
type letter struct {
	client.Letter

	Content *tree  // of one that holds JSON
	Text    string // of another
}

func (c *console) letters(v *visit) (page, error) {
	q := v.URL.Query()
	d := lettersData{Of: "dead", Task: trim(q, "taskId"), Stone: trim(q, "stone")}
	start, _ := strconv.Atoi(q.Get("start")) // 0 for what is no number
	f := client.LetterFilter{TaskID: d.Task, Start: min(max(start, 0), maxDeep), Size: pageSize}
	read := v.api.DeadLettersCount
	if q.Get("of") == "quarantine" {
		d.Of, d.Stone, read = "quarantine", "", v.api.QuarantineCount
	}
	f.Stone = d.Stone
	all, n, err := read(v.ctx(), f)
	if err != nil {
		return page{}, err
	}
	for _, l := range all {
		d.Letters = append(d.Letters, letterOf(l))
	}
	d.Pager = pagerOf(n, f.Start, len(all), d.address)
	return page{Name: "letters", Nav: "letters", Title: v.text("nav.letters"), Live: live{Every: lettersEvery}, Data: d}, nil
}

func letterOf(l client.Letter) letter {
	out := letter{Letter: l}
	if json.Valid(l.Bytes) {
		out.Content = treeOf(l.Bytes)
	} else if l.Bytes != nil {
		t := treeOf(l.Bytes) // which makes a text of it
		out.Text = t.Root.Text
	}
	return out
}

func (d *lettersData) address(start int) string {
	q := url.Values{"of": {d.Of}}
	for name, value := range map[string]string{"taskId": d.Task, "stone": d.Stone} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if start > 0 {
		q.Set("start", strconv.Itoa(start))
	}
	return Root + "/letters?" + q.Encode()
}
