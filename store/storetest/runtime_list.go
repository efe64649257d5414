package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/store"
)

// The lists of the runtime.
var runtimeListTests = map[string]func(*testing.T, store.Store){
	"Runtime/list executions":  testListExecutions,
	"Runtime/list instances":   testListInstances,
	"Runtime/list user tasks":  testListUserTasks,
	"Runtime/list jobs":        testListJobs,
	"Runtime/list models":      testListModels,
	"Runtime/list pages":       testListPages,
	"Runtime/list of suspends": testListView,
}

var (
	yes, no  = true, false
	everyone = store.Paging{Size: 100}
)

// zoo are two processes and a called one, with some of everything.
func zoo() *store.RuntimeChanges {
	one, two, called, done := instance("i1"), instance("i2"), instance("i3"), instance("i4")
	one.BusinessKey, one.Tenant, one.Name, one.StartUser = "bk", "acme", "first", "kim"
	two.Definition, two.Key, two.Suspended, two.Kind, two.StartTime = "pay:1:d2", "pay", true, store.Rollback, noon.Add(time.Second)
	called.Root, called.SuperExecution, called.SuperInstance, called.Tenant, called.StartTime = "i1", "e1", "i1", "acne", noon.Add(2*time.Second)
	done.Status, done.EndTime, done.BusinessKey, done.StartTime = store.Completed, later, "BK", noon.Add(3*time.Second)
	waiting := token("e3", "i1", "pack", 3)
	waiting.Active = false
	c := &store.RuntimeChanges{
		Instances: []store.Instance{one, two, called, done},
		Executions: []store.Execution{root("i1"), root("i2"), root("i3"), token("e1", "i1", "pack", 2), waiting, token("e2", "i2", "pack", 2),
			token("e4", "i3", "ship", 2)},
		Variables: []store.Variable{text("i1", "i1", "city", "Bern"), text("e1", "i1", "city", "bern"), text("i2", "i2", "city", "Rome"),
			text("i2", "i2", "other", "Bern"), text("i4", "i4", "city", "Bern"), text("e2", "i2", "empty", "")},
		Subscriptions: []store.Subscription{
			{ID: "s1", Execution: "e1", Instance: "i1", Root: "i1", Kind: store.Signal, Name: "go", Created: noon},
			{ID: "s2", Execution: "e2", Instance: "i2", Root: "i2", Kind: store.Message, Name: "go", Created: noon}},
		Definitions: []store.Definition{definition("order", 1, ""), definition("order", 2, "")},
	}
	c.Definitions[0].ID, c.Definitions[0].Deployment = "order:1:d1", "dep"
	number := text("e4", "i3", "city", "7")
	number.Type, number.Kind, number.Fold = "integer", "number", ""
	c.Variables = append(c.Variables, number)
	return c
}

func testListExecutions(t *testing.T, s store.Store) {
	write(t, s, zoo())
	acme, none := "acme", ""
	equal := func(name, value string) store.Condition {
		return store.Condition{Name: name, Operation: store.Equals, Type: "string", Kind: "text", Key: value, Fold: value}
	}
	as := func(o store.Operation, c store.Condition) []store.Condition {
		c.Operation = o
		return []store.Condition{c}
	}
	for name, c := range map[string]struct {
		f    store.ExecutionFilter
		want []string
	}{
		"all":               {store.ExecutionFilter{}, []string{"e1", "e2", "e3", "e4", "i1", "i2", "i3"}},
		"id":                {store.ExecutionFilter{ID: "e3"}, []string{"e3"}},
		"parent":            {store.ExecutionFilter{Parent: "i1"}, []string{"e1", "e3"}},
		"instance":          {store.ExecutionFilter{Instance: "i1"}, []string{"e1", "e3", "i1"}},
		"instances":         {store.ExecutionFilter{Instances: []string{"i2", "i3", "x"}}, []string{"e2", "e4", "i2", "i3"}},
		"no instances":      {store.ExecutionFilter{Instances: []string{}}, nil},
		"key":               {store.ExecutionFilter{Key: "pay"}, []string{"e2", "i2"}},
		"definition":        {store.ExecutionFilter{Definition: "order:1:d1"}, []string{"e1", "e3", "e4", "i1", "i3"}},
		"activity":          {store.ExecutionFilter{Activity: "pack"}, []string{"e1", "e2"}},
		"business key":      {store.ExecutionFilter{BusinessKey: "bk"}, []string{"i1"}},
		"signal":            {store.ExecutionFilter{Signal: "go"}, []string{"e1"}},
		"message":           {store.ExecutionFilter{Message: "go"}, []string{"e2"}},
		"tenant":            {store.ExecutionFilter{TenantFilter: store.TenantFilter{Tenant: &acme}}, []string{"e1", "e3", "i1"}},
		"empty tenant":      {store.ExecutionFilter{TenantFilter: store.TenantFilter{Tenant: &none}}, []string{"e2", "i2"}},
		"without":           {store.ExecutionFilter{TenantFilter: store.TenantFilter{Without: true}}, []string{"e2", "i2"}},
		"like":              {store.ExecutionFilter{TenantFilter: store.TenantFilter{Like: "ac_e"}}, []string{"e1", "e3", "e4", "i1", "i3"}},
		"like case":         {store.ExecutionFilter{TenantFilter: store.TenantFilter{Like: "A%"}}, nil},
		"like of others":    {store.ExecutionFilter{TenantFilter: store.TenantFilter{Like: "ac*"}}, nil},
		"variable":          {store.ExecutionFilter{Variables: []store.Condition{equal("city", "bern")}}, []string{"e1"}},
		"any name":          {store.ExecutionFilter{Variables: []store.Condition{equal("", "Bern")}}, []string{"i1", "i2"}},
		"other type":        {store.ExecutionFilter{Variables: []store.Condition{{Name: "city", Operation: store.Equals, Type: "long", Key: "7"}}}, nil},
		"fold":              {store.ExecutionFilter{Variables: as(store.EqualsFold, equal("city", "bern"))}, []string{"e1", "i1"}},
		"fold of empty":     {store.ExecutionFilter{Variables: as(store.EqualsFold, equal("empty", ""))}, []string{"e2"}},
		"not":               {store.ExecutionFilter{Variables: as(store.NotEquals, equal("city", "bern"))}, []string{"e4", "i1", "i2"}},
		"not of other kind": {store.ExecutionFilter{Variables: as(store.NotEquals, equal("city", "7"))}, []string{"e1", "e4", "i1", "i2"}},
		"not fold":          {store.ExecutionFilter{Variables: as(store.NotEqualsFold, equal("city", "bern"))}, []string{"e4", "i2"}},
		"of the root":       {store.ExecutionFilter{RootVars: []store.Condition{equal("city", "Bern")}}, []string{"e1", "e3", "i1"}},
		"two conditions":    {store.ExecutionFilter{Variables: []store.Condition{equal("city", "Rome"), equal("other", "Bern")}}, []string{"i2"}},
		"all together": {store.ExecutionFilter{Instance: "i1", Key: "order", Activity: "pack", Signal: "go",
			RootVars: []store.Condition{equal("city", "Bern")}}, []string{"e1"}},
		"odd": {store.ExecutionFilter{ID: "' or 1=1 --", Activity: "$1", Signal: "?1"}, nil},
	} {
		c.f.Paging = everyone
		rows, total, err := s.Executions(t.Context(), c.f)
		require.NoError(t, err, name)
		requireListed(t, name, c.want, ids(rows, func(v store.ExecutionView) string { return v.ID }), total)
		c.f.Paging = store.Paging{}
		rows, total, err = s.Executions(t.Context(), c.f)
		require.NoError(t, err, name)
		require.Empty(t, rows, name)
		require.Equal(t, len(c.want), total, name)
	}
}

func testListInstances(t *testing.T, s store.Store) {
	write(t, s, zoo())
	at := func(n int) time.Time { return noon.Add(time.Duration(n) * time.Second) }
	for name, c := range map[string]struct {
		f    store.InstanceFilter
		want []string
	}{
		"all":             {store.InstanceFilter{}, []string{"i1", "i2", "i3", "i4"}},
		"id":              {store.InstanceFilter{ID: "i2"}, []string{"i2"}},
		"ids":             {store.InstanceFilter{IDs: []string{"i4", "i2"}}, []string{"i2", "i4"}},
		"key":             {store.InstanceFilter{Key: "pay"}, []string{"i2"}},
		"definition":      {store.InstanceFilter{Definition: "pay:1:d2"}, []string{"i2"}},
		"deployment":      {store.InstanceFilter{Deployment: "dep"}, []string{"i1", "i3", "i4"}},
		"business key":    {store.InstanceFilter{BusinessKey: "bk"}, []string{"i1"}},
		"super":           {store.InstanceFilter{SuperInstance: "i1"}, []string{"i3"}},
		"sub":             {store.InstanceFilter{SubInstance: "i3"}, []string{"i1"}},
		"sub of none":     {store.InstanceFilter{SubInstance: "i1"}, nil},
		"name":            {store.InstanceFilter{Name: "first"}, []string{"i1"}},
		"started by":      {store.InstanceFilter{StartedBy: "kim"}, []string{"i1"}},
		"kinds":           {store.InstanceFilter{Kinds: []store.InstanceKind{store.Rollback, store.Deleting}}, []string{"i2"}},
		"statuses":        {store.InstanceFilter{Statuses: []store.InstanceStatus{store.Completed}}, []string{"i4"}},
		"suspended":       {store.InstanceFilter{Suspended: &yes}, []string{"i2"}},
		"not suspended":   {store.InstanceFilter{Suspended: &no}, []string{"i1", "i3", "i4"}},
		"ended":           {store.InstanceFilter{Ended: &yes}, []string{"i4"}},
		"running":         {store.InstanceFilter{Ended: &no}, []string{"i1", "i2", "i3"}},
		"started after":   {store.InstanceFilter{StartedAfter: at(1)}, []string{"i3", "i4"}},
		"started before":  {store.InstanceFilter{StartedBefore: at(1)}, []string{"i1"}},
		"ended after":     {store.InstanceFilter{EndedAfter: later.Add(-time.Second)}, []string{"i4"}},
		"ended then":      {store.InstanceFilter{EndedAfter: later}, nil},
		"ended before":    {store.InstanceFilter{EndedBefore: later.Add(time.Second)}, []string{"i4"}},
		"variables":       {store.InstanceFilter{Variables: []store.Condition{{Name: "city", Operation: store.Equals, Type: "string", Key: "Bern"}}}, []string{"i1", "i4"}},
		"by start":        {store.InstanceFilter{Paging: store.Paging{Size: 9, Sort: "start", Descending: true}}, []string{"i4", "i3", "i2", "i1"}},
		"by end":          {store.InstanceFilter{Paging: store.Paging{Size: 9, Sort: "end"}}, []string{"i1", "i2", "i3", "i4"}},
		"by end back":     {store.InstanceFilter{Paging: store.Paging{Size: 9, Sort: "end", Descending: true}}, []string{"i4", "i3", "i2", "i1"}},
		"by duration":     {store.InstanceFilter{Paging: store.Paging{Size: 9, Sort: "duration"}}, []string{"i1", "i2", "i3", "i4"}},
		"by business key": {store.InstanceFilter{Paging: store.Paging{Size: 9, Sort: "business"}}, []string{"i2", "i3", "i4", "i1"}},
		"by tenant":       {store.InstanceFilter{Paging: store.Paging{Size: 9, Sort: "tenant"}}, []string{"i2", "i4", "i1", "i3"}},
		"by key":          {store.InstanceFilter{Paging: store.Paging{Size: 9, Sort: "key", Descending: true}}, []string{"i2", "i4", "i3", "i1"}},
	} {
		if c.f.Size == 0 {
			c.f.Paging = everyone
		}
		rows, total, err := s.Instances(t.Context(), c.f)
		require.NoError(t, err, name)
		requireListed(t, name, c.want, ids(rows, func(i store.Instance) string { return i.ID }), total)
	}
}

func testListUserTasks(t *testing.T, s store.Store) {
	c := zoo()
	task := func(id, of, execution string) store.UserTask {
		return store.UserTask{ID: id, Execution: execution, Instance: of, Root: of, Definition: "order:1:d1", Key: "k" + id, Name: "N" + id, Created: noon}
	}
	a, b, d := task("a", "i1", "e1"), task("b", "i2", "e2"), task("d", "i1", "i1")
	a.Assignee, a.Priority, a.Users, a.Due = "kim", 5, []string{"lee", "max"}, later
	b.Owner, b.Groups, b.Tenant, b.Definition = "kim", []string{"sales", "it"}, "acme", "pay:1:d2"
	d.Users, d.Groups, d.Priority = []string{"lee"}, []string{"it"}, -5
	c.UserTasks = []store.UserTask{a, b, d}
	write(t, s, c)
	for name, c := range map[string]struct {
		f    store.UserTaskFilter
		want []string
	}{
		"all":            {store.UserTaskFilter{}, []string{"a", "b", "d"}},
		"id":             {store.UserTaskFilter{ID: "b"}, []string{"b"}},
		"name":           {store.UserTaskFilter{Name: "Na"}, []string{"a"}},
		"name like":      {store.UserTaskFilter{NameLike: "N%"}, []string{"a", "b", "d"}},
		"assignee":       {store.UserTaskFilter{Assignee: "kim"}, []string{"a"}},
		"owner":          {store.UserTaskFilter{Owner: "kim"}, []string{"b"}},
		"unassigned":     {store.UserTaskFilter{Unassigned: true}, []string{"b", "d"}},
		"user":           {store.UserTaskFilter{CandidateUser: "lee"}, []string{"a", "d"}},
		"groups":         {store.UserTaskFilter{CandidateGroups: []string{"it", "sales"}}, []string{"b", "d"}},
		"no groups":      {store.UserTaskFilter{CandidateGroups: []string{}}, nil},
		"user and group": {store.UserTaskFilter{CandidateUser: "lee", CandidateGroups: []string{"it"}}, []string{"d"}},
		"execution":      {store.UserTaskFilter{Execution: "e1"}, []string{"a"}},
		"instance":       {store.UserTaskFilter{Instance: "i1"}, []string{"a", "d"}},
		"key":            {store.UserTaskFilter{Key: "kb"}, []string{"b"}},
		"definition":     {store.UserTaskFilter{Definition: "pay:1:d2"}, []string{"b"}},
		"definition key": {store.UserTaskFilter{DefinitionKey: "order"}, []string{"a", "d"}},
		"business key":   {store.UserTaskFilter{BusinessKey: "bk"}, []string{"a", "d"}},
		"active":         {store.UserTaskFilter{Active: &yes}, []string{"a", "d"}},
		"suspended":      {store.UserTaskFilter{Active: &no}, []string{"b"}},
		"without tenant": {store.UserTaskFilter{TenantFilter: store.TenantFilter{Without: true}}, []string{"a", "d"}},
		"by priority":    {store.UserTaskFilter{Paging: store.Paging{Size: 9, Sort: "priority"}}, []string{"d", "b", "a"}},
		"by due":         {store.UserTaskFilter{Paging: store.Paging{Size: 9, Sort: "due"}}, []string{"b", "d", "a"}},
		"by due back":    {store.UserTaskFilter{Paging: store.Paging{Size: 9, Sort: "due", Descending: true}}, []string{"a", "d", "b"}},
		"by assignee":    {store.UserTaskFilter{Paging: store.Paging{Size: 9, Sort: "assignee"}}, []string{"b", "d", "a"}},
	} {
		if c.f.Size == 0 {
			c.f.Paging = everyone
		}
		rows, total, err := s.UserTasks(t.Context(), c.f)
		require.NoError(t, err, name)
		requireListed(t, name, c.want, ids(rows, func(v store.UserTaskView) string { return v.ID }), total)
	}
	write(t, s, &store.RuntimeChanges{DropUserTasks: []string{"a"}})
	rows, _, err := s.UserTasks(t.Context(), store.UserTaskFilter{Paging: everyone, CandidateUser: "lee"})
	require.NoError(t, err)
	require.Equal(t, []store.UserTaskView{{UserTask: d}}, rows)
}

func testListJobs(t *testing.T, s store.Store) {
	c := zoo()
	job := func(id, of, execution string, kind store.JobKind) store.Job {
		return store.Job{ID: id, Execution: execution, Instance: of, Root: of, Kind: kind, Definition: "order:1:d1", Activity: "a" + id,
			Retries: 1, Created: noon}
	}
	a, b, d, e := job("a", "i1", "e1", store.ExternalJob), job("b", "i2", "e2", store.ExternalJob), job("d", "i1", "e1", store.TimerJob),
		job("e", "i1", "i1", store.ExternalJob)
	a.Topic, b.Topic, e.Topic = "t", "t", "t"
	e.LockOwner, e.LockUntil, d.Retries, d.Due = "w", later, 0, later
	c.Jobs = []store.Job{a, b, d, e}
	write(t, s, c)
	for name, c := range map[string]struct {
		f    store.JobFilter
		want []string
	}{
		"all":             {store.JobFilter{}, []string{"a", "b", "d", "e"}},
		"id":              {store.JobFilter{ID: "b"}, []string{"b"}},
		"instance":        {store.JobFilter{Instance: "i1"}, []string{"a", "d", "e"}},
		"execution":       {store.JobFilter{Execution: "e1"}, []string{"a", "d"}},
		"activity":        {store.JobFilter{Activity: "ad"}, []string{"d"}},
		"definition":      {store.JobFilter{Definition: "none"}, nil},
		"topic":           {store.JobFilter{Topic: "t"}, []string{"a", "b", "e"}},
		"owner":           {store.JobFilter{Owner: "w"}, []string{"e"}},
		"kinds":           {store.JobFilter{Kinds: []store.JobKind{store.TimerJob, store.AsyncJob}}, []string{"d"}},
		"locked":          {store.JobFilter{Locked: &yes, Now: noon}, []string{"e"}},
		"no more locked":  {store.JobFilter{Locked: &yes, Now: later}, nil},
		"unlocked":        {store.JobFilter{Locked: &no, Now: noon}, []string{"a", "b", "d"}},
		"dead":            {store.JobFilter{Dead: &yes}, []string{"d"}},
		"alive":           {store.JobFilter{Dead: &no}, []string{"a", "b", "e"}},
		"acquirable":      {store.JobFilter{Acquirable: true, Now: noon}, []string{"a"}},
		"acquirable then": {store.JobFilter{Acquirable: true, Now: later, Topic: "t"}, []string{"a", "e"}},
		"by due":          {store.JobFilter{Paging: store.Paging{Size: 9, Sort: "due", Descending: true}}, []string{"d", "e", "b", "a"}},
	} {
		if c.f.Size == 0 {
			c.f.Paging = everyone
		}
		rows, total, err := s.Jobs(t.Context(), c.f)
		require.NoError(t, err, name)
		requireListed(t, name, c.want, ids(rows, func(j store.Job) string { return j.ID }), total)
	}
}

func testListModels(t *testing.T, s store.Store) {
	full := store.Deployment{ID: "d1", Name: oddText, Key: "k", Category: "c", Tenant: "t", Parent: "p", Time: later}
	one, two, other := definition("a", 1, ""), definition("a", 2, ""), definition("b", 1, "t")
	one.Name, two.Suspended, other.Category = "first", true, "c"
	write(t, s, &store.RuntimeChanges{Deployments: []store.Deployment{full, {ID: "d2", Name: "n%", Time: noon}}, Definitions: []store.Definition{one, two, other}})
	for name, c := range map[string]struct {
		f    store.DeploymentFilter
		want []string
	}{
		"all":       {store.DeploymentFilter{}, []string{"d1", "d2"}},
		"id":        {store.DeploymentFilter{ID: "d2"}, []string{"d2"}},
		"name":      {store.DeploymentFilter{Name: oddText}, []string{"d1"}},
		"name like": {store.DeploymentFilter{NameLike: "%🌊"}, []string{"d1"}},
		"key":       {store.DeploymentFilter{Key: "k"}, []string{"d1"}},
		"tenant":    {store.DeploymentFilter{TenantFilter: store.TenantFilter{Without: true}}, []string{"d2"}},
		"by time":   {store.DeploymentFilter{Paging: store.Paging{Size: 9, Sort: "time"}}, []string{"d2", "d1"}},
	} {
		if c.f.Size == 0 {
			c.f.Paging = everyone
		}
		rows, total, err := s.Deployments(t.Context(), c.f)
		require.NoError(t, err, name)
		requireListed(t, name, c.want, ids(rows, func(d store.Deployment) string { return d.ID }), total)
		if slices.Contains(c.want, full.ID) {
			require.Contains(t, rows, full)
		}
	}
	for name, c := range map[string]struct {
		f    store.DefinitionFilter
		want []string
	}{
		"all":        {store.DefinitionFilter{}, []string{two.ID, other.ID, one.ID}}, // by name
		"id":         {store.DefinitionFilter{ID: one.ID}, []string{one.ID}},
		"key":        {store.DefinitionFilter{Key: "a"}, []string{two.ID, one.ID}},
		"key like":   {store.DefinitionFilter{KeyLike: "b%"}, []string{other.ID}},
		"name":       {store.DefinitionFilter{Name: "first"}, []string{one.ID}},
		"name like":  {store.DefinitionFilter{NameLike: "_irst"}, []string{one.ID}},
		"category":   {store.DefinitionFilter{Category: "c"}, []string{other.ID}},
		"deployment": {store.DefinitionFilter{Deployment: "d1"}, []string{other.ID, one.ID}},
		"resource":   {store.DefinitionFilter{Resource: "a.bpmn"}, []string{two.ID, one.ID}},
		"version":    {store.DefinitionFilter{Version: 2}, []string{two.ID}},
		"latest":     {store.DefinitionFilter{Latest: true}, []string{two.ID, other.ID}},
		"suspended":  {store.DefinitionFilter{Suspended: &yes}, []string{two.ID}},
		"active":     {store.DefinitionFilter{Suspended: &no}, []string{other.ID, one.ID}},
		"tenant":     {store.DefinitionFilter{TenantFilter: store.TenantFilter{Like: "%"}, Latest: true}, []string{two.ID, other.ID}},
		"by version": {store.DefinitionFilter{Paging: store.Paging{Size: 9, Sort: "version", Descending: true}}, []string{two.ID, other.ID, one.ID}},
	} {
		if c.f.Size == 0 {
			c.f.Paging = everyone
		}
		rows, total, err := s.Definitions(t.Context(), c.f)
		require.NoError(t, err, name)
		requireListed(t, name, c.want, ids(rows, definitionID), total)
	}
}

// Pages neither repeat nor miss a row, also among equals, and one direction is
// the reverse of the other.
func testListPages(t *testing.T, s store.Store) {
	write(t, s, zoo())
	for _, sort := range []string{"", "id", "definition", "key", "tenant"} {
		f := store.ExecutionFilter{Paging: store.Paging{Size: 100, Sort: sort}}
		all, total, err := s.Executions(t.Context(), f)
		require.NoError(t, err, sort)
		require.Len(t, all, 7)
		require.Equal(t, 7, total)
		for _, size := range []int{1, 2, 3, 7} {
			var forth, back []store.ExecutionView
			for start := 0; start < 7; start += size {
				f.Paging = store.Paging{Start: start, Size: size, Sort: sort}
				page, total, err := s.Executions(t.Context(), f)
				require.NoError(t, err)
				require.Equal(t, 7, total)
				forth = append(forth, page...)
				f.Descending = true
				page, _, err = s.Executions(t.Context(), f)
				require.NoError(t, err)
				back = append(back, page...)
			}
			require.Equal(t, all, forth, sort)
			slices.Reverse(back)
			require.Equal(t, all, back, sort)
		}
	}
	page, total, err := s.Executions(t.Context(), store.ExecutionFilter{Paging: store.Paging{Start: 99, Size: 5}})
	require.NoError(t, err)
	require.Empty(t, page)
	require.Equal(t, 7, total)
	for _, f := range []store.ExecutionFilter{{}, {Key: "order"}, {Variables: []store.Condition{{Name: "city", Operation: store.Equals, Type: "string", Key: "Bern"}}}, {Signal: "go"}} {
		_, all, err := s.Executions(t.Context(), f)
		require.NoError(t, err)
		for to := 1; to < 9; to++ {
			for _, size := range []int{0, 1, 3, 7} {
				f.Paging = store.Paging{Size: size, CountTo: to}
				_, total, err = s.Executions(t.Context(), f)
				require.NoError(t, err)
				require.Equal(t, min(to, all), total, f)
			}
		}
	}
	_, _, err = s.Executions(t.Context(), store.ExecutionFilter{Paging: store.Paging{Size: 5, Sort: "e.id; drop table execution"}})
	require.Error(t, err)
}

// Lists show what belongs to the instance of a row.
func testListView(t *testing.T, s store.Store) {
	c := zoo()
	write(t, s, c)
	called, _, err := s.Executions(t.Context(), store.ExecutionFilter{Paging: everyone, Instance: "i3"})
	require.NoError(t, err)
	require.Equal(t, []store.ExecutionView{
		{Execution: token("e4", "i3", "ship", 2), Tenant: "acne"},
		{Execution: root("i3"), Tenant: "acne", SuperExecution: "e1"},
	}, called)
	suspended, _, err := s.Executions(t.Context(), store.ExecutionFilter{Paging: everyone, ID: "e2"})
	require.NoError(t, err)
	require.True(t, suspended[0].Suspended)
	shown, _, err := s.Instances(t.Context(), store.InstanceFilter{Paging: everyone, ID: "i1"})
	require.NoError(t, err)
	require.Equal(t, c.Instances[:1], shown)
}

// requireListed requires a list of everything that matches.
func requireListed(t *testing.T, name string, want, got []string, total int) {
	t.Helper()
	require.Equal(t, append([]string{}, want...), got, name)
	require.Equal(t, len(want), total, name)
}
