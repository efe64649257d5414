package cli

import (
	"cmp"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/riverstones/riverstones/cmd/internal/config"
	"github.com/riverstones/riverstones/gateway/client"
)

// service is where Flowable's API is, and who calls it.
type service struct{ prefix string }

func (s *service) flags(c *cobra.Command) {
	c.Flags().StringVar(&s.prefix, "prefix", "", "`path` that the server has Flowable's API under (default: the root)")
}

// loginHelp tells how to log in; a flag could be read by others.
const loginHelp = "Where Flowable's API asks for a login, " + config.Prefix + "LOGIN=USER:PASSWORD gives it."

func (s *service) of(p *Process, cl *client.Client) *client.Flowable {
	cfg := client.FlowableConfig{Prefix: s.prefix}
	for _, e := range p.Environ {
		if login, ok := strings.CutPrefix(e, config.Prefix+"LOGIN="); ok {
			cfg.User, cfg.Password, _ = strings.Cut(login, ":")
		}
	}
	return cl.Flowable(cfg)
}

// deployed is what is shown of a deployment.
type deployed struct {
	Deployment client.Deployment   `json:"deployment"`
	Models     []client.Definition `json:"models"`
}

func newProcessDeploy(p *Process, r *remote) *cobra.Command {
	var s service
	var d client.NewDeployment
	c := &cobra.Command{
		Use:   "deploy FILE",
		Short: "Deploy a BPMN model, or an archive of several",
		Long: `Deploys FILE, whose name ends in .bpmn20.xml, .bpmn, .bar or .zip. Each process in
it becomes the next version of its key. A model that can not run is refused,
with all that is wrong with it.

` + loginHelp,
		Example: "  riverstones process deploy provision.bpmn20.xml\n  riverstones process deploy models.zip --name billing",
		Args:    args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, given []string) error {
			b, err := readFile(p, given[0])
			if err != nil {
				return err
			}
			cl, err := r.client(p)
			if err != nil {
				return err
			}
			f := s.of(p, cl)
			d.File = client.File{Name: filepath.Base(given[0]), Bytes: b}
			var out deployed
			if out.Deployment, err = f.Deploy(c.Context(), d); err != nil {
				return err
			}
			const most = 1000
			page, err := f.Definitions(c.Context(), client.DefinitionFilter{DeploymentID: out.Deployment.ID}, client.Paging{Size: most})
			if err != nil {
				return err
			}
			out.Models = page.Data
			return showDeployed(p, r, &out)
		},
	}
	s.flags(c)
	c.Flags().StringVar(&d.Name, "name", "", "`name` of the deployment (default: that of the file)")
	c.Flags().StringVar(&d.Tenant, "tenant", "", "`id` of the tenant")
	return c
}

func showDeployed(p *Process, r *remote, d *deployed) error {
	if r.out.json() {
		return printJSON(p.Out, d)
	}
	fmt.Fprintf(p.Out, "deployment %s (%s)\n", printable(d.Deployment.ID), printable(text(d.Deployment.Name)))
	var rows [][]string
	for i := range d.Models {
		m := &d.Models[i]
		rows = append(rows, []string{m.Key, strconv.Itoa(m.Version), m.ID, cmp.Or(oneLine(text(m.Name), 60), "-")})
	}
	return printTable(p.Out, []string{"KEY", "VERSION", "MODEL", "NAME"}, rows)
}
