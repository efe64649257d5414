package console

import (
	"cmp"
	"encoding/json"
	"slices"

	"github.com/riverstones/riverstones/gateway/client"
	"github.com/riverstones/riverstones/queue/task"
)

const variablesShown = 200

// variableRow is a variable of a process.
type variableRow struct {
	Name, Type string
	Value      *tree // nil for bytes, which are not shown
}

// flow calls the engine's API, which variables, models and deployments are read by.
func (c *console) flow(v *visit) *client.Flowable {
	return v.api.Flowable(client.FlowableConfig{Prefix: c.cfg.FlowablePrefix})
}

// variables are those of a process that runs, secrets masked. Which names are
// secret the model and all stones say: better one too many than one too few.
func (c *console) variables(v *visit, p *client.ProcessInstance) ([]variableRow, error) {
	all, err := c.flow(v).InstanceVariables(p.ID).List(v.ctx(), client.AnyScope)
	if err != nil {
		return nil, err
	}
	secret, err := noEcho(v, p.ModelID)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b client.Variable) int { return cmp.Compare(a.Name, b.Name) })
	out := make([]variableRow, 0, len(all))
	for _, one := range all[:min(len(all), variablesShown)] {
		row := variableRow{Name: one.Name, Type: one.Type}
		if one.URL == "" && len(one.Value) > 0 {
			row.Value = masked(one.Name, one.Value, secret)
		}
		out = append(out, row)
	}
	return out, nil
}

// noEcho are the names that the templates of a model and the declarations of
// stones keep secret.
func noEcho(v *visit, model string) (names []string, err error) {
	m, err := v.api.Model(v.ctx(), model)
	if err != nil {
		return nil, err
	}
	for i := range m.Parameters {
		if m.Parameters[i].NoEcho {
			names = append(names, m.Parameters[i].Name)
		}
	}
	stones, err := v.api.Stones(v.ctx())
	for i := range stones {
		for j := range stones[i].Params {
			if stones[i].Params[j].NoEcho {
				names = append(names, stones[i].Params[j].Name)
			}
		}
	}
	return names, err
}

// masked is the value of a variable without what is secret: the variable itself,
// or a member at any depth.
func masked(name string, value json.RawMessage, secret []string) *tree {
	if task.Secret(name) || slices.Contains(secret, name) {
		return &tree{Root: node{Kind: "secret", Text: task.Mask}}
	}
	t := treeOf(task.RedactWith(value, secret))
	t.Root.hide(secret)
	return t
}

// hide masks members by their names.
func (n *node) hide(names []string) {
	for i := range n.Children {
		child := &n.Children[i]
		if slices.Contains(names, child.Name) {
			*child = node{Name: child.Name, Kind: "secret", Text: task.Mask}
			continue
		}
		child.hide(names)
	}
}
