package sqlkit

import "github.com/riverstones/riverstones/store"

// Loading puts rows of several instances together.
type Loading struct {
	all  []*store.Process
	byID map[string]*store.Process
}

// Instance reads an instance. Rows of others are passed over, so instances
// come first.
func (l *Loading) Instance(r Row) {
	p := &store.Process{Instance: Instance(r)}
	if l.byID == nil {
		l.byID = map[string]*store.Process{}
	}
	l.all, l.byID[p.Instance.ID] = append(l.all, p), p
}

// Execution reads a row.
func (l *Loading) Execution(r Row) {
	if e := Execution(r); l.byID[e.Instance] != nil {
		p := l.byID[e.Instance]
		p.Executions = append(p.Executions, e)
	}
}

// Variable reads a row.
func (l *Loading) Variable(r Row) {
	if v := Variable(r); l.byID[v.Instance] != nil {
		p := l.byID[v.Instance]
		p.Variables = append(p.Variables, v)
	}
}

// Subscription reads a row.
func (l *Loading) Subscription(r Row) {
	if s := Subscription(r); l.byID[s.Instance] != nil {
		p := l.byID[s.Instance]
		p.Subscriptions = append(p.Subscriptions, s)
	}
}

// Job reads a row.
func (l *Loading) Job(r Row) {
	if j := Job(r); l.byID[j.Instance] != nil {
		p := l.byID[j.Instance]
		p.Jobs = append(p.Jobs, j)
	}
}

// UserTask reads a row.
func (l *Loading) UserTask(r Row) {
	if t := UserTask(r); l.byID[t.Instance] != nil {
		p := l.byID[t.Instance]
		p.UserTasks = append(p.UserTasks, t)
	}
}

// Processes returns what was read.
func (l *Loading) Processes() []*store.Process { return l.all }

// Standing reads the columns of [State], and the debug mode of its process.
func Standing(r Row) store.Standing {
	st := store.Standing{State: State(r)}
	st.Debug = r.Bool()
	return st
}
