package flowable_test

import (
	"fmt"
	"net/url"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/flowable"
)

// The seed's answers, byte for byte but for blanks and ids.
func TestExecutionObjects(t *testing.T) {
	t.Parallel()
	w := setup(t, flowable.Config{})
	w.deploy(t, line(receive("processTask")))
	in := w.start(t)
	child := w.at(t, in.ID, "processTask")
	root := fmt.Sprintf(`{"id":"%[2]s","url":"%[1]s/runtime/executions/%[2]s","parentId":null,"parentUrl":null,"superExecutionId":null,"superExecutionUrl":null,`+
		`"processInstanceId":"%[2]s","processInstanceUrl":"%[1]s/runtime/process-instances/%[2]s","suspended":false,"activityId":null,"tenantId":null}`, w.base, in.ID)
	token := fmt.Sprintf(`{"id":"%[3]s","url":"%[1]s/runtime/executions/%[3]s","parentId":"%[2]s","parentUrl":"%[1]s/runtime/executions/%[2]s","superExecutionId":null,"superExecutionUrl":null,`+
		`"processInstanceId":"%[2]s","processInstanceUrl":"%[1]s/runtime/process-instances/%[2]s","suspended":false,"activityId":"processTask","tenantId":null}`, w.base, in.ID, child.ID)
	require.Equal(t, root, w.get(t, "/runtime/executions/"+in.ID).is(t, 200).text())
	require.Equal(t, token, w.get(t, "/runtime/executions/"+child.ID).is(t, 200).text())
	first, second := root, token
	if child.ID < in.ID {
		first, second = token, root
	}
	all := `{"data":[` + first + "," + second + `],"total":2,"start":0,"sort":"processInstanceId","order":"asc","size":2}`
	require.Equal(t, all, w.get(t, "/runtime/executions").is(t, 200).text())
	require.Equal(t, all, w.post(t, "/query/executions", `{}`).is(t, 200).text())
	r := w.get(t, "/runtime/executions/"+in.ID)
	require.Equal(t, "application/json", r.header.Get("Content-Type"))
	w.get(t, "/runtime/executions/unknown").is(t, 404)
}

func TestActivities(t *testing.T) {
	t.Parallel()
	w := setup(t, flowable.Config{})
	w.deploy(t, line(`<subProcess id="packing"><startEvent id="s"/><userTask id="seal"/><endEvent id="e"/>`+flow("s", "seal")+flow("seal", "e")+`</subProcess>`)+
		`<boundaryEvent id="stopped" attachedToRef="packing"><signalEventDefinition signalRef="stop"/></boundaryEvent><endEvent id="e2"/>`+flow("stopped", "e2"))
	in := w.start(t)
	require.ElementsMatch(t, []string{"packing", "seal", "stopped"}, w.activities(t, in.ID))
	scope := w.at(t, in.ID, "packing")
	require.ElementsMatch(t, []string{"packing", "seal", "stopped"}, w.activities(t, scope.ID))
	require.Equal(t, []string{"seal"}, w.activities(t, w.at(t, in.ID, "seal").ID))
	w.get(t, "/runtime/executions/unknown/activities").is(t, 404)
}

func TestPagingAndSorting(t *testing.T) {
	t.Parallel()
	each(t, pagingAndSorting)
}

func pagingAndSorting(t *testing.T, w *world) {
	t.Helper()
	w.deploy(t, line(receive("a")))
	for range 8 {
		w.start(t)
	}
	page := func(query string) pageOf[execution] {
		return as[pageOf[execution]](t, w.get(t, "/runtime/executions?"+query).is(t, 200))
	}
	all := ids(page("size=2147483647").Data)
	require.Len(t, all, 16)
	require.True(t, slices.IsSorted(all))
	p := page("")
	require.Equal(t, []any{10, 16, 0, "processInstanceId", "asc"}, []any{p.Size, p.Total, p.Start, p.Sort, p.Order})
	require.Equal(t, all[:10], ids(p.Data))
	p = page("start=-3&size=-1")
	require.Equal(t, all[:10], ids(p.Data))
	p = page("size=0")
	require.Equal(t, []any{0, 16}, []any{p.Size, p.Total})
	require.NotNil(t, p.Data)
	p = page("start=14&size=5")
	require.Equal(t, []any{all[14:], 2, 14}, []any{ids(p.Data), p.Size, p.Start})
	p = page("start=100")
	require.Equal(t, []any{0, 16, 100}, []any{p.Size, p.Total, p.Start})
	for _, sort := range []string{"processInstanceId", "processDefinitionId", "processDefinitionKey", "tenantId"} {
		up, down := ids(page("size=100&sort="+sort).Data), page("size=100&order=desc&sort="+sort)
		require.Equal(t, []any{sort, "desc"}, []any{down.Sort, down.Order})
		got := ids(down.Data)
		slices.Reverse(got)
		require.Equal(t, up, got, sort)
		var paged []string
		for start := 0; start < 16; start += 3 {
			paged = append(paged, ids(page(fmt.Sprintf("start=%d&size=3&sort=%s", start, sort)).Data)...)
		}
		require.Equal(t, up, paged, sort)
	}
	for _, bad := range []string{
		"sort=id", "sort=", "sort=ProcessInstanceId", "order=", "order=ASC", "order=down", "start=a", "size=1.5", "size=", "size=2147483648", "start=1e1", "start=%201",
	} {
		w.get(t, "/runtime/executions?"+bad).is(t, 400)
	}
	w.get(t, "/runtime/executions?size=%zz").is(t, 400)

	query := func(path, body string) pageOf[execution] {
		return as[pageOf[execution]](t, w.post(t, "/query/executions"+path, body).is(t, 200))
	}
	require.Equal(t, all[2:5], ids(query("?start=2&size=3", `{}`).Data))
	require.Equal(t, all[2:4], ids(query("?start=2&size=3", `{"size":"2"}`).Data), "the body wins, one by one")
	p = query("?order=asc&sort=x", `{"sort":"tenantId","order":"desc","start":null,"size":1}`)
	require.Equal(t, []any{"tenantId", "desc", 1}, []any{p.Sort, p.Order, p.Size})
	for _, bad := range []string{`{"sort":""}`, `{"order":"DESC"}`, `{"size":true}`, `{"size":"a"}`, `{"start":4294967296}`, `{"sort":5}`, `[]`, `null`, `{`, `{} {}`, `"a"`} {
		w.post(t, "/query/executions", bad).is(t, 400)
	}
	w.post(t, "/query/executions", " ").is(t, 400)
}

func ids(all []execution) []string {
	out := []string{}
	for _, e := range all {
		out = append(out, e.ID)
	}
	return out
}

func TestFilters(t *testing.T) {
	t.Parallel()
	each(t, filters)
}

func filters(t *testing.T, w *world) {
	t.Helper()
	w.deployAll(t, `<process id="p">`+line(receive("a"))+`</process>`, "")
	w.deployAll(t, `<process id="q">`+line(`<intermediateCatchEvent id="m"><messageEventDefinition messageRef="mail"/></intermediateCatchEvent>`)+`</process>`, "")
	w.deployAll(t, `<process id="r">`+line(`<intermediateCatchEvent id="s"><signalEventDefinition signalRef="go"/></intermediateCatchEvent>`)+`</process>`, "shop_1")
	start := func(body string) instance {
		return as[instance](t, w.post(t, "/runtime/process-instances", body).is(t, 201))
	}
	p := start(`{"processDefinitionKey":"p","businessKey":"order 5"}`)
	q := start(`{"processDefinitionKey":"q"}`)
	r := start(`{"processDefinitionKey":"r","tenantId":"shop_1"}`)
	a, m, s := w.at(t, p.ID, "a").ID, w.at(t, q.ID, "m").ID, w.at(t, r.ID, "s").ID
	for _, tt := range []struct {
		name, value string
		want        []string
	}{
		{"id", a, []string{a}}, {"id", p.ID, []string{p.ID}}, {"id", "x", nil},
		{"activityId", "a", []string{a}}, {"activityId", "A", nil},
		{"parentId", p.ID, []string{a}}, {"parentId", a, nil},
		{"processInstanceId", p.ID, []string{p.ID, a}},
		{"processDefinitionKey", "q", []string{q.ID, m}},
		{"processDefinitionId", r.ProcessDefinitionID, []string{r.ID, s}},
		{"messageEventSubscriptionName", "mail", []string{m}}, {"signalEventSubscriptionName", "go", []string{s}},
		{"messageEventSubscriptionName", "go", nil}, {"signalEventSubscriptionName", "Go", nil},
		{"tenantId", "shop_1", []string{r.ID, s}}, {"tenantId", "shop%", nil}, {"tenantId", "", []string{p.ID, a, q.ID, m}},
		{"tenantIdLike", "shop%", []string{r.ID, s}}, {"tenantIdLike", "%_1", []string{r.ID, s}}, {"tenantIdLike", "SHOP%", nil}, {"tenantIdLike", "shop", nil},
		{"id", "", nil}, {"id", "a\x00", nil}, {"activityId", "'; drop table executions; --", nil},
	} {
		t.Run(tt.name+"="+tt.value, func(t *testing.T) {
			t.Parallel()
			got := w.find(t, tt.name+"="+url.QueryEscape(tt.value))
			require.ElementsMatch(t, tt.want, ids(got))
			body := as[pageOf[execution]](t, w.post(t, "/query/executions", fmt.Sprintf(`{%q:%s}`, tt.name, quoted(tt.value))).is(t, 200))
			require.ElementsMatch(t, tt.want, ids(body.Data))
			require.Equal(t, len(tt.want), body.Total)
		})
	}
	query := func(body string) []string {
		return ids(as[pageOf[execution]](t, w.post(t, "/query/executions", body).is(t, 200)).Data)
	}
	both := []string{p.ID, a, q.ID, m}
	require.ElementsMatch(t, []string{p.ID}, ids(w.find(t, "processInstanceBusinessKey=order+5")))
	require.Len(t, w.find(t, "processBusinessKey=other"), 6, "unknown filters are ignored")
	require.ElementsMatch(t, []string{p.ID}, query(`{"processBusinessKey":"order 5"}`))
	require.Len(t, query(`{"processInstanceBusinessKey":"other"}`), 6)
	require.ElementsMatch(t, both, ids(w.find(t, "processInstanceIds="+p.ID+","+q.ID)))
	require.ElementsMatch(t, both, query(fmt.Sprintf(`{"processInstanceIds":[%q,%q]}`, p.ID, q.ID)))
	require.Len(t, query(`{"processInstanceIds":[]}`), 6)
	require.Len(t, w.find(t, "processInstanceIds="), 6)
	require.ElementsMatch(t, both, ids(w.find(t, "withoutTenantId=true")))
	require.ElementsMatch(t, both, query(`{"withoutTenantId":true}`))
	require.Len(t, w.find(t, "withoutTenantId=false"), 6)
	require.Len(t, w.find(t, "withoutTenantId=1"), 6)
	require.Len(t, query(`{"withoutTenantId":false}`), 6)
	require.ElementsMatch(t, []string{a}, ids(w.find(t, "processDefinitionKey=p&activityId=a&processInstanceId="+p.ID)))
	require.Empty(t, w.find(t, "processDefinitionKey=p&activityId=m"))
	for _, bad := range []string{`{"id":5}`, `{"processInstanceIds":"a"}`, `{"processInstanceIds":[5]}`, `{"withoutTenantId":1}`, `{"variables":{}}`, `{"variables":[5]}`, `{"variables":[null]}`} {
		w.post(t, "/query/executions", bad).is(t, 400)
	}
}

// quoted writes a JSON string.
func quoted(s string) string {
	if s == "a\x00" {
		return `"a\u0000"`
	}
	return fmt.Sprintf("%q", s)
}

func TestConditions(t *testing.T) {
	t.Parallel()
	each(t, conditions)
}

func conditions(t *testing.T, w *world) {
	t.Helper()
	w.deploy(t, line(receive("a")))
	in := w.start(t, `{"name":"processVariable","value":"some string"}`, `{"name":"n","value":5}`, `{"name":"none","value":null}`, `{"name":"j","value":{"b":[1]}}`)
	other := w.start(t, `{"name":"processVariable","value":"Some String"}`)
	a, b := w.at(t, in.ID, "a").ID, w.at(t, other.ID, "a").ID
	w.post(t, "/runtime/executions/"+a+"/variables", `[{"name":"myVariable","type":"long","value":1234},{"name":"flag","value":true},{"name":"day","type":"date","value":"2020-01-01"}]`).is(t, 201)
	query := func(member, condition string) []string {
		return ids(as[pageOf[execution]](t, w.post(t, "/query/executions?size=100", fmt.Sprintf(`{%q:[%s]}`, member, condition)).is(t, 200)).Data)
	}
	seed := ids(as[pageOf[execution]](t, w.post(t, "/query/executions", `{"processDefinitionKey":"p","variables":[{"name":"myVariable","value":1234,"operation":"equals","type":"long"}],
"processInstanceVariables":[{"name":"processVariable","value":"some string","operation":"equals","type":"string"}]}`).is(t, 200)).Data)
	require.Equal(t, []string{a}, seed)
	for _, tt := range []struct {
		member, condition string
		want              []string
	}{
		{"variables", `{"name":"myVariable","value":1234,"operation":"equals"}`, nil},
		{"variables", `{"name":"myVariable","value":1234,"operation":"equals","type":"long"}`, []string{a}},
		{"variables", `{"value":1234,"operation":"equals","type":"long"}`, []string{a}},
		{"variables", `{"name":"other","value":1234,"operation":"equals","type":"long"}`, nil},
		{"variables", `{"name":"myVariable","value":1234,"operation":"notEquals"}`, nil},
		{"variables", `{"name":"myVariable","value":1235,"operation":"notEquals","type":"short"}`, []string{a}},
		{"variables", `{"name":"myVariable","value":"1234","operation":"notEquals"}`, []string{a}},
		{"variables", `{"name":"flag","value":1,"operation":"notEquals"}`, nil},
		{"variables", `{"name":"flag","value":true,"operation":"equals"}`, []string{a}},
		{"variables", `{"name":"day","value":1577836800000,"type":"long","operation":"notEquals"}`, nil},
		{"variables", `{"name":"day","value":"2020-01-01T01:00+01:00","type":"date","operation":"equals"}`, []string{a}},
		{"variables", `{"name":"processVariable","value":"some string","operation":"equals"}`, []string{in.ID}},
		{"processInstanceVariables", `{"name":"processVariable","value":"some string","operation":"equals"}`, []string{in.ID, a}},
		{"processInstanceVariables", `{"name":"processVariable","value":"SOME string","operation":"equalsIgnoreCase"}`, []string{in.ID, a, other.ID, b}},
		{"processInstanceVariables", `{"name":"processVariable","value":"some string","operation":"notEquals"}`, []string{other.ID, b}},
		{"processInstanceVariables", `{"name":"processVariable","value":"some","operation":"notEqualsIgnoreCase"}`, []string{in.ID, a, other.ID, b}},
		{"processInstanceVariables", `{"name":"processVariable","value":"SOME STRING","operation":"notEqualsIgnoreCase"}`, nil},
		{"processInstanceVariables", `{"name":"n","value":5,"operation":"equals"}`, []string{in.ID, a}},
		{"processInstanceVariables", `{"name":"n","value":5,"operation":"equals","type":"double"}`, nil},
		{"processInstanceVariables", `{"name":"n","value":6,"operation":"equals"},{"name":"n","value":5,"operation":"equals"}`, nil},
		{"processInstanceVariables", `{"value":"some string","operation":"equals"}`, []string{in.ID, a}},
	} {
		require.ElementsMatch(t, tt.want, query(tt.member, tt.condition), "%s %s", tt.member, tt.condition)
	}
	for _, bad := range []string{
		`{"name":"n","value":5}`, `{"name":"n","value":5,"operation":"is"}`, `{"name":"n","operation":"equals"}`, `{"name":"n","value":null,"operation":"equals"}`,
		`{"name":"n","value":"5","type":"integer","operation":"equals"}`, `{"name":"n","value":5,"type":"int","operation":"equals"}`, `{"name":"n","value":"x","type":"binary","operation":"equals"}`,
		`{"value":5,"operation":"notEquals"}`, `{"value":"5","operation":"equalsIgnoreCase"}`, `{"name":"n","value":5,"operation":"equalsIgnoreCase"}`,
		`{"name":"n","value":5,"operation":"notEqualsIgnoreCase"}`, `{"name":"n","value":"5","operation":"like"}`, `{"name":"n","value":5,"operation":"greaterThan"}`,
		`{"name":"n","value":5,"operation":"lessThanOrEquals"}`, `{"name":"n","value":5,"operation":"exists"}`, `{"name":"n","value":5,"operation":"EQUALS"}`, `{"name":5,"value":5,"operation":"equals"}`,
	} {
		for _, member := range []string{"variables", "processInstanceVariables"} {
			w.post(t, "/query/executions", fmt.Sprintf(`{%q:[%s]}`, member, bad)).is(t, 400)
		}
	}
}
