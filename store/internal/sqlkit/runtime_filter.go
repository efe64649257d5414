package sqlkit

import "github.com/riverstones/riverstones/store"

var deploymentSorts = sorts{{"id", "d.id", false}, {"name", "d.name", false}, {"time", "d.time", false}, {"tenant", "d.tenant", false}}

// Deployments returns the list of deployments.
func (l RuntimeLists) Deployments(f *store.DeploymentFilter) (Listing, error) {
	b := l.from("deployment d")
	b.text("d.id", f.ID)
	b.text("d.name", f.Name)
	b.like("d.name", f.NameLike)
	b.text("d.key", f.Key)
	b.tenant("d.tenant", f.TenantFilter)
	return b.finish(f.Paging, deploymentSorts, "deployment", "d", Deployments.List("d"), "")
}

var definitionSorts = sorts{{"name", "d.name", false}, {"id", "d.id", false}, {"key", "d.key", false}, {"category", "d.category", false},
	{"version", "d.version", false}, {"deployment", "d.deployment", false}, {"tenant", "d.tenant", false}}

// Definitions returns the list of definitions.
func (l RuntimeLists) Definitions(f *store.DefinitionFilter) (Listing, error) {
	b := l.from("definition d")
	b.text("d.id", f.ID)
	b.text("d.key", f.Key)
	b.like("d.key", f.KeyLike)
	b.text("d.name", f.Name)
	b.like("d.name", f.NameLike)
	b.text("d.category", f.Category)
	b.text("d.deployment", f.Deployment)
	b.text("d.resource", f.Resource)
	if f.Version != 0 {
		b.Where(b.EQ("d.version", f.Version))
	}
	if f.Latest {
		b.Where(IsLatest)
	}
	b.flag("d.suspended", f.Suspended)
	b.tenant("d.tenant", f.TenantFilter)
	return b.finish(f.Paging, definitionSorts, "definition", "d", Definitions.List("d"), "")
}

var instanceSorts = sorts{{"id", "i.id", false}, {"definition", "i.definition", false}, {"key", "i.key", false}, {"start", "i.start_time", false},
	{"end", "i.end_time", true}, {"duration", "i.end_time - i.start_time", true}, {"business", "i.business_key", false}, {"tenant", "i.tenant", false}}

// Instances returns the list of instances.
func (l RuntimeLists) Instances(f *store.InstanceFilter) (Listing, error) {
	b := l.from("instance i")
	for _, e := range []struct{ column, value string }{
		{"i.id", f.ID}, {"i.key", f.Key}, {"i.definition", f.Definition}, {"i.business_key", f.BusinessKey},
		{"i.super_instance", f.SuperInstance}, {"i.name", f.Name}, {"i.start_user", f.StartedBy},
	} {
		b.text(e.column, e.value)
	}
	if f.BusinessKey != "" {
		b.Where("i.business_key <> ''") // as the index has it
	}
	if f.SuperInstance != "" {
		b.Where("i.super_instance <> ''")
	}
	if f.SubInstance != "" {
		b.Where("i.id in (select super_instance from instance where id = " + b.Var(Text(f.SubInstance)) + ")")
	}
	if f.Deployment != "" {
		b.Where("i.definition in (select id from definition where deployment = " + b.Var(Text(f.Deployment)) + ")")
	}
	b.set("i.id", f.IDs)
	numbers(b, "i.kind", f.Kinds)
	numbers(b, "i.status", f.Statuses)
	b.flag("i.suspended", f.Suspended)
	b.flag("i.end_time is not null", f.Ended)
	b.after("i.start_time", f.StartedAfter)
	b.before("i.start_time", f.StartedBefore)
	b.after("i.end_time", f.EndedAfter)
	b.before("i.end_time", f.EndedBefore)
	b.variables("i.id", f.Variables)
	b.tenant("i.tenant", f.TenantFilter)
	return b.finish(f.Paging, instanceSorts, "instance", "i", Instances.List("i"), "")
}

var executionSorts = sorts{{"id", "e.id", false}, {"definition", "e.definition", false}, {"key", "e.key", false}, {"tenant", "e.tenant", false}}

// Executions returns the list of executions.
func (l RuntimeLists) Executions(f *store.ExecutionFilter) (Listing, error) {
	b := l.from("execution e")
	for _, e := range []struct{ column, value string }{
		{"e.id", f.ID}, {"e.parent", f.Parent}, {"e.instance", f.Instance}, {"e.key", f.Key}, {"e.definition", f.Definition},
		{"e.activity", f.Activity},
	} {
		b.text(e.column, e.value)
	}
	if f.Parent != "" {
		b.Where("e.parent <> ''") // as the index has it
	}
	if f.Activity != "" {
		b.Where("e.active")
	}
	b.set("e.instance", f.Instances)
	if f.BusinessKey != "" { // of the root, whose id is the instance's
		b.Where("e.id in (select id from instance where business_key <> '' and business_key = " + b.Var(Text(f.BusinessKey)) + ")")
	}
	b.subscribed(store.Signal, f.Signal)
	b.subscribed(store.Message, f.Message)
	b.variables("e.id", f.Variables)
	b.variables("e.instance", f.RootVars)
	b.tenant("e.tenant", f.TenantFilter)
	return b.finish(f.Paging, executionSorts, "execution", "e",
		Executions.List("e")+", i.super_execution, i.tenant, i.suspended", " join instance i on i.id = e.instance")
}

func (l listing) subscribed(kind store.SubscriptionKind, name string) {
	if name != "" {
		*l.sought = true
		l.Where("e.id in (select execution from subscription where kind = " + l.Var(int(kind)) + " and name = " + l.Var(Text(name)) + ")")
	}
}

// of selects what belongs to an execution.
func (l listing) of(alias, execution string) {
	if execution != "" {
		l.text(alias+".execution", execution)
		l.Where(alias + ".instance in (select instance from execution where id = " + l.Var(Text(execution)) + ")") // which has an index
	}
}

var userTaskSorts = sorts{{"id", "t.id", false}, {"name", "t.name", false}, {"priority", "t.priority", false}, {"created", "t.created", false},
	{"due", "t.due", true}, {"execution", "t.execution", false}, {"instance", "t.instance", false}, {"assignee", "t.assignee", false},
	{"owner", "t.owner", false}, {"tenant", "t.tenant", false}}

// UserTasks returns the list of user tasks.
func (l RuntimeLists) UserTasks(f *store.UserTaskFilter) (Listing, error) {
	b := l.from("user_task t")
	for _, e := range []struct{ column, value string }{
		{"t.id", f.ID}, {"t.name", f.Name}, {"t.assignee", f.Assignee}, {"t.owner", f.Owner}, {"t.instance", f.Instance},
		{"t.element", f.Key}, {"t.definition", f.Definition},
	} {
		b.text(e.column, e.value)
	}
	b.like("t.name", f.NameLike)
	b.of("t", f.Execution)
	if f.DefinitionKey != "" || f.BusinessKey != "" || f.Active != nil {
		b.instance("t")
		b.text("i.key", f.DefinitionKey)
		b.text("i.business_key", f.BusinessKey)
		b.flag("not i.suspended", f.Active)
	}
	const candidate = "t.id in (select task from user_task_candidate where kind = "
	if f.CandidateUser != "" {
		b.Where(candidate + b.Var(CandidateUser) + " and name = " + b.Var(Text(f.CandidateUser)) + ")")
	}
	if f.CandidateGroups != nil {
		b.Where(candidate + b.Var(CandidateGroup) + " and name " + b.in(f.CandidateGroups) + ")")
	}
	if f.Unassigned {
		b.Where("t.assignee = ''")
	}
	b.tenant("t.tenant", f.TenantFilter)
	return b.finish(f.Paging, userTaskSorts, "user_task", "t", UserTasks.List("t")+", i.suspended", " join instance i on i.id = t.instance")
}

var jobSorts = sorts{{"id", "j.id", false}, {"due", "j.due", false}, {"created", "j.created", false}}

// Jobs returns the list of jobs.
func (l RuntimeLists) Jobs(f *store.JobFilter) (Listing, error) {
	b := l.from("job j")
	b.text("j.id", f.ID)
	b.text("j.instance", f.Instance)
	b.of("j", f.Execution)
	b.text("j.definition", f.Definition)
	b.text("j.activity", f.Activity)
	b.text("j.lock_owner", f.Owner)
	b.text("j.topic", f.Topic)
	if f.Topic != "" {
		b.Where("j.topic <> ''") // as the index has it
	}
	numbers(b, "j.kind", f.Kinds)
	if f.Locked != nil {
		b.flag("j.lock_until > "+b.Var(l.Time(f.Now)), f.Locked)
	}
	b.flag("j.retries <= 0", f.Dead)
	if f.Acquirable {
		now := b.Var(l.Time(f.Now))
		b.instance("j")
		b.Where("j.due <= "+now, "j.lock_until <= "+now, "j.retries > 0", "not i.suspended")
	}
	if f.Lapsed {
		b.Where("j.topic <> ''", "j.lock_owner <> ''", "j.lock_until <= "+b.Var(l.Time(f.Now)))
	}
	b.tenant("j.tenant", f.TenantFilter)
	return b.finish(f.Paging, jobSorts, "job", "j", Jobs.List("j"), "")
}
