package console

import (
	"cmp"
	"errors"
	"net/url"
	"slices"

	"github.com/riverstones/riverstones/gateway/client"
)

const (
	// processLive is how often a process is looked at beside the events of its
	// tasks, in seconds: timers, people and calls move it without one.
	processLive = 5
	stepsShown  = 1000 // elements in the tree of a process
)

func (c *console) processRoutes() {
	c.get("/processes", c.processes)
	c.get("/processes/{process}", c.process)
	c.get("/processes/{process}/{document}", c.processDocument)
	c.post("/processes/{process}/debug", c.processDebug)
	for _, order := range processOrders {
		c.get("/processes/{process}/"+order, c.processSheet(order))
		c.post("/processes/{process}/"+order, c.processOrder(order))
	}
}

// processData is a process with all that is known of it.
type processData struct {
	client.ProcessInstance

	Name      string
	Diagram   *diagramOf // nil for none
	Can       []string   // orders
	CanDebug  bool
	Related   []related
	Tree      []*treeStep
	More      int    // elements that the tree leaves out
	Of        string // process that the tree is of, "" for this one
	Content   *tree
	Outputs   *tree // nil for none
	Native    *tree // nil for none
	Variables []variableRow
	TasksURL  string
	Troubles  []trouble
}

// related is a process that this one has to do with.
type related struct{ Key, ID string }

func (c *console) process(v *visit) (page, error) {
	p, err := v.api.Process(v.ctx(), v.PathValue("process"))
	if err != nil {
		return page{}, outside(v, err)
	}
	d := &processData{
		ProcessInstance: p, Name: processName(&p), Can: processCan(&p), CanDebug: p.ProcessType == processTypes[0] && !p.Ended(),
		Related: relatedTo(&p), Content: treeOf(p.ProcessContent), Outputs: treeOrNil(p.Outputs), Native: treeOrNil(p.NativeOutputs),
		Of: deref(p.OriginProcessInstanceID), TasksURL: search{Process: cmp.Or(deref(p.OriginProcessInstanceID), p.ID)}.url(),
	}
	g := &gatherer{}
	g.group.SetLimit(asked)
	g.ask(func() error {
		steps, err := v.api.ProcessSteps(v.ctx(), cmp.Or(d.Of, p.ID))
		d.plant(steps)
		return err
	})
	if d.CanDebug {
		g.ask(func() (err error) { d.Variables, err = c.variables(v, &p); return err })
	}
	d.Troubles = g.wait(v)
	if p.ActivitiFileID != nil {
		d.Diagram = &diagramOf{p.ModelID, p.ModelKey}
	}
	return page{
		Name: "process", Scripts: diagramScripts, Styles: diagramStyles, Nav: "processes", Title: d.Name, Crumb: []link{{Root + "/processes", v.text("nav.processes")}},
		Live: live{Events: url.Values{"processInstanceId": {cmp.Or(d.Of, p.ID)}}.Encode(), Every: processLive}, Data: d,
	}, nil
}

// outside says where to look for a process that another orchestrator runs.
func outside(v *visit, err error) error {
	id := v.PathValue("process")
	if !errors.Is(err, client.ErrNotFound) {
		return err
	}
	if tasks, _, failed := v.api.List(v.ctx(), client.Filter{ProcessInstanceID: id, Size: 1}); failed == nil && len(tasks) > 0 {
		return &client.Error{Status: 404, Message: v.text("process.outside"), Exception: v.text("process.outsidehint", id)}
	}
	return err
}

// processName is what a process is called.
func processName(p *client.ProcessInstance) string {
	return cmp.Or(deref(p.ProcessName), p.ModelKey, p.ID)
}

// relatedTo names the processes that this one has to do with.
func relatedTo(p *client.ProcessInstance) (out []related) {
	for _, r := range []struct {
		key string
		id  *string
	}{
		{"process.origin", p.OriginProcessInstanceID}, {"process.super", p.SuperProcessInstanceID}, {"process.rollback", p.RollbackProcessInstanceID},
		{"process.cancel", p.CancelProcessInstanceID}, {"process.delete", p.DeleteProcessInstanceID},
	} {
		if id := deref(r.id); id != "" {
			out = append(out, related{r.key, id})
		}
	}
	return out
}

// treeOrNil shows a document, null as none.
func treeOrNil(doc []byte) *tree {
	if s := string(doc); s == "" || s == "null" || s == "{}" {
		return nil
	}
	return treeOf(doc)
}

// treeStep is an element in the tree of a process, in the order of its rows.
type treeStep struct {
	client.ProcessStep

	Name  string
	Depth int // below the process, at most maxDepth
	Held  bool
}

// Waits is the key of a text about who moves an element that no stone works at,
// "" where that is clear.
func (s *treeStep) Waits() string {
	if s.EndTime != nil || s.Stone != nil {
		return ""
	}
	switch s.ElementType {
	case "userTask":
		return "process.waitsuser"
	case "receiveTask":
		return "process.waitstrigger"
	case "intermediateCatchEvent", "eventBasedGateway":
		return "process.waitsevent"
	default:
		return ""
	}
}

const maxDepth = 6

// plant makes the tree of the steps: what is in a subprocess stands below it.
func (d *processData) plant(steps []client.ProcessStep) {
	below := map[string][]int{} // by the index of their subprocess, as -1 or its element
	last := map[string]bool{}
	for i := range steps {
		last[steps[i].ElementID] = true
	}
	for i := range steps {
		parent := deref(steps[i].ParentElementID)
		if !last[parent] {
			parent = ""
		}
		below[parent] = append(below[parent], i)
	}
	d.grow(steps, below, "", 0)
	if len(d.Tree) > stepsShown {
		d.More = len(d.Tree) - stepsShown
		d.Tree = d.Tree[d.More:] // what happens now is at the end
	}
}

// grow adds what is below an element. Of an element that is done several times
// all that is in it stands below the first.
func (d *processData) grow(steps []client.ProcessStep, below map[string][]int, parent string, depth int) {
	all := below[parent]
	delete(below, parent)
	for _, i := range all {
		s := &steps[i]
		d.Tree = append(d.Tree, &treeStep{
			ProcessStep: *s, Name: cmp.Or(deref(s.ElementName), s.ElementID), Depth: min(depth, maxDepth),
			Held: d.Debug && s.TaskID != nil && s.Stone != nil && kindOf(s.Status) == signFailed,
		})
		if s.ElementID != "" {
			d.grow(steps, below, s.ElementID, depth+1)
		}
	}
}

// signFailed is the kind of statuses that say that something failed.
const signFailed = "failed"

// processDocument answers the whole of a document that a page shows in part.
func (c *console) processDocument(v *visit) (page, error) {
	p, err := v.api.Process(v.ctx(), v.PathValue("process"))
	if err != nil {
		return page{}, err
	}
	documents := map[string]string{"content": p.ProcessContent, "outputs": string(p.Outputs), "native": string(p.NativeOutputs)}
	doc, ok := documents[v.PathValue("document")]
	if !ok {
		return page{}, errNowhere
	}
	return page{Text: []byte(pretty(doc))}, nil
}

// processDebug switches the debug mode.
func (c *console) processDebug(v *visit) (page, error) {
	id, on := v.PathValue("process"), v.PostForm.Get("to") == "on"
	if err := v.api.SetDebug(v.ctx(), id, on); err != nil {
		return page{}, err
	}
	key := "task.debugoff"
	if on {
		key = "task.debugon"
	}
	v.done(key)
	return page{Redirect: processURL(id)}, nil
}

// processOrders are what can be done to a process, in the order of their buttons.
var processOrders = []string{"resume", "cancel", "delete"}

// processCan returns the orders that the API takes on a process as it stands.
// It is for what to offer: the API decides.
func processCan(p *client.ProcessInstance) (out []string) {
	for _, o := range processOrders {
		if processAllowed(o, p) {
			out = append(out, o)
		}
	}
	return out
}

func processAllowed(order string, p *client.ProcessInstance) bool {
	outermost := p.ProcessType == processTypes[0] && p.SuperProcessInstanceID == nil
	switch order {
	case "resume":
		return kindOf(p.ProcessStatus) == signFailed && p.ProcessStatus != "failed"
	case "cancel":
		return outermost && (p.ProcessStatus == "running" || p.ProcessStatus == "debug")
	default:
		return outermost && slices.Contains([]string{"completed", "failed", "canceled"}, p.ProcessStatus)
	}
}

// Explained is the key of a text about what the process waits for, "" for none.
func (d *processData) Explained() string {
	switch d.ProcessStatus {
	case "debug":
		return "process.held"
	case "rollback":
		return "process.undoing"
	case "rollback.failed", "delete.failed":
		return "process.stopped"
	default:
		return ""
	}
}
