package sqlkit

import (
	"slices"

	"github.com/riverstones/riverstones/store"
)

var deploymentSorts = sorts{{"id", "d.id", false}, {"name", "d.name", false}, {"time", "d.time", false}, {"tenant", "d.tenant", false}}

// Deployments returns the list of deployments.
func (l RuntimeLists) Deployments(f *store.DeploymentFilter) (Listing, error) {
	b := l.from("deployment d")
	b.key("d.id", f.ID)
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
	b.key("d.id", f.ID)
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
	b.key("i.id", f.ID)
	b.few("i.business_key", f.BusinessKey)
	b.few("i.super_instance", f.SuperInstance)
	b.text("i.name", f.Name)
	b.text("i.start_user", f.StartedBy)
	if f.BusinessKey != "" {
		b.Where("i.business_key <> ''") // as the index has it
	}
	if f.SuperInstance != "" {
		b.Where("i.super_instance <> ''")
	}
	b.models(f)
	if f.SubInstance != "" {
		*b.sought = true
		b.Where("i.id in (select super_instance from instance where id = " + b.Var(Text(f.SubInstance)) + ")")
	}
	b.set("i.id", f.IDs)
	numbers(b, "i.kind", f.Kinds)
	if !slices.Contains(f.Kinds, store.Forward) && len(f.Kinds) > 0 {
		b.Where("i.kind <> 1") // as the index has it
	}
	numbers(b, "i.status", f.Statuses)
	if len(f.Statuses) > 0 && !slices.Contains(f.Statuses, store.Running) && !slices.Contains(f.Statuses, store.Completed) {
		b.Where("i.status not in (1, 5)")
	}
	b.flag("i.suspended", f.Suspended)
	b.after("i.start_time", f.StartedAfter)
	b.before("i.start_time", f.StartedBefore)
	b.after("i.end_time", f.EndedAfter)
	b.before("i.end_time", f.EndedBefore)
	b.variables("i.id", f.Variables)
	b.tenant("i.tenant", f.TenantFilter)
	return b.finish(f.Paging, instanceSorts, "instance", "i", Instances.List("i"), "")
}

// models selects instances by what they run, and whether they do. Those that run
// are sought among all of them: the index of a model has its whole history.
func (l listing) models(f *store.InstanceFilter) {
	definition := "i.definition"
	switch {
	case f.Ended == nil:
		l.text("i.key", f.Key)
	case *f.Ended:
		l.Where("i.end_time is not null")
		l.text("i.key", f.Key)
	default:
		l.Where("i.end_time is null")
		if definition += " || ''"; f.Key != "" {
			l.Where(definition + " in (select id from definition where key = " + l.Var(Text(f.Key)) + ")")
		}
	}
	l.text(definition, f.Definition)
	if f.Deployment != "" {
		l.Where(definition + " in (select id from definition where deployment = " + l.Var(Text(f.Deployment)) + ")")
	}
}

var executionSorts = sorts{{"id", "e.id", false}, {"definition", "e.definition", false}, {"key", "e.key", false}, {"tenant", "e.tenant", false}}

// Executions returns the list of executions.
func (l RuntimeLists) Executions(f *store.ExecutionFilter) (Listing, error) {
	if driven, ok := l.driven(f); ok {
		return driven.list(f)
	}
	b := l.from("execution e")
	b.key("e.id", f.ID)
	b.few("e.parent", f.Parent)
	b.few("e.instance", f.Instance)
	if f.Parent != "" {
		b.Where("e.parent <> ''") // as the index has it
	}
	b.set("e.instance", f.Instances)
	if f.BusinessKey != "" { // of the root, whose id is the instance's
		*b.sought = true
		b.Where("e.id in (select id from instance where business_key <> '' and business_key = " + b.Var(Text(f.BusinessKey)) + ")")
	}
	b.subscribed(store.Signal, f.Signal)
	b.subscribed(store.Message, f.Message)
	b.variables("e.id", f.Variables)
	b.variables("e.instance", f.RootVars)
	b.places(f)
	b.tenant("e.tenant", f.TenantFilter)
	return b.executions(f.Paging)
}

// places selects executions by their model and activity, whose indexes a planner
// must not prefer to what finds fewer.
func (l listing) places(f *store.ExecutionFilter) {
	plain := ""
	if *l.sought {
		plain = " || ''"
	}
	l.text("e.key"+plain, f.Key)
	l.text("e.definition"+plain, f.Definition)
	l.text("e.activity"+plain, f.Activity)
	if f.Activity != "" {
		l.Where("e.active")
	}
}

// What a list shows of an execution, and where that is found.
var (
	executionColumns = Executions.List("e") + ", i.super_execution, i.tenant, i.suspended"
	executionJoin    = " join instance i on i.id = e.instance"
)

func (l listing) executions(p store.Paging) (Listing, error) {
	return l.finish(p, executionSorts, "execution", "e", executionColumns, executionJoin)
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
		l.few(alias+".execution", execution)
		l.Where(alias + ".instance in (select instance from execution where id = " + l.Var(Text(execution)) + ")") // which has an index
	}
}

var userTaskSorts = sorts{{"id", "t.id", false}, {"name", "t.name", false}, {"priority", "t.priority", false}, {"created", "t.created", false},
	{"due", "t.due", true}, {"execution", "t.execution", false}, {"instance", "t.instance", false}, {"assignee", "t.assignee", false},
	{"owner", "t.owner", false}, {"tenant", "t.tenant", false}}

// UserTasks returns the list of user tasks.
func (l RuntimeLists) UserTasks(f *store.UserTaskFilter) (Listing, error) {
	b := l.from("user_task t")
	b.key("t.id", f.ID)
	b.few("t.instance", f.Instance)
	for _, e := range []struct{ column, value string }{
		{"t.name", f.Name}, {"t.assignee", f.Assignee}, {"t.owner", f.Owner}, {"t.element", f.Key}, {"t.definition", f.Definition},
	} {
		b.text(e.column, e.value)
	}
	b.like("t.name", f.NameLike)
	b.of("t", f.Execution)
	if f.DefinitionKey != "" {
		b.Where("t.definition in (select id from definition where key = " + b.Var(Text(f.DefinitionKey)) + ")")
	}
	if f.BusinessKey != "" {
		*b.sought = true
		b.Where("t.instance in (select id from instance where business_key <> '' and business_key = " + b.Var(Text(f.BusinessKey)) + ")")
	}
	if f.Active != nil {
		b.suspended("t", !*f.Active)
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
	b.key("j.id", f.ID)
	b.few("j.instance", f.Instance)
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
		b.Where("j.due <= "+now, "j.lock_until <= "+now, "j.retries > 0")
		b.suspended("j", false)
	}
	if f.Lapsed {
		b.Where("j.topic <> ''", "j.lock_owner <> ''", "j.lock_until <= "+b.Var(l.Time(f.Now)))
	}
	b.tenant("j.tenant", f.TenantFilter)
	return b.finish(f.Paging, jobSorts, "job", "j", Jobs.List("j"), "")
}
