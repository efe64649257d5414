package flowable_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/flowable"
)

const jobsAPI = "/external-job-api"

// worker is the model of a task that external workers do.
const worker = `<serviceTask id="work" name="Work" flowable:type="external-worker" flowable:topic="%s"/>`

func TestExternalWorkers(t *testing.T) {
	t.Parallel()
	w := setup(t, flowable.Config{})
	w.deploy(t, line(fmt.Sprintf(worker, "orders"), receive("b"))+
		`<boundaryEvent id="failed" attachedToRef="work"><errorEventDefinition errorRef="bad"/></boundaryEvent>`+receive("repair")+flow("failed", "repair")+flow("repair", "end"))
	acquire := func(body string) []jobShown {
		return as[[]jobShown](t, w.post(t, jobsAPI+"/acquire/jobs", body).is(t, 200))
	}
	const mine = `{"topic":"orders","lockDuration":"PT10M","workerId":"me"}`
	require.Equal(t, "[]", w.post(t, jobsAPI+"/acquire/jobs", mine).is(t, 200).text())
	in := w.start(t, `{"name":"v","value":1}`)
	e := w.at(t, in.ID, "work")
	require.Empty(t, acquire(`{"topic":"others","lockDuration":"PT10M","workerId":"me"}`))

	list := func(query string) int {
		return as[pageOf[jobShown]](t, w.get(t, jobsAPI+"/jobs?"+query).is(t, 200)).Total
	}
	counts := func(locked, unlocked int) {
		t.Helper()
		require.Equal(t, []int{1, locked, unlocked}, []int{list(""), list("locked=true"), list("unlocked=true")})
	}
	counts(0, 1)
	r := w.post(t, jobsAPI+"/acquire/jobs", mine).is(t, 200)
	acquired := as[[]jobShown](t, r)
	require.Len(t, acquired, 1)
	id := acquired[0].ID
	one := response{body: r.body[1 : len(r.body)-2]}
	members := []string{
		`id="` + id + `"`, `url="` + w.base + jobsAPI + "/jobs/" + id + `"`, `correlationId=(null|"[^"]*")`, `processInstanceId="` + in.ID + `"`, `processDefinitionId="` + in.ProcessDefinitionID + `"`,
		`executionId="` + e.ID + `"`, "scopeId=null", "subScopeId=null", "scopeDefinitionId=null", "scopeType=null", `elementId="work"`, `elementName="Work"`, `retries=3`, "exceptionMessage=null",
		"dueDate=null", "createTime=" + moment, "tenantId=null", `lockOwner="me"`, "lockExpirationTime=" + moment,
	}
	matches(t, w.get(t, jobsAPI+"/jobs/"+id).is(t, 200), append([]string{}, members...)...)
	matches(t, one, append(append([]string{}, members...), `variables=\[\{"name":"v","type":"integer","value":1\}\]`)...)
	counts(1, 0)
	require.Empty(t, acquire(mine))
	for query, want := range map[string]int{"processInstanceId=" + in.ID: 1, "executionId=" + e.ID: 1, "elementId=work": 1, "elementId=x": 0, "withoutTenantId=true": 1, "tenantId=x": 0, "locked=true&unlocked=true": 0} {
		require.Equal(t, want, list(query), query)
	}
	w.get(t, jobsAPI+"/jobs?sort=x").is(t, 400)
	w.get(t, jobsAPI+"/jobs/unknown").is(t, 404)

	job := jobsAPI + "/acquire/jobs/" + id
	for _, what := range []string{"complete", "bpmnError", "fail"} {
		w.post(t, job+"/"+what, `{}`).is(t, 400)
		w.post(t, job+"/"+what, `{"workerId":"you"}`).is(t, 403)
		w.post(t, jobsAPI+"/acquire/jobs/unknown/"+what, `{"workerId":"me"}`).is(t, 404)
	}
	w.post(t, job+"/complete", `{"workerId":"me","variables":[{"value":1}]}`).is(t, 400)
	w.post(t, jobsAPI+"/unacquire/jobs/"+id, `{"workerId":"you"}`).is(t, 403)
	w.post(t, jobsAPI+"/unacquire/jobs/"+id, `{"workerId":"me"}`).is(t, 204)
	counts(0, 1)
	require.Len(t, acquire(mine), 1)
	w.post(t, jobsAPI+"/unacquire/jobs", `{"workerId":"you"}`).is(t, 204)
	counts(1, 0)
	w.post(t, jobsAPI+"/unacquire/jobs", `{"workerId":"me"}`).is(t, 204)
	counts(0, 1)

	// An expired lock makes it available again.
	require.Len(t, acquire(mine), 1)
	w.pass(11 * time.Minute)
	counts(0, 1)
	require.Len(t, acquire(`{"topic":"orders","lockDuration":"PT10M","workerId":"you"}`), 1)
	w.post(t, job+"/complete", `{"workerId":"me"}`).is(t, 403)

	// Failed: held back, with one try less; then as many as are given.
	w.post(t, job+"/fail", `{"workerId":"you","errorMessage":"no luck","errorDetails":"…","retryTimeout":"PT1H"}`).is(t, 204)
	require.Empty(t, acquire(mine))
	shown := as[pageOf[jobShown]](t, w.get(t, jobsAPI+"/jobs").is(t, 200)).Data[0]
	require.Equal(t, []any{2, "no luck"}, []any{shown.Retries, *shown.ExceptionMessage})
	require.NotNil(t, shown.DueDate)
	w.pass(61 * time.Minute)
	require.Len(t, acquire(mine), 1)
	w.post(t, job+"/fail", `{"workerId":"me","retryTimeout":"soon"}`).is(t, 400)
	w.post(t, job+"/complete", `{"workerId":"me","variables":[{"name":"result","value":"good"}]}`).is(t, 204)
	require.Eventually(t, func() bool { return len(w.find(t, "activityId=b")) == 1 }, 5*time.Second, 5*time.Millisecond)
	w.post(t, job+"/complete", `{"workerId":"me"}`).is(t, 404)
	require.ElementsMatch(t, []string{"v=1@local", `result="good"@local`}, names(t, w.get(t, vars(in.ID))))

	// A BPMN error is caught by the boundary event.
	other := w.start(t)
	id = acquire(mine)[0].ID
	w.post(t, jobsAPI+"/acquire/jobs/"+id+"/bpmnError", `{"workerId":"me","errorCode":"BAD","variables":[{"name":"why","value":"x"}]}`).is(t, 204)
	require.Eventually(t, func() bool { return len(w.find(t, "activityId=repair&processInstanceId="+other.ID)) == 1 }, 5*time.Second, 5*time.Millisecond)

	// At no retries it is nobody's any more.
	w.start(t)
	id = acquire(mine)[0].ID
	w.post(t, jobsAPI+"/acquire/jobs/"+id+"/fail", `{"workerId":"me","retries":0}`).is(t, 204)
	require.Empty(t, acquire(mine))
	require.Equal(t, 0, list(""))
}

func TestWorkersUnderFlowablesPrefix(t *testing.T) {
	t.Parallel()
	w := setup(t, flowable.Config{Prefixes: []string{"/flowable-rest/service", "/process-api"}})
	client := *w.client
	w.client = &client
	w.url += "/flowable-rest/service"
	w.deploy(t, line(fmt.Sprintf(worker, "t")))
	in := w.start(t)
	w.form(t, "POST", "/runtime/process-instances/"+in.ID+"/variables", part{"f", "f", "x"}, part{"name", "", "b"}).is(t, 201)
	w.url = w.base + "/flowable-rest/external-job-api"
	acquired := as[[]jobShown](t, w.post(t, "/acquire/jobs", `{"topic":"t","lockDuration":"PT1M","workerId":"me","numberOfTasks":5,"numberOfRetries":1}`).is(t, 200))
	require.Equal(t, w.url+"/jobs/"+acquired[0].ID, acquired[0].URL)
	require.Equal(t, w.base+"/flowable-rest/service/runtime/executions/"+acquired[0].ExecutionID+"/variables/b/data", *acquired[0].Variables[0].ValueURL)
	w.url = w.base + "/external-job-api"
	require.Equal(t, w.url+"/jobs/"+acquired[0].ID, as[jobShown](t, w.get(t, "/jobs/"+acquired[0].ID).is(t, 200)).URL)
	w.url = w.base + "/process-api"
	require.Equal(t, w.url+"/runtime/process-instances/"+in.ID, as[instance](t, w.get(t, "/runtime/process-instances/"+in.ID).is(t, 200)).URL)
}
