package flowable_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Text that a database may have no place for is the client's mistake, or finds
// nothing; it is never an error of ours, and moves nothing.
func TestOddText(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		t.Helper()
		w.deploy(t, line(`<userTask id="a"/>`))
		in := w.start(t)
		e := w.at(t, in.ID, "a").ID
		task := as[pageOf[userTask]](t, w.get(t, "/runtime/tasks").is(t, 200)).Data[0].ID
		for name, odd := range map[string]string{"NUL": `a\u0000b`, "long": strings.Repeat("ä", 5000), "emoji": "😀"} {
			for _, call := range [][3]string{
				{"POST", "/runtime/process-instances", `{"processDefinitionKey":"%s"}`},
				{"POST", "/runtime/process-instances", `{"message":"%s"}`},
				{"POST", "/runtime/process-instances", `{"processDefinitionKey":"p","tenantId":"%s"}`},
				{"POST", "/runtime/process-instances", `{"processDefinitionKey":"p","businessKey":"%s"}`},
				{"POST", "/runtime/process-instances", `{"processDefinitionKey":"p","name":"%s"}`},
				{"POST", "/runtime/process-instances", `{"processDefinitionKey":"p","variables":[{"name":"v","value":"%s"}]}`},
				{"PUT", "/runtime/executions", `{"action":"signalEventReceived","signalName":"%s"}`},
				{"POST", "/runtime/signals", `{"signalName":"s","tenantId":"%s"}`},
				{"PUT", "/runtime/executions/" + e, `{"action":"messageEventReceived","messageName":"%s"}`},
				{"POST", "/runtime/tasks/" + task, `{"action":"claim","assignee":"%s"}`},
				{"POST", "/query/executions", `{"tenantIdLike":"%s"}`},
				{"POST", "/query/executions", `{"variables":[{"name":"%s","value":"x","operation":"equals"}]}`},
				{"POST", "/query/executions", `{"variables":[{"name":"x","value":"%s","operation":"equalsIgnoreCase"}]}`},
				{"POST", jobsAPI + "/acquire/jobs", `{"topic":"%s","lockDuration":"PT1S","workerId":"w"}`},
				{"POST", jobsAPI + "/acquire/jobs", `{"topic":"t","lockDuration":"PT1S","workerId":"%s"}`},
				{"POST", jobsAPI + "/unacquire/jobs", `{"workerId":"%s"}`},
			} {
				r := w.do(t, call[0], call[1], fmt.Sprintf(call[2], odd))
				engine := r.status == 500 && strings.Contains(call[2], "messageName") // nobody waits for it
				require.True(t, r.status < 500 || engine, "%s: %s %s %s: %d %s", name, call[0], call[1], call[2], r.status, r.body)
			}
			w.post(t, "/runtime/tasks/"+task, `{"action":"unclaim"}`).is(t, 200)
		}
		w.at(t, in.ID, "a")
	})
}
