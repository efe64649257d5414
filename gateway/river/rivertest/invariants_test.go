package rivertest_test

import (
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/river/bpmn"
	"github.com/riverstones/riverstones/store"
)

// check requires what always holds.
func (d *driver) check() {
	all, _, err := d.st.Instances(d.ctx, store.InstanceFilter{Paging: store.Paging{Size: 10_000}})
	require.NoError(d.t, err)
	var executions, jobs, tasks int
	for i := range all {
		p := d.load(all[i].ID)
		if p.Instance.Ended() {
			d.checkEnded(p)
			continue
		}
		d.checkTree(p)
		d.checkRows(p)
		executions, jobs, tasks = executions+len(p.Executions), jobs+len(p.Jobs), tasks+len(p.UserTasks)
	}
	_, total, err := d.st.Executions(d.ctx, store.ExecutionFilter{})
	require.NoError(d.t, err)
	require.Equal(d.t, executions, total)
	_, total, err = d.st.Jobs(d.ctx, store.JobFilter{})
	require.NoError(d.t, err)
	require.Equal(d.t, jobs, total)
	_, total, err = d.st.UserTasks(d.ctx, store.UserTaskFilter{})
	require.NoError(d.t, err)
	require.Equal(d.t, tasks, total)
}

// checkEnded requires that nothing is left but the root's variables.
func (d *driver) checkEnded(p process) {
	require.Empty(d.t, p.Executions)
	require.Empty(d.t, p.Jobs)
	require.Empty(d.t, p.Subscriptions)
	require.Empty(d.t, p.UserTasks)
	for i := range p.Variables {
		require.Equal(d.t, p.Instance.ID, p.Variables[i].Owner)
		require.NotEqual(d.t, "lost", p.Variables[i].Name)
	}
}

// tree is an instance's executions by id.
type tree struct {
	byID     map[string]*store.Execution
	children map[string][]*store.Execution
}

func treeOf(p process) tree {
	t := tree{map[string]*store.Execution{}, map[string][]*store.Execution{}}
	for i := range p.Executions {
		e := &p.Executions[i]
		t.byID[e.ID] = e
		t.children[e.Parent] = append(t.children[e.Parent], e)
	}
	return t
}

// tokens are the children that are at work.
func (t tree) tokens(id string) []*store.Execution {
	var out []*store.Execution
	for _, c := range t.children[id] {
		if c.Kind != store.BoundaryExecution {
			out = append(out, c)
		}
	}
	return out
}

func (d *driver) checkTree(p process) {
	t := treeOf(p)
	require.Len(d.t, t.children[""], 1)
	require.Equal(d.t, p.Instance.ID, t.children[""][0].ID)
	seen := map[int]bool{}
	for _, e := range t.byID {
		require.False(d.t, seen[e.Seq], "Seq %d is there twice", e.Seq)
		seen[e.Seq] = true
		require.Less(d.t, e.Seq, p.Instance.Seq)
		require.Equal(d.t, p.Instance.ID, e.Instance)
		if e.Kind == store.RootExecution {
			require.NotEmpty(d.t, t.tokens(e.ID), "a root without a token")
			continue
		}
		parent := t.byID[e.Parent]
		require.NotNil(d.t, parent)
		n := p.model.Node(e.Activity)
		require.NotNil(d.t, n, e.Activity)
		d.checkPlace(t, e, parent, n)
	}
}

// checkPlace requires that an execution may be where it is.
func (d *driver) checkPlace(t tree, e, parent *store.Execution, n *bpmn.Node) {
	owner := ""
	if n.Scope.Owner != nil {
		owner = n.Scope.Owner.ID
	}
	switch e.Kind {
	case store.BoundaryExecution:
		b, ok := n.Detail.(*bpmn.BoundaryEvent)
		require.True(d.t, ok)
		require.Equal(d.t, b.AttachedTo.ID, parent.Activity)
		require.True(d.t, e.Active)
		require.Empty(d.t, t.children[e.ID])
	case store.MultiRoot:
		require.False(d.t, e.Active)
		require.NotEmpty(d.t, t.tokens(e.ID), "a loop without a token")
		require.Equal(d.t, owner, parent.Activity)
	case store.ScopeExecution:
		require.NotEmpty(d.t, t.tokens(e.ID), "a scope without a token")
		require.Equal(d.t, bpmn.KindSubProcess, n.Kind())
	default:
		require.Empty(d.t, t.tokens(e.ID), "a token below a token")
		d.checkToken(t, e, n)
	}
	if parent.Kind == store.MultiRoot && e.Kind != store.BoundaryExecution {
		require.Equal(d.t, parent.Activity, e.Activity)
	} else if e.Kind != store.BoundaryExecution {
		require.Equal(d.t, owner, parent.Activity)
		require.Contains(d.t, []store.ExecutionKind{store.RootExecution, store.ScopeExecution}, parent.Kind)
	}
}

// checkToken requires that a token waits for something that can come.
func (d *driver) checkToken(t tree, e *store.Execution, n *bpmn.Node) {
	if e.Active {
		require.Contains(d.t, []bpmn.Kind{bpmn.KindReceiveTask, bpmn.KindUserTask, bpmn.KindCatchEvent, bpmn.KindCallActivity}, n.Kind())
		return
	}
	waiting, coming := 0, false
	for _, c := range t.tokens(e.Parent) {
		if c.Activity == e.Activity && !c.Active {
			waiting++
			continue
		}
		coming = coming || bpmn.Reaches(n.Process().Node(c.Activity), n)
	}
	require.Contains(d.t, []bpmn.Kind{bpmn.KindParallelGateway, bpmn.KindInclusiveGateway}, n.Kind())
	require.Less(d.t, waiting, max(len(n.Incoming), 2), "a join is full and did not go on")
	require.True(d.t, coming, "nobody can come to %s any more", n.ID)
}

// checkRows requires that every row hangs on an execution that stands there.
func (d *driver) checkRows(p process) {
	t := treeOf(p)
	owners, waits := map[string]bool{}, map[string]int{}
	at := func(execution, activity string) {
		e := t.byID[execution]
		require.NotNil(d.t, e, "a row of an execution that is gone")
		require.Equal(d.t, e.Activity, activity)
		waits[execution]++
	}
	for i := range p.UserTasks {
		at(p.UserTasks[i].Execution, p.UserTasks[i].Key)
		owners[p.UserTasks[i].ID] = true
	}
	for i := range p.Subscriptions {
		at(p.Subscriptions[i].Execution, p.Subscriptions[i].Activity)
	}
	for i := range p.Jobs {
		at(p.Jobs[i].Execution, p.Jobs[i].Activity)
	}
	for i := range p.Variables {
		v := &p.Variables[i]
		require.True(d.t, owners[v.Owner] || t.byID[v.Owner] != nil, "variable %s of nobody", v.Name)
		require.NotEqual(d.t, "lost", v.Name)
	}
	for id, e := range t.byID {
		n := p.model.Node(e.Activity)
		if n == nil || e.Kind != store.Token {
			continue
		}
		want := 0
		if n.Kind() == bpmn.KindUserTask || n.Kind() == bpmn.KindCatchEvent {
			want = 1
		}
		require.Equal(d.t, want, waits[id], "rows at %s", n.ID)
	}
}
