package sqlkit

import (
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/riverstones/riverstones/store"
)

// Candidate is a row of [Candidates].
type Candidate struct {
	Task string
	Kind int
	Name string
}

// CandidatesOf returns the candidates of user tasks.
func CandidatesOf(all []store.UserTask) []Candidate {
	var out []Candidate
	for i := range all {
		for _, name := range all[i].Users {
			out = append(out, Candidate{all[i].ID, CandidateUser, name})
		}
		for _, name := range all[i].Groups {
			out = append(out, Candidate{all[i].ID, CandidateGroup, name})
		}
	}
	return out
}

// Start is a row of [Starts].
type Start struct {
	Definition string
	Kind       store.SubscriptionKind
	Name       string
}

// StartsOf returns the events that start instances of definitions.
func StartsOf(all []store.Definition) []Start {
	var out []Start
	for i := range all {
		for _, name := range all[i].Signals {
			out = append(out, Start{all[i].ID, store.Signal, name})
		}
		for _, name := range all[i].Messages {
			out = append(out, Start{all[i].ID, store.Message, name})
		}
	}
	return out
}

// DefinitionIDs returns the ids of definitions.
func DefinitionIDs(all []store.Definition) []string {
	ids := make([]string, len(all))
	for i := range all {
		ids[i] = all[i].ID
	}
	return ids
}

// UserTaskIDs returns the ids of user tasks.
func UserTaskIDs(all []store.UserTask) []string {
	ids := make([]string, len(all))
	for i := range all {
		ids[i] = all[i].ID
	}
	return ids
}

// ToRuntime returns the callbacks by which the runtime is told of the ends of tasks.
func ToRuntime(tasks []store.State) []store.Callback {
	out := make([]store.Callback, len(tasks))
	for i := range tasks {
		out[i] = store.Callback{ID: tasks[i].ID, ProcessInstanceID: tasks[i].ProcessInstanceID, Kind: store.ToRuntime}
	}
	return out
}

// PutKey writes one text.
func PutKey(w Writer, key *string) error {
	w.Text(Text(*key))
	return nil
}

// PutVariableKey writes owner and name.
func PutVariableKey(w Writer, k *store.VariableKey) error {
	texts(w, k.Owner, k.Name)
	return nil
}

// PutDeployment writes the columns of [Deployments].
func PutDeployment(w Writer, d *store.Deployment) error {
	texts(w, d.ID, d.Name, d.Key, d.Category, d.Tenant, d.Parent)
	w.Time(d.Time)
	return nil
}

// PutResource writes the columns of [Resources].
func PutResource(w Writer, r *store.Resource) error {
	texts(w, r.Deployment, r.Name)
	w.Raw(r.Bytes)
	return nil
}

// PutDefinition writes the columns of [Definitions].
func PutDefinition(w Writer, d *store.Definition) error {
	texts(w, d.ID, d.Key)
	if err := int32s(w, d.ID, d.Version); err != nil {
		return err
	}
	texts(w, d.Name, d.Description, d.Category, d.Tenant, d.Deployment, d.Resource)
	bools(w, d.Graphical, d.StartForm, d.Suspended)
	return namesOrNull(w, d.Signals, d.Messages)
}

// PutInstance writes the columns of [Instances].
func PutInstance(w Writer, i *store.Instance) error {
	texts(w, i.ID, i.Root, i.SuperExecution, i.SuperInstance, i.Definition, i.Key)
	w.Int(int64(i.Kind))
	w.Int(int64(i.Status))
	texts(w, i.BusinessKey, i.Name, i.Tenant)
	bools(w, i.Suspended, i.Debug, i.Mock)
	texts(w, i.StartUser, i.StartActivity)
	w.Time(i.StartTime)
	timeOrNull(w, i.EndTime)
	texts(w, i.EndActivity, i.DeleteReason, i.Reason, i.Of, i.Rollback, i.Cancel, i.Delete)
	rawOrNull(w, i.Content, i.Outputs, i.State)
	return int32s(w, i.ID, i.Seq)
}

// PutExecution writes the columns of [Executions].
func PutExecution(w Writer, e *store.Execution) error {
	texts(w, e.ID, e.Instance, e.Root, e.Parent, e.Activity)
	w.Int(int64(e.Kind))
	bools(w, e.Active, e.Scope)
	if err := int32s(w, e.ID, e.Seq); err != nil {
		return err
	}
	timeOrNull(w, e.Entered)
	rawOrNull(w, e.State)
	return nil
}

// PutVariable writes the columns of [Variables]. A variable that was loaded
// without its data is refused: the data would be lost.
func PutVariable(w Writer, v *store.Variable) error {
	if len(v.Data) != v.Size {
		return fmt.Errorf("%w: variable %s of %s: %d bytes of data, and a size of %d", store.ErrRejected, v.Name, v.Owner, len(v.Data), v.Size)
	}
	texts(w, v.Owner, v.Name, v.Instance, v.Type, v.Kind, v.Key, v.Fold)
	w.Int(int64(v.Size))
	w.Time(v.Created)
	w.Time(v.Update)
	rawOrNull(w, v.Data)
	return nil
}

// PutSubscription writes the columns of [Subscriptions].
func PutSubscription(w Writer, s *store.Subscription) error {
	texts(w, s.ID, s.Execution, s.Instance, s.Root)
	w.Int(int64(s.Kind))
	texts(w, s.Name, s.Activity, s.Tenant)
	w.Bool(s.Inner)
	w.Time(s.Created)
	return nil
}

// PutJob writes the columns of [Jobs].
func PutJob(w Writer, j *store.Job) error {
	texts(w, j.ID, j.Execution, j.Instance, j.Root)
	w.Int(int64(j.Kind))
	texts(w, j.Definition, j.Activity, j.Name, j.Tenant, j.Topic, j.Correlation)
	w.Bool(j.Exclusive)
	timeOrFirst(w, j.Due)
	texts(w, j.Repeat)
	if err := int32s(w, j.ID, j.Retries); err != nil {
		return err
	}
	texts(w, j.LockOwner)
	timeOrFirst(w, j.LockUntil)
	texts(w, j.Problem, j.Details)
	w.Time(j.Created)
	rawOrNull(w, j.State)
	return nil
}

// PutUserTask writes the columns of [UserTasks].
func PutUserTask(w Writer, t *store.UserTask) error {
	texts(w, t.ID, t.Execution, t.Instance, t.Root, t.Definition, t.Key, t.Name, t.Description, t.Assignee, t.Owner, t.Delegation)
	if err := int32s(w, t.ID, t.Priority); err != nil {
		return err
	}
	texts(w, t.Category, t.FormKey, t.Tenant)
	timeOrNull(w, t.Due)
	w.Time(t.Created)
	return namesOrNull(w, t.Users, t.Groups)
}

// PutActivity writes the columns of [Activities].
func PutActivity(w Writer, a *store.Activity) error {
	texts(w, a.Instance, a.Execution, a.Activity, a.Type, a.Name, a.Task, a.Called, a.Assignee)
	w.Time(a.Start)
	w.Time(a.End)
	texts(w, a.Reason)
	return nil
}

// PutCandidate writes the columns of [Candidates].
func PutCandidate(w Writer, c *Candidate) error {
	texts(w, c.Task)
	w.Int(int64(c.Kind))
	texts(w, c.Name)
	return nil
}

// PutStart writes the columns of [Starts].
func PutStart(w Writer, s *Start) error {
	texts(w, s.Definition)
	w.Int(int64(s.Kind))
	texts(w, s.Name)
	return nil
}

func texts(w Writer, all ...string) {
	for _, s := range all {
		w.Text(Text(s))
	}
}

func bools(w Writer, all ...bool) {
	for _, b := range all {
		w.Bool(b)
	}
}

func int32s(w Writer, id string, all ...int) error {
	for _, n := range all {
		if n < math.MinInt32 || n > math.MaxInt32 {
			return fmt.Errorf("%w: %s: number %d is out of range", store.ErrRejected, id, n)
		}
		w.Int(int64(n))
	}
	return nil
}

func rawOrNull[B ~[]byte](w Writer, all ...B) {
	for _, b := range all {
		if b == nil {
			w.Null()
		} else {
			w.Raw(b)
		}
	}
}

// timeOrFirst writes a time that is compared; none stands before all others.
func timeOrFirst(w Writer, t time.Time) {
	if t.IsZero() {
		t = AtOnce()
	}
	w.Time(t)
}

func namesOrNull(w Writer, all ...[]string) error {
	for _, names := range all {
		if len(names) == 0 {
			w.Null()
			continue
		}
		b, err := json.Marshal(names)
		if err != nil {
			return fmt.Errorf("%w: %w", store.ErrRejected, err)
		}
		w.Raw(b)
	}
	return nil
}
