package flowable_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/flowable"
	"github.com/riverstones/riverstones/gateway/river"
	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/storetest"
)

// world is the API on a real runtime and a real store.
type world struct {
	*client

	base  string // what URLs begin with
	key   string // of the process that deploy and start mean
	ahead *atomic.Int64
}

// with returns the same world, in which deploy and start mean another process.
func (w *world) with(key string) *world {
	other := *w
	other.key = key
	return &other
}

// now is the clock of the world.
func (w *world) now() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }

// pass lets time pass.
func (w *world) pass(d time.Duration) { w.ahead.Add(int64(d)) }

// setup returns a world on PostgreSQL, which is not slowed down by the race
// detector as SQLite, a part of this process, is.
func setup(t testing.TB, cfg flowable.Config) *world {
	t.Helper()
	return on(t, cfg, storetest.Postgres(t))
}

// each runs a test in a world on each kind of store: for what the stores find
// and keep, each in its own way.
func each(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, s store.Store) {
		t.Helper()
		test(t, on(t, flowable.Config{Users: map[string]string{"kermit": "frog"}}, s))
	})
}

func on(t testing.TB, cfg flowable.Config, s store.Store) *world {
	t.Helper()
	st, ok := s.(interface {
		river.Store
		flowable.Reader
	})
	require.True(t, ok)
	w := &world{key: "p", ahead: new(atomic.Int64)}
	r, err := river.New(river.Config{Look: 20 * time.Millisecond, Now: w.now}, river.Deps{Store: st})
	require.NoError(t, err)
	r.Start(context.Background())
	t.Cleanup(r.Stop)
	w.client = serve(t, cfg, flowable.Deps{Runtime: r, Store: st, Now: w.now})
	w.base = w.url
	if len(cfg.Users) > 0 {
		w.auth = basic("kermit", "frog")
	}
	return w
}

const frame = `<?xml version="1.0" encoding="UTF-8"?>
<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:flowable="http://flowable.org/bpmn" targetNamespace="shop">
<signal id="go" name="go"/><signal id="stop" name="stop"/><signal id="inner" name="inner" flowable:scope="processInstance"/>
<message id="mail" name="mail"/><error id="bad" errorCode="BAD"/>
%s</definitions>`

// deploy deploys one process of these elements, and returns the answer.
func (w *world) deploy(t testing.TB, elements string) deployment {
	t.Helper()
	return w.deployAll(t, `<process id="`+w.key+`" name="P"><documentation>What p does</documentation>`+elements+`</process>`, "")
}

func (w *world) deployAll(t testing.TB, processes, tenant string) deployment {
	t.Helper()
	parts := []part{{"file", "p.bpmn20.xml", fmt.Sprintf(frame, processes)}}
	if tenant != "" {
		parts = append(parts, part{"tenantId", "", tenant})
	}
	return as[deployment](t, w.form(t, "POST", "/repository/deployments", parts...).is(t, 201))
}

// line is a process of elements one after the other, each with an id.
func line(elements ...string) string {
	out := `<startEvent id="start"/>`
	before := "start"
	for i, e := range elements {
		id := fmt.Sprint("n", i)
		var found string
		if n, _ := fmt.Sscanf(e[max(strings.Index(e, ` id="`), 0):], ` id=%q`, &found); n == 1 {
			id = found
		}
		out += e + flow(before, id)
		before = id
	}
	return out + `<endEvent id="end"/>` + flow(before, "end")
}

func flow(from, to string) string {
	return fmt.Sprintf(`<sequenceFlow sourceRef=%q targetRef=%q/>`, from, to)
}

func receive(id string) string { return fmt.Sprintf(`<receiveTask id=%q/>`, id) }

// Objects as clients read them. Every member is there.
type (
	deployment struct {
		ID, Name, DeploymentTime               string
		Category, ParentDeploymentID, TenantID *string
		URL                                    string
	}
	execution struct {
		ID, URL                             string
		ParentID, ParentURL                 *string
		SuperExecutionID, SuperExecutionURL *string
		ProcessInstanceID                   string
		ProcessInstanceURL                  string
		Suspended                           bool
		ActivityID, TenantID                *string
	}
	shownVariable struct {
		Name     string
		Type     *string
		Value    json.RawMessage
		ValueURL *string
		Scope    *string
	}
	instance struct {
		ID, URL                                             string
		Name, BusinessKey                                   *string
		Suspended, Ended, Completed                         bool
		ProcessDefinitionID, ProcessDefinitionURL           string
		ProcessDefinitionName, ProcessDefinitionDescription *string
		ActivityID, StartUserID                             *string
		StartTime                                           string
		SuperProcessInstanceID                              *string
		Variables                                           []shownVariable
		TenantID                                            *string
	}
	userTask struct {
		ID, URL, Name                             string
		Description, Assignee, Owner              *string
		Priority                                  int
		CreateTime                                string
		DueDate                                   *string
		Suspended                                 bool
		TaskDefinitionKey                         string
		Category, FormKey, TenantID               *string
		DelegationState, ParentTaskID             *string
		ParentTaskURL                             *string
		ExecutionID, ExecutionURL                 string
		ProcessInstanceID, ProcessInstanceURL     string
		ProcessDefinitionID, ProcessDefinitionURL string
		Variables                                 []shownVariable
	}
	definition struct {
		ID, URL, Key                          string
		Version                               int
		Name, Description, TenantID           *string
		DeploymentID, DeploymentURL, Resource string
		DiagramResource, Category             *string
		GraphicalNotationDefined, Suspended   bool
		StartFormDefined                      bool
	}
	historic struct {
		ID, URL                                   string
		Name, BusinessKey                         *string
		ProcessDefinitionID, ProcessDefinitionURL string
		StartTime                                 string
		EndTime                                   *string
		DurationInMillis                          *int64
		StartUserID, StartActivityID              *string
		EndActivityID, DeleteReason               *string
		SuperProcessInstanceID                    *string
		Variables                                 []shownVariable
		TenantID                                  *string
	}
	jobShown struct {
		ID, URL                                           string
		CorrelationID                                     *string
		ProcessInstanceID, ProcessDefinitionID            string
		ExecutionID                                       string
		ScopeID, SubScopeID, ScopeDefinitionID, ScopeType *string
		ElementID                                         string
		ElementName                                       *string
		Retries                                           int
		ExceptionMessage, DueDate                         *string
		CreateTime                                        string
		TenantID, LockOwner, LockExpirationTime           *string
		Variables                                         []shownVariable
	}
	pageOf[T any] struct {
		Data         []T
		Total, Start int
		Sort, Order  string
		Size         int
	}
)

// as reads a body that has no other members than T.
func as[T any](t testing.TB, r response) (v T) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(r.body))
	d.DisallowUnknownFields()
	require.NoError(t, d.Decode(&v), "%s", r.body)
	return v
}

// start starts the process with variables of JSON.
func (w *world) start(t testing.TB, variables ...string) instance {
	t.Helper()
	return as[instance](t, w.post(t, "/runtime/process-instances", `{"processDefinitionKey":"`+w.key+`","variables":[`+strings.Join(variables, ",")+`]}`).is(t, 201))
}

// find returns the executions that a query finds.
func (w *world) find(t testing.TB, query string) []execution {
	t.Helper()
	return as[pageOf[execution]](t, w.get(t, "/runtime/executions?size=1000&"+query).is(t, 200)).Data
}

// at returns the only active execution of an instance at an activity.
func (w *world) at(t testing.TB, instanceID, activity string) execution {
	t.Helper()
	found := w.find(t, "processInstanceId="+instanceID+"&activityId="+activity)
	require.Len(t, found, 1, activity)
	return found[0]
}

// act sends an action to an execution.
func (w *world) act(t testing.TB, id, body string) response {
	t.Helper()
	return w.put(t, "/runtime/executions/"+id, body)
}

// gone requires that an execution is not there any more.
func (w *world) gone(t testing.TB, id string) {
	t.Helper()
	w.get(t, "/runtime/executions/"+id).is(t, http.StatusNotFound)
}

// ended requires that an instance has ended.
func (w *world) ended(t testing.TB, id string) {
	t.Helper()
	w.get(t, "/runtime/process-instances/"+id).is(t, http.StatusNotFound)
	h := as[historic](t, w.get(t, "/history/historic-process-instances/"+id).is(t, 200))
	require.NotNil(t, h.EndTime)
	require.NotNil(t, h.DurationInMillis)
}

// activities returns where an execution and those below it stand.
func (w *world) activities(t testing.TB, id string) []string {
	t.Helper()
	return as[[]string](t, w.get(t, "/runtime/executions/"+id+"/activities").is(t, 200))
}

const (
	trigger  = `{"action":"signal"}`
	signalGo = `{"action":"signalEventReceived","signalName":"go"}`
	getMail  = `{"action":"messageEventReceived","messageName":"mail"}`
)
