package flowable_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/flowable"
)

// moment is how times are written.
const moment = `"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"`

// matches requires that a body is an object of these members and no others, in
// this order; name=pattern.
func matches(t testing.TB, r response, members ...string) {
	t.Helper()
	for i, m := range members {
		name, pattern, _ := strings.Cut(m, "=")
		members[i] = fmt.Sprintf("%q:%s", name, pattern)
	}
	require.Regexp(t, `^\{`+strings.Join(members, ",")+`\}$`, r.text())
}

func TestDeployments(t *testing.T) {
	t.Parallel()
	w := setup(t, flowable.Config{})
	model := fmt.Sprintf(frame, `<process id="p" name="P">`+line(receive("a"))+`</process>`)
	const all = "/repository/deployments"
	r := w.form(t, "POST", all+"?deploymentName=my+name&deploymentKey=k", part{"file", "dir/p.bpmn20.xml", model}, part{"tenantId", "", "shop"}).is(t, 201)
	matches(t, r, `id="[^"]+"`, `name="my name"`, "deploymentTime="+moment, "category=null", "parentDeploymentId=(null|\"[^\"]+\")", `url="`+w.base+all+`/[^"]+"`, `tenantId="shop"`)
	d := as[deployment](t, r)
	require.Equal(t, w.base+all+"/"+d.ID, d.URL)
	require.Equal(t, r.text(), w.get(t, all+"/"+d.ID).is(t, 200).text())
	w.form(t, "POST", all+"?tenantId=other", part{"q.bpmn", "file.tmp", model}).is(t, 201)
	plain := as[deployment](t, w.form(t, "POST", all, part{"file", "order.v2.bpmn", model}).is(t, 201))
	require.Equal(t, "order", plain.Name)
	require.Nil(t, plain.TenantID)

	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, content := range map[string]string{"a.bpmn": strings.ReplaceAll(model, `id="p"`, `id="pa"`), "dir/b.bpmn20.xml": strings.ReplaceAll(model, `id="p"`, `id="pb"`), "note.txt": "x"} {
		to, err := z.Create(name)
		require.NoError(t, err)
		_, err = io.WriteString(to, content)
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	bar := as[deployment](t, w.form(t, "POST", all, part{"file", "several.bar", b.String()}).is(t, 201))
	defs := as[pageOf[definition]](t, w.get(t, "/repository/process-definitions?deploymentId="+bar.ID).is(t, 200))
	require.Equal(t, 2, defs.Total)

	name := "/resources/dir%2Fb.bpmn20.xml"
	r = w.get(t, all+"/"+bar.ID+name).is(t, 200)
	matches(t, r, `id="dir/b\.bpmn20\.xml"`, `url="`+bar.URL+name+`"`, `contentUrl="`+bar.URL+`/resourcedata/dir%2Fb\.bpmn20\.xml"`, `mediaType="text/xml"`, `type="processDefinition"`)
	r = w.get(t, all+"/"+bar.ID+"/resourcedata/note.txt").is(t, 200)
	require.Equal(t, []string{"x", "application/octet-stream"}, []string{string(r.body), r.header.Get("Content-Type")})
	w.get(t, all+"/"+bar.ID+"/resources/other").is(t, 404)
	w.get(t, all+"/unknown/resourcedata/note.txt").is(t, 404)

	list := func(query string) pageOf[deployment] {
		return as[pageOf[deployment]](t, w.get(t, all+"?"+query).is(t, 200))
	}
	require.Equal(t, 4, list("").Total)
	require.Equal(t, "id", list("").Sort)
	require.Equal(t, 1, list("name=order").Total)
	require.Equal(t, 2, list("nameLike=%25e%25r%25&sort=name").Total)
	require.Equal(t, d.ID, list("tenantId=shop").Data[0].ID)
	require.Equal(t, 2, list("withoutTenantId=true&sort=deployTime&order=desc").Total)
	require.Equal(t, bar.ID, list("sort=deployTime&order=desc").Data[0].ID)
	w.get(t, all+"?sort=time").is(t, 400)
	w.get(t, all+"/unknown").is(t, 404)
	for name, bad := range map[string]string{"no XML": "x", "nothing executable": `<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL"/>`, "java": fmt.Sprintf(frame, `<process id="j">`+line(`<serviceTask id="x" flowable:class="a.B"/>`)+`</process>`)} {
		r := w.form(t, "POST", all, part{"file", "p.bpmn", bad})
		require.Equal(t, 400, r.status, name)
	}
	require.Equal(t, 4, list("").Total, "what was refused left nothing")

	in := as[instance](t, w.post(t, "/runtime/process-instances", `{"processDefinitionKey":"p","tenantId":"shop"}`).is(t, 201))
	w.del(t, all+"/"+d.ID).is(t, 500)
	w.get(t, "/runtime/process-instances/"+in.ID).is(t, 200)
	w.del(t, all+"/"+d.ID+"?cascade=true").is(t, 204)
	w.get(t, "/runtime/process-instances/"+in.ID).is(t, 404)
	w.get(t, "/history/historic-process-instances/"+in.ID).is(t, 404)
	w.get(t, all+"/"+d.ID).is(t, 404)
	w.del(t, all+"/"+d.ID).is(t, 404)
	w.del(t, all+"/"+plain.ID).is(t, 204)
}

func TestDefinitions(t *testing.T) {
	t.Parallel()
	w := setup(t, flowable.Config{})
	one := w.deploy(t, line(receive("a")))
	two := w.deploy(t, line(receive("b")))
	w.deployAll(t, `<process id="other" name="Other"><startEvent id="s" flowable:formKey="f"/>`+receive("a")+`<endEvent id="e"/>`+flow("s", "a")+flow("a", "e")+`</process>`, "shop")
	const all = "/repository/process-definitions"
	list := func(query string) pageOf[definition] {
		return as[pageOf[definition]](t, w.get(t, all+"?"+query).is(t, 200))
	}
	require.Equal(t, []any{3, "name"}, []any{list("").Total, list("").Sort})
	first, second := list("deploymentId=" + one.ID).Data[0], list("version=2").Data[0]
	require.Equal(t, two.ID, second.DeploymentID)
	require.Equal(t, []any{1, 2}, []any{first.Version, second.Version})
	require.Regexp(t, `^p:2:`, second.ID)
	r := w.get(t, all+"/"+second.ID).is(t, 200)
	matches(t, r, `id="p:2:[^"]+"`, `url="`+w.base+all+"/"+second.ID+`"`, `key="p"`, "version=2", `name="P"`, `description="What p does"`, "tenantId=null", `deploymentId="`+two.ID+`"`,
		`deploymentUrl="`+w.base+"/repository/deployments/"+two.ID+`"`, `resource="`+w.base+"/repository/deployments/"+two.ID+`/resources/p\.bpmn20\.xml"`, "diagramResource=null",
		`category="shop"`, "graphicalNotationDefined=false", "suspended=false", "startFormDefined=false")
	model := w.get(t, strings.TrimPrefix(second.Resource, w.base)).is(t, 200)
	require.Contains(t, model.text(), `"type":"processDefinition"`)
	require.Contains(t, w.get(t, all+"/"+second.ID+"/resourcedata").is(t, 200).text(), `<receiveTask id="b"/>`)
	w.get(t, all+"/unknown/resourcedata").is(t, 404)
	require.Equal(t, 2, list("key=p").Total)
	require.Equal(t, second.ID, list("key=p&latest=true").Data[0].ID)
	require.Equal(t, 2, list("latest=true").Total)
	require.Equal(t, 1, list("keyLike=oth%25").Total)
	require.Equal(t, 1, list("name=Other").Total)
	require.Equal(t, 1, list("tenantId=shop").Total)
	require.Equal(t, 2, list("tenantIdLike=").Total+list("withoutTenantId=true").Total)
	require.Equal(t, 3, list("suspended=false").Total)
	require.Equal(t, 0, list("suspended=true").Total+list("version=0").Total+list("key=").Total)
	require.Equal(t, second.ID, list("key=p&sort=version&order=desc").Data[0].ID)
	w.get(t, all+"?version=a").is(t, 400)
	w.get(t, all+"?sort=x").is(t, 400)
	w.get(t, all+"/p:9:x").is(t, 404)
	in := as[instance](t, w.post(t, "/runtime/process-instances", fmt.Sprintf(`{"processDefinitionId":%q}`, first.ID)).is(t, 201))
	w.at(t, in.ID, "a")
}

func TestInstances(t *testing.T) {
	t.Parallel()
	w := setup(t, flowable.Config{Users: map[string]string{"kermit": "frog"}})
	w.deploy(t, line(receive("a")))
	w.deployAll(t, `<process id="m"><startEvent id="s"><messageEventDefinition messageRef="mail"/></startEvent>`+receive("a")+`<endEvent id="e"/>`+flow("s", "a")+flow("a", "e")+`</process>`, "shop")
	const all = "/runtime/process-instances"
	r := w.post(t, all, `{"processDefinitionKey":"p","businessKey":"b","name":"n","variables":[{"name":"v","value":1},{"name":"x","value":[]}],"returnVariables":true}`).is(t, 201)
	in := as[instance](t, r)
	matches(t, r, `id="`+in.ID+`"`, `url="`+w.base+all+"/"+in.ID+`"`, `name="n"`, `businessKey="b"`, "suspended=false", "ended=false", "completed=false", `processDefinitionId="p:1:[^"]+"`,
		`processDefinitionUrl="`+w.base+"/repository/process-definitions/"+in.ProcessDefinitionID+`"`, `processDefinitionName="P"`, `processDefinitionDescription="What p does"`, "activityId=null",
		`startUserId="kermit"`, "startTime="+moment, "superProcessInstanceId=null",
		`variables=\[\{"name":"v","type":"integer","value":1,"scope":"local"\},\{"name":"x","type":"json","value":\[\],"scope":"local"\}\]`, "tenantId=null")
	r = w.get(t, all+"/"+in.ID).is(t, 200)
	require.Contains(t, r.text(), `"variables":[]`)
	require.Len(t, as[instance](t, w.get(t, all+"/"+in.ID+"?includeProcessVariables=true").is(t, 200)).Variables, 2)
	byMessage := as[instance](t, w.post(t, all, `{"message":"mail","tenantId":"shop"}`).is(t, 201))
	require.Equal(t, "shop", *byMessage.TenantID)
	require.Nil(t, byMessage.ProcessDefinitionName)
	for _, bad := range []string{
		`{}`, `{"businessKey":"b"}`, `{"processDefinitionKey":"p","processDefinitionId":"x"}`, `{"processDefinitionKey":"unknown"}`, `{"processDefinitionId":"p:9:x"}`, `{"message":"unknown"}`,
		`{"processDefinitionKey":"p","tenantId":"unknown"}`, `{"processDefinitionKey":"p","variables":[{"value":1}]}`, `{"processDefinitionKey":"p","variables":[{"name":"a","type":"x"}]}`,
		`{"processDefinitionKey":5}`, `[]`, `null`, `{"message":"mail"}`, `{"processDefinitionKey":"p","transientVariables":[{}]}`, `{"processDefinitionKey":"p","variables":{}}`,
	} {
		w.post(t, all, bad).is(t, 400)
	}
	done := w.with("q")
	done.deploy(t, `<startEvent id="s"/><endEvent id="e"/>`+flow("s", "e"))
	ended := done.start(t, `{"name":"v","value":1}`)
	require.True(t, ended.Ended)
	require.True(t, ended.Completed)
	w.get(t, all+"/"+ended.ID).is(t, 404)

	list := func(query string) []string {
		p := as[pageOf[instance]](t, w.get(t, all+"?"+query).is(t, 200))
		out := []string{}
		for _, in := range p.Data {
			out = append(out, in.ID)
		}
		return out
	}
	for query, want := range map[string][]string{
		"": {in.ID, byMessage.ID}, "id=" + in.ID: {in.ID}, "processDefinitionKey=m": {byMessage.ID}, "processDefinitionId=" + in.ProcessDefinitionID: {in.ID}, "businessKey=b": {in.ID},
		"suspended=true": {}, "suspended=false": {in.ID, byMessage.ID}, "tenantId=shop": {byMessage.ID}, "withoutTenantId=true": {in.ID}, "tenantIdLike=%25o%25": {byMessage.ID},
		"superProcessInstanceId=" + in.ID: {}, "id=" + ended.ID: {},
	} {
		require.ElementsMatch(t, want, list(query), query)
	}
	require.Equal(t, []string{in.ID, byMessage.ID}, list("sort=startTime"))
	require.Equal(t, []string{byMessage.ID, in.ID}, list("sort=startTime&order=desc"))
	require.Equal(t, []string{byMessage.ID, in.ID}, list("sort=processDefinitionKey"))
	w.get(t, all+"?sort=processInstanceId").is(t, 400)
	query := func(body string) pageOf[instance] {
		return as[pageOf[instance]](t, w.post(t, "/query/process-instances", body).is(t, 200))
	}
	p := query(`{"processDefinitionKey":"p","variables":[{"name":"v","value":1,"operation":"equals"}],"includeProcessVariables":true}`)
	require.Equal(t, []any{1, in.ID, 2}, []any{p.Total, p.Data[0].ID, len(p.Data[0].Variables)})
	require.Equal(t, 0, query(`{"variables":[{"name":"v","value":2,"operation":"equals"}]}`).Total)
	require.Equal(t, 1, query(`{"processBusinessKey":"b","businessKey":"b","processInstanceId":"`+in.ID+`"}`).Total)
	require.Equal(t, 0, query(`{"processBusinessKey":"b","businessKey":"c"}`).Total)
	require.Equal(t, 2, query(`{"suspended":false}`).Total)
	w.post(t, "/query/process-instances", `{"variables":[{"name":"v","value":2}]}`).is(t, 400)

	one := all + "/" + in.ID
	w.put(t, all+"/unknown", `{"action":"x"}`).is(t, 404)
	w.put(t, one, `{"action":"x"}`).is(t, 400)
	w.put(t, one, `{}`).is(t, 400)
	w.put(t, one, `{"action":"activate"}`).is(t, 409)
	require.True(t, as[instance](t, w.put(t, one, `{"action":"suspend"}`).is(t, 200)).Suspended)
	w.put(t, one, `{"action":"suspend"}`).is(t, 409)
	for _, e := range w.find(t, "processInstanceId="+in.ID) {
		require.True(t, e.Suspended)
	}
	require.Equal(t, []string{in.ID}, list("suspended=true"))
	require.False(t, as[instance](t, w.put(t, one, `{"action":"activate"}`).is(t, 200)).Suspended)

	w.del(t, one+"?deleteReason=no+more").is(t, 204)
	w.del(t, one).is(t, 404)
	w.gone(t, in.ID)
	h := as[historic](t, w.get(t, "/history/historic-process-instances/"+in.ID).is(t, 200))
	require.Equal(t, "no more", *h.DeleteReason)
}

func TestDeleteTakesWhatWasCalled(t *testing.T) {
	t.Parallel()
	w := setup(t, flowable.Config{})
	w.deploy(t, line(`<callActivity id="call" calledElement="q"/>`))
	w.with("q").deploy(t, line(receive("a")))
	in := w.start(t)
	called := as[pageOf[instance]](t, w.get(t, "/runtime/process-instances?processDefinitionKey=q").is(t, 200)).Data[0]
	w.del(t, "/runtime/process-instances/"+in.ID).is(t, 204)
	w.ended(t, called.ID)
	require.Equal(t, in.ID, *as[historic](t, w.get(t, "/history/historic-process-instances/"+called.ID)).SuperProcessInstanceID)
}

func TestHistory(t *testing.T) {
	t.Parallel()
	each(t, history)
}

func history(t *testing.T, w *world) {
	t.Helper()
	w.deploy(t, line(receive("a")))
	done, runs := w.start(t, `{"name":"v","value":1}`), w.start(t)
	w.act(t, w.at(t, done.ID, "a").ID, trigger).is(t, 204)
	const all = "/history/historic-process-instances"
	matches(t, w.get(t, all+"/"+done.ID).is(t, 200), `id="`+done.ID+`"`, `url="`+w.base+all+"/"+done.ID+`"`, "name=null", "businessKey=null", `processDefinitionId="`+done.ProcessDefinitionID+`"`,
		`processDefinitionUrl="[^"]+"`, "startTime="+moment, "endTime="+moment, `durationInMillis=\d+`, `startUserId="kermit"`, `startActivityId="start"`, `endActivityId="end"`, "deleteReason=null",
		"superProcessInstanceId=null", `variables=\[\]`, "tenantId=null")
	h := as[historic](t, w.get(t, all+"/"+runs.ID).is(t, 200))
	require.Nil(t, h.EndTime)
	require.Nil(t, h.DurationInMillis)
	list := func(query string) []string {
		p := as[pageOf[historic]](t, w.get(t, all+"?"+query).is(t, 200))
		out := []string{}
		for _, h := range p.Data {
			out = append(out, h.ID)
		}
		return out
	}
	tomorrow := time.Now().Add(24 * time.Hour).UTC().Format(time.RFC3339)
	for query, want := range map[string][]string{
		"": {done.ID, runs.ID}, "finished=true": {done.ID}, "finished=false": {runs.ID}, "processInstanceId=" + runs.ID: {runs.ID}, "processDefinitionKey=p": {done.ID, runs.ID},
		"processDefinitionKey=q": {}, "businessKey=x": {}, "startedBefore=" + tomorrow: {done.ID, runs.ID}, "startedAfter=" + tomorrow: {}, "finishedBefore=" + tomorrow: {done.ID},
	} {
		require.ElementsMatch(t, want, list(query), query)
	}
	for _, sort := range []string{"processInstanceId", "processDefinitionId", "businessKey", "startTime", "endTime", "duration", "tenantId"} {
		require.Len(t, list("sort="+sort), 2)
	}
	w.get(t, all+"?sort=id").is(t, 400)
	w.get(t, all+"?startedAfter=tomorrow").is(t, 400)
	w.get(t, all+"/unknown").is(t, 404)
	p := as[pageOf[historic]](t, w.get(t, all+"?finished=true&includeProcessVariables=true").is(t, 200))
	require.Equal(t, "v", p.Data[0].Variables[0].Name)
}

func TestUserTasks(t *testing.T) {
	t.Parallel()
	each(t, userTasks)
}

func userTasks(t *testing.T, w *world) {
	t.Helper()
	w.deploy(t, line(`<userTask id="ask" name="Ask" flowable:candidateUsers="ann,bob" flowable:candidateGroups="sales" flowable:formKey="form" flowable:priority="70"><documentation>Why</documentation></userTask>`, receive("b")))
	in := w.start(t, `{"name":"v","value":1}`)
	const all = "/runtime/tasks"
	list := func(query string) pageOf[userTask] {
		return as[pageOf[userTask]](t, w.get(t, all+"?"+query).is(t, 200))
	}
	p := list("processInstanceId=" + in.ID)
	require.Equal(t, []any{1, "id"}, []any{p.Total, p.Sort})
	task := p.Data[0]
	e := w.at(t, in.ID, "ask")
	one := all + "/" + task.ID
	matches(t, w.get(t, one).is(t, 200), `id="`+task.ID+`"`, `url="`+w.base+one+`"`, `name="Ask"`, `description="Why"`, "assignee=null", "owner=null", "priority=70", "createTime="+moment, "dueDate=null",
		"suspended=false", `taskDefinitionKey="ask"`, "category=null", `formKey="form"`, "tenantId=null", "delegationState=null", "parentTaskId=null", "parentTaskUrl=null",
		`executionId="`+e.ID+`"`, `executionUrl="`+e.URL+`"`, `processInstanceId="`+in.ID+`"`, `processInstanceUrl="`+in.URL+`"`, `processDefinitionId="`+in.ProcessDefinitionID+`"`,
		`processDefinitionUrl="`+in.ProcessDefinitionURL+`"`, `variables=\[\]`)
	for query, want := range map[string]int{
		"": 1, "executionId=" + e.ID: 1, "taskDefinitionKey=ask": 1, "name=Ask": 1, "nameLike=A%25": 1, "candidateUser=bob": 1, "candidateUser=eve": 0, "candidateGroup=sales": 1, "candidateGroups=x,sales": 1,
		"candidateGroups=x": 0, "assignee=bob": 0, "unassigned=true": 1, "active=true": 1, "active=false": 0, "processDefinitionKey=p": 1, "tenantId=x": 0, "name=": 0,
	} {
		require.Equal(t, want, list(query).Total, query)
	}
	require.Equal(t, `{"name":"v","type":"integer","value":1,"scope":"global"}`, regexp.MustCompile(`\{"name":"v"[^}]*\}`).FindString(w.get(t, all+"?includeProcessVariables=true").text()))
	for _, sort := range []string{"id", "name", "priority", "createTime", "dueDate", "executionId", "processInstanceId", "assignee", "owner", "tenantId"} {
		require.Equal(t, 1, list("sort="+sort).Total)
	}
	w.get(t, all+"?sort=x").is(t, 400)
	w.get(t, all+"/unknown").is(t, 404)

	w.post(t, all+"/unknown", `{"action":"complete"}`).is(t, 404)
	for _, bad := range []string{`{}`, `{"action":"do"}`, `[]`, `{"action":"delegate"}`, `{"action":"complete","variables":[{"value":1}]}`, `{"action":"complete","variables":[{"name":"a","scope":"x"}]}`} {
		w.post(t, one, bad).is(t, 400)
	}
	do := func(body string) userTask {
		require.Empty(t, w.post(t, one, body).is(t, 200).body)
		return as[userTask](t, w.get(t, one).is(t, 200))
	}
	require.Equal(t, "ann", *do(`{"action":"claim","assignee":"ann"}`).Assignee)
	r := w.post(t, one, `{"action":"claim","assignee":"bob"}`).is(t, 409)
	require.Contains(t, r.text(), `{"message":"Task was already claimed","exception":"`)
	do(`{"action":"claim","assignee":"ann"}`)
	require.Equal(t, 1, list("assignee=ann").Total)
	require.Nil(t, do(`{"action":"unclaim"}`).Assignee)
	do(`{"action":"claim","assignee":"ann"}`)
	delegated := do(`{"action":"delegate","assignee":"bob"}`)
	require.Equal(t, []string{"ann", "bob", "pending"}, []string{*delegated.Owner, *delegated.Assignee, *delegated.DelegationState})
	w.post(t, one, `{"action":"complete"}`).is(t, 500)
	resolved := do(`{"action":"resolve"}`)
	require.Equal(t, []string{"ann", "resolved"}, []string{*resolved.Assignee, *resolved.DelegationState})
	w.put(t, "/runtime/process-instances/"+in.ID, `{"action":"suspend"}`).is(t, 200)
	w.post(t, one, `{"action":"complete"}`).is(t, 500)
	w.put(t, "/runtime/process-instances/"+in.ID, `{"action":"activate"}`).is(t, 200)
	require.Empty(t, w.post(t, one, `{"action":"complete","variables":[{"name":"done","value":true},{"name":"own","value":1,"scope":"local"}],"transientVariables":[{"name":"t","value":1}]}`).is(t, 200).body)
	w.get(t, one).is(t, 404)
	w.at(t, in.ID, "b")
	require.ElementsMatch(t, []string{"v=1@local", "done=true@local"}, names(t, w.get(t, vars(in.ID))))
}
