package console

import (
	"io"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/riverstones/riverstones/gateway/client"
)

// deploymentsData is a page of deployments, with the form for another one.
type deploymentsData struct {
	Tabs        []tab
	Deployments []client.Deployment
	Pager       pager
	Name        string   // that was sent
	Tenant      string   // that was sent
	Problem     *trouble // of what was sent
	Problems    []string // of the model that was sent
}

func (c *console) deployments(v *visit) (page, error) {
	start, _ := strconv.Atoi(v.URL.Query().Get("start")) // 0 for what is no number
	return c.deploymentsPage(v, min(max(start, 0), maxDeep))
}

func (c *console) deploymentsPage(v *visit, start int) (page, error) {
	d := &deploymentsData{Tabs: processTabs(v, "/deployments")}
	found, err := c.flow(v).Deployments(v.ctx(), client.DeploymentFilter{}, client.Paging{Start: start, Size: pageSize, Sort: "deployTime", Descending: true})
	if err != nil {
		return page{}, err
	}
	d.Deployments = found.Data
	d.Pager = pagerOf(client.Count{Total: found.Total, Exact: true}, start, len(found.Data), func(start int) string {
		return Root + "/deployments?start=" + strconv.Itoa(start)
	})
	return page{Name: "deployments", Nav: "processes", Title: v.text("process.deployments"), Live: live{Every: stonesEvery}, Data: d}, nil
}

// deploy takes a file, and goes to the model that is in it.
func (c *console) deploy(v *visit) (page, error) {
	file, err := uploaded(v)
	if err != nil {
		return page{}, err
	}
	n := client.NewDeployment{File: file, Name: strings.TrimSpace(v.PostFormValue("name")), Tenant: strings.TrimSpace(v.PostFormValue("tenantId"))}
	if len(file.Bytes) == 0 {
		return c.refusedDeployment(v, &n, formError("%s", v.text("model.nofile")))
	}
	made, err := c.flow(v).Deploy(v.ctx(), n)
	if err != nil {
		return c.refusedDeployment(v, &n, err)
	}
	v.done("model.deployed")
	found, err := c.flow(v).Definitions(v.ctx(), client.DefinitionFilter{DeploymentID: made.ID}, client.Paging{Size: 2})
	if err == nil && len(found.Data) == 1 {
		return page{Redirect: modelURL(found.Data[0].ID)}, nil
	}
	return page{Redirect: Root + "/models?" + url.Values{"deployment": {made.ID}}.Encode()}, nil
}

// uploaded reads the file of a form; none gives one without bytes.
func uploaded(v *visit) (client.File, error) {
	f, header, err := v.FormFile("file")
	if err != nil {
		return client.File{}, nil // there is none
	}
	defer func() { _ = f.Close() }() // it was read
	b, err := io.ReadAll(f)
	return client.File{Name: header.Filename, Bytes: b}, err
}

func (c *console) refusedDeployment(v *visit, n *client.NewDeployment, refused error) (page, error) {
	p, err := c.deploymentsPage(v, 0)
	if err != nil {
		return page{}, err
	}
	said := problem(v, refused)
	d, ok := p.Data.(*deploymentsData)
	if !ok {
		return p, nil
	}
	d.Name, d.Tenant, d.Problem, p.Status = n.Name, n.Tenant, &said, statusOf(&said)
	if d.Problems = lintProblems(said.Sentence); d.Problems != nil {
		said.Sentence = v.text("model.refused", n.File.Name)
	}
	return p, nil
}

// undeployable begins the sentence of the API that lists what is wrong with
// models.
const undeployable = "the model can not be deployed: "

// problemBegin is how each problem of a model begins in that sentence.
var problemBegin = regexp.MustCompile(`; (?:line \d+: |[^;:]+\.bpmn(?:20\.xml)?: )`)

// lintProblems splits the sentence of the API, nil for another one.
func lintProblems(sentence string) (out []string) {
	rest, ok := strings.CutPrefix(sentence, undeployable)
	if !ok {
		return nil
	}
	for {
		at := problemBegin.FindStringIndex(rest)
		if at == nil {
			return append(out, rest)
		}
		out = append(out, rest[:at[0]])
		rest = rest[at[0]+len("; "):]
	}
}

// deploymentData is a deployment that is to be deleted.
type deploymentData struct {
	client.Deployment

	Models  []client.Definition
	More    int
	Running int // processes of its models that run
	Problem *trouble
}

// modelsNamed is how many models of a deployment are named.
const modelsNamed = 20

func (c *console) deploymentSheet(v *visit) (page, error) {
	id := v.PathValue("deployment")
	dep, err := c.flow(v).Deployment(v.ctx(), id)
	if err != nil {
		return page{}, err
	}
	d := &deploymentData{Deployment: dep}
	found, err := c.flow(v).Definitions(v.ctx(), client.DefinitionFilter{DeploymentID: id}, client.Paging{Size: modelsNamed, Sort: "key"})
	if err != nil {
		return page{}, err
	}
	d.Models, d.More = found.Data, found.Total-len(found.Data)
	for i := range d.Models {
		_, n, err := v.api.Processes(v.ctx(), client.ProcessFilter{ModelID: d.Models[i].ID, Statuses: processStatuses[:3], Size: 1})
		if err != nil {
			return page{}, err
		}
		d.Running += n
	}
	name := deref(dep.Name)
	if name == "" {
		name = dep.ID
	}
	return page{
		Name: "deployment", Nav: "processes", Title: v.text("model.undeploy") + ": " + name, Data: d,
		Crumb: []link{{Root + "/processes", v.text("nav.processes")}, {Root + "/deployments", v.text("process.deployments")}},
	}, nil
}

func (c *console) deleteDeployment(v *visit) (page, error) {
	err := c.flow(v).DeleteDeployment(v.ctx(), v.PathValue("deployment"), v.PostForm.Get("cascade") == "yes")
	if err == nil {
		v.done("model.undeployed")
		return page{Redirect: Root + "/deployments"}, nil
	}
	p, broken := c.deploymentSheet(v)
	if broken != nil {
		return page{}, err
	}
	said := problem(v, err)
	if d, ok := p.Data.(*deploymentData); ok {
		d.Problem, p.Status = &said, statusOf(&said)
	}
	return p, nil
}
