package console

import (
	"net/url"
	"strconv"

	"golang.org/x/sync/errgroup"

	"github.com/riverstones/riverstones/gateway/client"
)

func (c *console) modelRoutes() {
	c.get("/models", c.models)
	c.get("/models/{model}", c.model)
	c.get("/models/{model}/start", c.startForm)
	c.post("/models/{model}/start", c.start)
	c.get("/models/{model}/xml", c.modelXML)
	c.get("/models/{model}/diagram", c.diagram)
	c.get("/deployments", c.deployments)
	c.post("/deployments", c.deploy)
	c.get("/deployments/{deployment}/delete", c.deploymentSheet)
	c.post("/deployments/{deployment}/delete", c.deleteDeployment)
}

// modelsData is a page of models.
type modelsData struct {
	Tabs            []tab
	Key, Deployment string
	All             bool // versions, not only the latest
	Models          []client.Definition
	Pager           pager
}

func (c *console) models(v *visit) (page, error) {
	q := v.URL.Query()
	d := modelsData{Tabs: processTabs(v, "/models"), Key: trim(q, "key"), Deployment: trim(q, "deployment"), All: q.Get("versions") == "all"}
	start, _ := strconv.Atoi(q.Get("start")) // 0 for what is no number
	start = min(max(start, 0), maxDeep)
	f := client.DefinitionFilter{Key: d.Key, DeploymentID: d.Deployment, Latest: !d.All && d.Deployment == ""}
	found, err := c.flow(v).Definitions(v.ctx(), f, client.Paging{Start: start, Size: pageSize, Sort: "key"})
	if err != nil {
		return page{}, err
	}
	d.Models = found.Data
	d.Pager = pagerOf(client.Count{Total: found.Total, Exact: true}, start, len(found.Data), d.address)
	return page{Name: "models", Nav: "processes", Title: v.text("process.models"), Live: live{Every: stonesEvery}, Data: d}, nil
}

// address is the page of models from a row on.
func (d *modelsData) address(start int) string {
	q := url.Values{}
	for name, value := range map[string]string{"key": d.Key, "deployment": d.Deployment} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if d.All {
		q.Set("versions", "all")
	}
	if start > 0 {
		q.Set("start", strconv.Itoa(start))
	}
	return Root + "/models?" + q.Encode()
}

// modelData is a version of a model.
type modelData struct {
	client.Model

	Diagram      *diagramOf
	Versions     string // page of all of them
	ProcessesURL string
	Processes    []client.ProcessInstance // the newest
}

const modelProcesses = 10 // that are listed

func (c *console) model(v *visit) (page, error) {
	id := v.PathValue("model")
	d := &modelData{}
	g, ctx := errgroup.WithContext(v.ctx())
	g.Go(func() (err error) { d.Model, err = v.api.Model(ctx, id); return err })
	g.Go(func() (err error) {
		d.Processes, _, err = v.api.Processes(ctx, client.ProcessFilter{ModelID: id, Types: processTypes[:1], Size: modelProcesses})
		return err
	})
	if err := g.Wait(); err != nil {
		return page{}, err
	}
	d.Diagram = &diagramOf{id, d.ModelKey}
	d.Versions = (&modelsData{Key: d.ModelKey, All: true}).address(0)
	d.ProcessesURL = processSearch{Model: id}.address(0)
	return page{
		Name: "model", Nav: "processes", Title: modelName(&d.Model), Crumb: modelCrumb(v),
		Live: live{Every: stonesEvery}, Data: d, Scripts: diagramScripts, Styles: diagramStyles,
	}, nil
}

func modelCrumb(v *visit, more ...link) []link {
	return append([]link{{Root + "/processes", v.text("nav.processes")}, {Root + "/models", v.text("process.models")}}, more...)
}

// modelName is what a model is called.
func modelName(m *client.Model) string {
	if name := deref(m.Name); name != "" {
		return name
	}
	return m.ModelKey
}

// modelXML answers the file of a model as a text: a browser must not take it
// for a page.
func (c *console) modelXML(v *visit) (page, error) {
	file, err := v.api.ModelXML(v.ctx(), v.PathValue("model"))
	if err != nil {
		return page{}, err
	}
	return page{Text: file}, nil
}
