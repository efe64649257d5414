package river

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/gateway/river/bpmn"
	"github.com/riverstones/riverstones/store"
)

// lockDeploy is held while versions are given.
const lockDeploy = "river deploy"

// Deploy keeps files, and makes a definition of each executable process in
// them: the next version of its key in the tenant. The error is Invalid and
// lists everything that is wrong with all of the models.
func (r *Runtime) Deploy(ctx context.Context, d NewDeployment) (store.Deployment, []store.Definition, error) {
	found, err := r.check(ctx, &d)
	if err != nil {
		return store.Deployment{}, nil, err
	}
	row := store.Deployment{ID: newID(), Name: d.Name, Key: d.Key, Category: d.Category, Tenant: d.Tenant, Time: r.now()}
	var defs []store.Definition
	err = r.step(ctx, func(s *step) error {
		if err := s.tx.Lock(s.ctx, lockDeploy); err != nil {
			return err
		}
		defs = defs[:0]
		for _, f := range found {
			def, err := s.version(&row, f)
			if err != nil {
				return err
			}
			defs = append(defs, def)
		}
		w := &s.write
		w.Deployments, w.Definitions = []store.Deployment{row}, defs
		for i := range d.Files {
			w.Resources = append(w.Resources, store.Resource{Deployment: row.ID, Name: d.Files[i].Name, Bytes: d.Files[i].Bytes})
		}
		return nil
	})
	return row, defs, err
}

// deployable is a process that was found in a file.
type deployable struct {
	file    string
	process *bpmn.Process
}

// IsModel reports whether a file of that name is read as a BPMN model.
func IsModel(name string) bool {
	return strings.HasSuffix(name, ".bpmn20.xml") || strings.HasSuffix(name, ".bpmn")
}

// check parses all models of a deployment.
func (r *Runtime) check(ctx context.Context, d *NewDeployment) ([]deployable, error) {
	var out []deployable
	var problems []string
	keys := map[string]string{}
	for i := range d.Files {
		f := &d.Files[i]
		if !IsModel(f.Name) {
			continue
		}
		all, err := bpmn.Parse(f.Bytes, r.models.options)
		if err != nil {
			problems = append(problems, f.Name+": "+err.Error())
			continue
		}
		for _, p := range all.Processes {
			if other, twice := keys[p.ID]; twice {
				problems = append(problems, fmt.Sprintf("%s: process %s is in %s too", f.Name, p.ID, other))
			}
			keys[p.ID] = f.Name
			problems = append(problems, unsupported(f.Name, p)...)
			problems = append(problems, r.lint(ctx, f.Name, p)...)
			out = append(out, deployable{f.Name, p})
		}
	}
	if len(problems) > 0 {
		return nil, fault.New(fault.Invalid, "the model can not be deployed: %s", strings.Join(problems, "; "))
	}
	return out, nil
}

// unsupported names what the model may say and the runtime does not do.
func unsupported(file string, p *bpmn.Process) []string {
	var out []string
	for _, n := range p.Nodes {
		if st, ok := n.Detail.(*bpmn.StartEvent); ok && st.Trigger == bpmn.TriggerTimer {
			out = append(out, fmt.Sprintf("%s: line %d: startEvent %s: a timer does not start a process: timers are for intermediateCatchEvent and boundaryEvent; let a scheduler start it by a call, a message or a signal", file, n.Line, n.ID))
		}
	}
	return out
}

// version makes the definition of a process.
func (s *step) version(d *store.Deployment, f deployable) (store.Definition, error) {
	version := 1
	last, err := s.tx.Latest(s.ctx, f.process.ID, d.Tenant)
	if err == nil {
		version = last.Version + 1
	} else if !errors.Is(err, store.ErrNotFound) {
		return store.Definition{}, err
	}
	def := store.Definition{
		ID: fmt.Sprintf("%s:%d:%s", f.process.ID, version, newID()), Key: f.process.ID, Version: version, Name: f.process.Name,
		Description: f.process.Documentation, Category: f.process.Category, Tenant: d.Tenant, Deployment: d.ID, Resource: f.file,
		Graphical: f.process.Graphical,
	}
	for _, n := range f.process.Nodes {
		st, ok := n.Detail.(*bpmn.StartEvent)
		if !ok {
			continue
		}
		def.StartForm = def.StartForm || st.FormKey != ""
		switch st.Trigger {
		case bpmn.TriggerSignal:
			def.Signals = append(def.Signals, st.Signal.Name)
		case bpmn.TriggerMessage:
			def.Messages = append(def.Messages, st.Message.Name)
		}
	}
	return def, nil
}

// DeleteDeployment removes a deployment with its definitions. With cascade
// their instances go too, with their history; without it running instances
// are an engine error, and nothing is removed.
func (r *Runtime) DeleteDeployment(ctx context.Context, id string, cascade bool) error {
	all, _, err := r.store.Deployments(ctx, store.DeploymentFilter{ID: id, Paging: store.Paging{Size: 1}})
	if err != nil {
		return r.explain(err)
	}
	if len(all) == 0 {
		return unknown("deployment", id)
	}
	instances, err := r.instancesOf(ctx, id, cascade)
	if err != nil {
		return err
	}
	slices.SortFunc(instances, func(a, b store.Instance) int { return strings.Compare(a.Root, b.Root) }) // as locks are taken
	return r.step(ctx, func(s *step) error {
		for i := range instances {
			if err := s.erase(instances[i].ID); err != nil {
				return err
			}
		}
		if err := s.retire(id, cascade); err != nil {
			return err
		}
		s.write.DropDeployments = []string{id}
		return nil
	})
}

// retire keeps the definitions of a deployment from being used, and erases the
// instances that were started since they were listed. It comes behind the locks of
// those that were: who holds one of these may be about to call a definition.
func (s *step) retire(deployment string, cascade bool) error {
	ids, err := s.tx.Retire(s.ctx, deployment, !cascade, maxErase+1)
	switch {
	case err != nil:
		return err
	case !cascade && len(ids) > 0:
		return inUse(deployment, len(ids))
	case len(ids) > maxErase:
		return tooMany(deployment, len(ids))
	}
	for _, id := range ids {
		if err := s.erase(id); err != nil {
			return err
		}
	}
	return nil
}

func inUse(deployment string, running int) error {
	return stuck("deployment %s has %d running process instances: end them first, or delete with cascade", deployment, running)
}

func tooMany(deployment string, instances int) error {
	return stuck("deployment %s has %d process instances, at most %d are deleted at once", deployment, instances, maxErase)
}

// instancesOf returns the instances that go with a deployment.
func (r *Runtime) instancesOf(ctx context.Context, deployment string, cascade bool) ([]store.Instance, error) {
	running := false
	f := store.InstanceFilter{Deployment: deployment, Ended: &running, Paging: store.Paging{Size: 1}}
	if cascade {
		f.Ended, f.Size = nil, maxErase+1
	}
	all, total, err := r.store.Instances(ctx, f)
	switch {
	case err != nil:
		return nil, r.explain(err)
	case !cascade && total > 0:
		return nil, inUse(deployment, total)
	case len(all) > maxErase:
		return nil, tooMany(deployment, total)
	default:
		return all, nil
	}
}

// maxErase is how many instances go with a deployment in one step.
const maxErase = 100_000

// erase removes an instance with its history; what runs of it is cancelled.
func (s *step) erase(id string) error {
	if err := s.openAll(id); err != nil {
		return err
	}
	in := s.instances[id]
	if in == nil || in.drop {
		return nil
	}
	if !in.Ended() {
		if err := s.close(in, store.Canceled, "its deployment was deleted"); err != nil {
			return err
		}
	}
	in.drop = true
	return nil
}

// Model returns the parsed model of a definition.
func (r *Runtime) Model(ctx context.Context, definitionID string) (*bpmn.Process, error) {
	if d, ok := r.models.known.Get(definitionID); ok {
		return d.process, nil
	}
	all, _, err := r.store.Definitions(ctx, store.DefinitionFilter{ID: definitionID, Paging: store.Paging{Size: 1}})
	if err != nil {
		return nil, r.explain(err)
	}
	if len(all) == 0 {
		return nil, unknown("process definition", definitionID)
	}
	d, err := r.models.of(ctx, all[0])
	if err != nil {
		return nil, r.explain(err)
	}
	return d.process, nil
}
