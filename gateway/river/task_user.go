package river

import (
	"strconv"
	"strings"
	"time"

	"github.com/riverstones/riverstones/gateway/river/bpmn"
	"github.com/riverstones/riverstones/store"
)

// defaultPriority is Flowable's.
const defaultPriority = 50

// userTask waits for a person, or for its stone.
type userTask struct{}

func (userTask) enter(s *step, e *execution, n *bpmn.Node) error {
	u := as[*bpmn.UserTask](n)
	if u.Stone != nil {
		return s.callStone(e, n, u.Stone)
	}
	t := store.UserTask{
		ID: newID(), Execution: e.ID, Instance: e.in.ID, Root: e.in.Root, Definition: e.in.Definition, Key: n.ID,
		Tenant: e.in.Tenant, Priority: defaultPriority, Created: s.now,
	}
	what := "of userTask " + n.ID
	for _, f := range []struct {
		to   *string
		text string
		name string
	}{
		{&t.Name, n.Name, "name"}, {&t.Description, n.Documentation, "documentation"}, {&t.Assignee, u.Assignee, "assignee"},
		{&t.Owner, u.Owner, "owner"}, {&t.Category, u.Category, "category"}, {&t.FormKey, u.FormKey, "formKey"},
	} {
		text, err := s.evalText(e, f.text, f.name+" "+what)
		if err != nil {
			return err
		}
		*f.to = text
	}
	var err error
	if t.Users, err = s.evalList(e, u.CandidateUsers, "candidateUsers "+what); err != nil {
		return err
	}
	if t.Groups, err = s.evalList(e, u.CandidateGroups, "candidateGroups "+what); err != nil {
		return err
	}
	if err := s.priority(e, &t, u); err != nil {
		return err
	}
	if err := s.dueDate(e, &t, u); err != nil {
		return err
	}
	e.tasks.add(t.ID, t)
	return nil
}

func (s *step) priority(e *execution, t *store.UserTask, u *bpmn.UserTask) error {
	text, err := s.evalText(e, u.Priority, "priority of userTask "+t.Key)
	if err != nil || text == "" {
		return err
	}
	if t.Priority, err = strconv.Atoi(text); err != nil {
		return stuck("priority of userTask %s must be a whole number, it is %.50q", t.Key, text)
	}
	return nil
}

func (s *step) dueDate(e *execution, t *store.UserTask, u *bpmn.UserTask) error {
	text, err := s.evalText(e, u.DueDate, "dueDate of userTask "+t.Key)
	if err != nil || text == "" {
		return err
	}
	kind := bpmn.TimerDate
	if strings.HasPrefix(text, "P") {
		kind = bpmn.TimerDuration
	}
	at, err := kind.Schedule(text, "", s.now)
	if err != nil {
		return stuck("dueDate of userTask %s: %v", t.Key, err)
	}
	t.Due = at.At.UTC().Truncate(time.Microsecond)
	return nil
}

// evalList works out texts each of which may hold several names with commas.
func (s *step) evalList(e *execution, texts []string, what string) ([]string, error) {
	var out []string
	for _, text := range texts {
		got, err := s.evalText(e, text, what)
		if err != nil {
			return nil, err
		}
		for name := range strings.SplitSeq(got, ",") {
			if name = strings.TrimSpace(name); name != "" {
				out = append(out, name)
			}
		}
	}
	return out, nil
}
