package storetest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/store"
)

// fill makes instances that run, with two executions each and some of
// everything, and as many that have ended. One in fifty is of a rare kind.
func fill(b *testing.B, s store.Store) {
	b.Helper()
	for from := 0; from < benchInstances(); from += benchChunk {
		c := &store.RuntimeChanges{Definitions: []store.Definition{definition("order", 1, ""), definition("rare", 2, "")}}
		c.Definitions[0].ID, c.Definitions[1].ID = "order:1:d1", "rare:1:d2"
		for n := range benchChunk {
			benchInstance(c, from+n)
		}
		require.NoError(b, s.Step(b.Context(), func(ctx context.Context, tx store.RuntimeTx) error { return tx.Write(ctx, c) }))
	}
}

func benchInstance(c *store.RuntimeChanges, n int) {
	id, execution, ended := uuid.NewString(), uuid.NewString(), instance(uuid.NewString())
	at := noon.Add(time.Duration(n) * time.Second)
	i, e := instance(id), token(execution, id, "pack", 2)
	job := store.Job{ID: uuid.NewString(), Execution: execution, Instance: id, Root: id, Kind: store.ExternalJob, Definition: i.Definition,
		Activity: "pack", Topic: "packing", Retries: 3, Created: at, Due: at}
	person := store.UserTask{ID: uuid.NewString(), Execution: execution, Instance: id, Root: id, Definition: i.Definition, Key: "pack", Name: "Pack",
		Created: at, Groups: []string{"sales"}, Priority: n % 100}
	wait := store.Subscription{ID: uuid.NewString(), Execution: execution, Instance: id, Root: id, Kind: store.Signal, Name: "go", Created: at}
	i.BusinessKey, i.Name, i.StartUser, i.StartTime = "key "+id, "Order", "kim", at
	ended.BusinessKey, ended.StartTime, ended.EndTime, ended.Status = "key "+ended.ID, at, at.Add(time.Minute), store.Completed
	if n%2 == 0 {
		i.Tenant, person.Tenant, job.Tenant, wait.Tenant = "acme", "acme", "acme", "acme"
		person.Assignee, person.Groups, person.Due = "kim", nil, at
	}
	if n%50 == 0 {
		i.Definition, i.Key, i.Suspended, i.Name, i.StartUser = "rare:1:d2", "rare", true, "Rare", "lee"
		e.Activity, wait.Kind = "rare", store.Message
		job.Definition, job.Activity, job.Topic, job.Retries = i.Definition, "rare", "rare", 0
		person.Definition, person.Key, person.Name, person.Assignee, person.Owner, person.Users = i.Definition, "rare", "Rare", "lee", "lee", []string{"max"}
		ended.Status, ended.Kind, ended.SuperInstance = store.Failed, store.Rollback, id
	}
	if n%50 == 1 {
		job.LockOwner, job.LockUntil = "w", at.Add(time.Hour)
	}
	c.Instances, c.Executions = append(c.Instances, i, ended), append(c.Executions, root(id), e)
	c.Variables = append(c.Variables, text(id, id, "city", fmt.Sprintf("%02x", n%256)), text(execution, id, "street", "same"))
	c.Jobs, c.UserTasks, c.Subscriptions = append(c.Jobs, job), append(c.UserTasks, person), append(c.Subscriptions, wait)
}

// lister asks for one page of a list.
type lister func(ctx context.Context, s store.Store) (total int, err error)

func listed[F, T any](list func(store.Store, context.Context, F) ([]T, int, error), f F) lister {
	return func(ctx context.Context, s store.Store) (int, error) {
		_, total, err := list(s, ctx, f)
		return total, err
	}
}

func executions(f store.ExecutionFilter) lister { return listed(store.Store.Executions, f) }
func instances(f store.InstanceFilter) lister   { return listed(store.Store.Instances, f) }
func userTasks(f store.UserTaskFilter) lister   { return listed(store.Store.UserTasks, f) }
func jobs(f store.JobFilter) lister             { return listed(store.Store.Jobs, f) }

// benchLists measures each list, for which some is an instance that runs.
func benchLists(b *testing.B, s store.Store) {
	b.Helper()
	some, _, err := s.Executions(b.Context(), store.ExecutionFilter{Paging: store.Paging{Size: 1}})
	require.NoError(b, err)
	for kind, all := range map[string]map[string]lister{
		"executions": executionLists(some[0].Instance),
		"instances":  instanceLists(some[0].Instance),
		"tasks":      userTaskLists(some[0].Instance),
		"jobs":       jobLists(some[0].Instance),
	} {
		for _, name := range slices.Sorted(maps.Keys(all)) {
			b.Run(kind+"/"+name, func(b *testing.B) {
				for b.Loop() {
					total, err := all[name](b.Context(), s)
					require.NoError(b, err)
					require.NotZero(b, total)
				}
			})
		}
	}
}

var tenPage = store.Paging{Size: 10}

func sorted(by string) store.Paging { return store.Paging{Size: 10, Sort: by, Descending: true} }

// city is a condition on a variable of each root; one in 256 is equal.
func city(o store.Operation) []store.Condition {
	return []store.Condition{{Name: "city", Operation: o, Type: "string", Kind: "text", Key: "a0", Fold: "a0"}}
}

func executionLists(some string) map[string]lister {
	acme := "acme"
	all := map[string]store.ExecutionFilter{
		"all":                 {},
		"deep":                {Paging: store.Paging{Start: 99_000, Size: 10}},
		"definition":          {Definition: "order:1:d1"},
		"definition rare":     {Definition: "rare:1:d2"},
		"key":                 {Key: "order"},
		"key rare":            {Key: "rare"},
		"activity":            {Activity: "pack"},
		"activity rare":       {Activity: "rare"},
		"activity and key":    {Activity: "pack", Key: "order"},
		"activity by key":     {Activity: "pack", Paging: sorted("key")},
		"instance":            {Instance: some},
		"instances":           {Instances: []string{some}},
		"parent":              {Parent: some},
		"business":            {BusinessKey: "key " + some},
		"signal":              {Signal: "go"},
		"message rare":        {Message: "go"},
		"tenant":              {TenantFilter: store.TenantFilter{Tenant: &acme}},
		"tenant like":         {TenantFilter: store.TenantFilter{Like: "ac%"}},
		"without tenant":      {TenantFilter: store.TenantFilter{Without: true}},
		"variable":            {Variables: city(store.Equals)},
		"variable of all":     {Variables: []store.Condition{{Name: "street", Operation: store.Equals, Type: "string", Key: "same"}}},
		"variable of any":     {Variables: []store.Condition{{Operation: store.Equals, Type: "string", Key: "a0"}}},
		"variable fold":       {Variables: city(store.EqualsFold)},
		"variable not":        {Variables: city(store.NotEquals)},
		"variable not fold":   {Variables: city(store.NotEqualsFold)},
		"root":                {RootVars: city(store.Equals)},
		"root fold":           {RootVars: city(store.EqualsFold)},
		"root not":            {RootVars: city(store.NotEquals)},
		"root and definition": {RootVars: city(store.Equals), Definition: "order:1:d1"},
	}
	for _, by := range []string{"id", "definition", "key", "tenant"} {
		all["by "+by] = store.ExecutionFilter{Paging: sorted(by)}
	}
	return benched(all, func(f *store.ExecutionFilter) *store.Paging { return &f.Paging }, executions)
}

// instanceLists are those of Flowable's running and historic instances, and those of all processes.
func instanceLists(some string) map[string]lister {
	forward := []store.InstanceKind{store.Forward}
	acme, running := store.TenantFilter{Tenant: new("acme")}, new(bool)
	all := map[string]store.InstanceFilter{
		"running":               {Ended: running, Kinds: forward},
		"running deep":          {Ended: running, Kinds: forward, Paging: store.Paging{Start: 49_000, Size: 10}},
		"running key":           {Ended: running, Kinds: forward, Key: "order"},
		"running definition":    {Ended: running, Kinds: forward, Definition: "order:1:d1"},
		"running rare":          {Ended: running, Kinds: forward, Definition: "rare:1:d2"},
		"running business":      {Ended: running, Kinds: forward, BusinessKey: "key " + some},
		"running name":          {Ended: running, Kinds: forward, Name: "Order"},
		"running name rare":     {Ended: running, Kinds: forward, Name: "Rare"},
		"running started by":    {Ended: running, Kinds: forward, StartedBy: "kim"},
		"running suspended":     {Ended: running, Kinds: forward, Suspended: new(true)},
		"running not suspended": {Ended: running, Kinds: forward, Suspended: new(bool)},
		"running tenant":        {Ended: running, Kinds: forward, TenantFilter: acme},
		"running no tenant":     {Ended: running, Kinds: forward, TenantFilter: store.TenantFilter{Without: true}},
		"running variable":      {Ended: running, Kinds: forward, Variables: city(store.Equals)},
		"running variable not":  {Ended: running, Kinds: forward, Variables: city(store.NotEquals)},
		"running ids":           {Ended: running, Kinds: forward, IDs: []string{some}},
		"historic":              {Kinds: forward},
		"historic finished":     {Kinds: forward, Ended: new(true)},
		"historic started":      {Kinds: forward, StartedAfter: noon},
		"historic started late": {Kinds: forward, StartedAfter: noon.Add(900 * time.Second)},
		"historic ended":        {Kinds: forward, EndedAfter: noon},
		"historic ended early":  {Kinds: forward, EndedBefore: noon.Add(100 * time.Second)},
		"historic by end":       {Kinds: forward, Paging: sorted("end")},
		"historic by duration":  {Kinds: forward, Paging: sorted("duration")},
		"process":               {Paging: sorted("start")},
		"process deep":          {Paging: store.Paging{Sort: "start", Descending: true, Size: 50, Start: 90_000}},
		"process status":        {Paging: sorted("start"), Statuses: []store.InstanceStatus{store.Completed}},
		"process status rare":   {Paging: sorted("start"), Statuses: []store.InstanceStatus{store.Failed}},
		"process statuses":      {Paging: sorted("start"), Statuses: []store.InstanceStatus{store.Failed, store.RollbackFailed}},
		"process type":          {Paging: sorted("start"), Kinds: forward},
		"process type rare":     {Paging: sorted("start"), Kinds: []store.InstanceKind{store.Rollback}},
		"process key":           {Paging: sorted("start"), Key: "order"},
		"process key rare":      {Paging: sorted("start"), Key: "rare"},
		"process name":          {Paging: sorted("start"), Name: "Order"},
		"process tenant":        {Paging: sorted("start"), TenantFilter: acme},
	}
	for name, f := range all {
		if strings.HasPrefix(name, "process") {
			f.CountTo = store.CountLimit + 1
			all[name] = f
		}
	}
	for _, by := range []string{"definition", "key", "start", "tenant", "business"} {
		all["running by "+by] = store.InstanceFilter{Ended: running, Kinds: forward, Paging: sorted(by)}
	}
	return benched(all, func(f *store.InstanceFilter) *store.Paging { return &f.Paging }, instances)
}

func userTaskLists(some string) map[string]lister {
	all := map[string]store.UserTaskFilter{
		"all":             {},
		"name":            {Name: "Pack"},
		"name like":       {NameLike: "R%"},
		"assignee":        {Assignee: "kim"},
		"assignee rare":   {Assignee: "lee"},
		"owner rare":      {Owner: "lee"},
		"unassigned":      {Unassigned: true},
		"user rare":       {CandidateUser: "max"},
		"groups":          {CandidateGroups: []string{"sales", "it"}},
		"instance":        {Instance: some},
		"key":             {Key: "pack"},
		"definition":      {Definition: "order:1:d1"},
		"definition key":  {DefinitionKey: "order"},
		"definition rare": {DefinitionKey: "rare"},
		"business":        {BusinessKey: "key " + some},
		"active":          {Active: new(true)},
		"suspended":       {Active: new(bool)},
		"tenant":          {TenantFilter: store.TenantFilter{Tenant: new("acme")}},
	}
	for _, by := range []string{"name", "priority", "created", "due", "execution", "instance", "assignee", "owner", "tenant"} {
		all["by "+by] = store.UserTaskFilter{Paging: sorted(by)}
	}
	return benched(all, func(f *store.UserTaskFilter) *store.Paging { return &f.Paging }, userTasks)
}

// jobLists are those of external jobs, as Flowable lists them, and what the runtime takes.
func jobLists(some string) map[string]lister {
	external, alive := []store.JobKind{store.ExternalJob}, new(bool)
	all := map[string]store.JobFilter{
		"all":           {Kinds: external, Dead: alive},
		"instance":      {Kinds: external, Instance: some},
		"activity":      {Kinds: external, Dead: alive, Activity: "pack"},
		"activity rare": {Kinds: external, Activity: "rare"},
		"definition":    {Kinds: external, Dead: alive, Definition: "order:1:d1"},
		"locked":        {Kinds: external, Dead: alive, Locked: new(true), Now: noon},
		"unlocked":      {Kinds: external, Dead: alive, Locked: new(bool), Now: noon},
		"tenant":        {Kinds: external, Dead: alive, TenantFilter: store.TenantFilter{Tenant: new("acme")}},
		"owner":         {Kinds: external, Owner: "w", Locked: new(true), Now: noon},
		"acquirable":    {Kinds: external, Topic: "packing", Acquirable: true, Now: later, Paging: store.Paging{Size: 20, Sort: "created", CountTo: 1}},
		"by due":        {Kinds: external, Dead: alive, Paging: sorted("due")},
		"by created":    {Kinds: external, Dead: alive, Paging: sorted("created")},
	}
	return benched(all, func(f *store.JobFilter) *store.Paging { return &f.Paging }, jobs)
}

// benched gives filters without a page one of ten rows.
func benched[F any](all map[string]F, page func(*F) *store.Paging, list func(F) lister) map[string]lister {
	out := map[string]lister{}
	for name, f := range all {
		if p := page(&f); p.Size == 0 {
			p.Size = tenPage.Size
		}
		out[name] = list(f)
	}
	return out
}
