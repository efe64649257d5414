package flowable_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/flowable"
	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/seal"
	"github.com/riverstones/riverstones/store/storetest"
)

// Variables whose names say that they are secrets are a client's own: each call
// that shows variables gives them back as they were written, while the store
// keeps them sealed.
func TestSecretVariables(t *testing.T) {
	t.Parallel()
	keys, err := seal.ParseKeys("k:" + base64.StdEncoding.EncodeToString(make([]byte, seal.KeySize)))
	require.NoError(t, err)
	raw := storetest.SQLite(t)
	w := on(t, flowable.Config{}, seal.New(raw, seal.Config{Keys: keys}))
	w.deploy(t, line(`<userTask id="u"/>`, fmt.Sprintf(worker, "orders"), receive("b")))
	const mine = `{"name":"password","type":"string","value":"hunter2"},{"name":"secretKey","type":"json","value":{"k":"hunter2"}},` +
		`{"name":"config","type":"json","value":{"region":"r","list":[{"apiKey":"hunter2"}]}},{"name":"plain","type":"string","value":"p"}`
	type named map[string]string
	want := named{"password": `"hunter2"`, "secretKey": `{"k":"hunter2"}`, "config": `{"region":"r","list":[{"apiKey":"hunter2"}]}`, "plain": `"p"`}
	shows := func(all []shownVariable) {
		t.Helper()
		got := named{}
		for _, v := range all {
			got[v.Name] = string(v.Value)
		}
		require.Equal(t, want, got)
	}
	in := as[instance](t, w.post(t, "/runtime/process-instances", `{"processDefinitionKey":"p","returnVariables":true,"variables":[`+mine+`]}`).is(t, 201))
	shows(in.Variables)
	of, e := "/runtime/process-instances/"+in.ID, w.at(t, in.ID, "u")
	kept(t, raw, in.ID, len(want))
	all := func(path string) []shownVariable { return as[[]shownVariable](t, w.get(t, path).is(t, 200)) }
	shows(all(of + "/variables"))
	shows(all("/runtime/executions/" + e.ID + "/variables"))
	shows(as[pageOf[userTask]](t, w.get(t, "/runtime/tasks?includeProcessVariables=true").is(t, 200)).Data[0].Variables)
	shows(as[pageOf[instance]](t, w.post(t, "/query/process-instances", `{"includeProcessVariables":true}`).is(t, 200)).Data[0].Variables)
	one := "/runtime/executions/" + e.ID + "/variables/password?scope=global"
	require.Equal(t, want["password"], string(as[shownVariable](t, w.get(t, one).is(t, 200)).Value))

	want["password"] = `"hunter2 and more"`
	changed := `{"name":"password","scope":"global","value":` + want["password"] + `}`
	require.Equal(t, want["password"], string(as[shownVariable](t, w.put(t, one, changed).is(t, 200)).Value))
	kept(t, raw, in.ID, len(want))
	found := func(name, value string) int {
		return as[pageOf[instance]](t, w.post(t, "/query/process-instances", `{"variables":[{"name":"`+name+`","operation":"equals","value":`+value+`}]}`).is(t, 200)).Total
	}
	require.Equal(t, []int{1, 0}, []int{found("plain", `"p"`), found("password", want["password"])}, "what is sealed is not found by its value")

	task := as[pageOf[userTask]](t, w.get(t, "/runtime/tasks").is(t, 200)).Data[0].ID
	w.post(t, "/runtime/tasks/"+task, `{"action":"complete"}`).is(t, 200)
	job := as[[]jobShown](t, w.post(t, jobsAPI+"/acquire/jobs", `{"topic":"orders","lockDuration":"PT10M","workerId":"me"}`).is(t, 200))[0]
	shows(job.Variables)
	w.del(t, of).is(t, 204)
	shows(as[historic](t, w.get(t, "/history/historic-process-instances/"+in.ID+"?includeProcessVariables=true").is(t, 200)).Variables)
	kept(t, raw, in.ID, len(want))
}

// kept requires that a store keeps n variables, and no secret among them.
func kept(t *testing.T, raw store.Store, owner string, n int) {
	t.Helper()
	all, err := raw.Variables(t.Context(), owner)
	require.NoError(t, err)
	require.Len(t, all, n)
	for i := range all {
		doc, err := json.Marshal(all[i])
		require.NoError(t, err)
		require.NotContains(t, string(all[i].Data)+string(doc), "hunter2", all[i].Name)
	}
}
