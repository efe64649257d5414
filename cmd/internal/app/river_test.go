package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/cmd/internal/app"
	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/stone"
	"github.com/riverstones/riverstones/store"
)

// model wraps the elements of a process.
func model(key, elements string) []byte {
	return fmt.Appendf(nil, `<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:riverstones="http://riverstones.io/bpmn"
 xmlns:flowable="http://flowable.org/bpmn" targetNamespace="test"><process id=%q>%s</process></definitions>`, key, elements)
}

// deploy deploys a model as a Flowable client does.
func deploy(t *testing.T, a *app.App, file []byte) {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", "p.bpmn20.xml")
	require.NoError(t, err)
	_, err = part.Write(file)
	require.NoError(t, err)
	require.NoError(t, form.Close())
	call(t, http.MethodPost, a.URL()+"/repository/deployments", form.FormDataContentType(), body.Bytes(), http.StatusCreated)
}

func call(t *testing.T, method, url, kind string, body []byte, status int) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", kind)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	out, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, status, resp.StatusCode, "%s %s: %s", method, url, out)
	return out
}

// startProcess starts an instance of a key and returns its id.
func startProcess(t *testing.T, a *app.App, key, variables string) string {
	t.Helper()
	out := call(t, http.MethodPost, a.URL()+"/runtime/process-instances", "application/json",
		fmt.Appendf(nil, `{"processDefinitionKey":%q,"variables":%s}`, key, variables), http.StatusCreated)
	var in struct{ ID string }
	require.NoError(t, json.Unmarshal(out, &in))
	return in.ID
}

// ended waits until an instance has a status.
func ended(t *testing.T, a *app.App, id string, want store.InstanceStatus) store.Instance {
	t.Helper()
	var in store.Instance
	queuetest.WaitFor(t, func() bool {
		all, _, err := a.Store().Instances(t.Context(), store.InstanceFilter{ID: id, Paging: store.Paging{Size: 1}})
		require.NoError(t, err)
		require.Len(t, all, 1)
		in = all[0]
		return in.Status == want
	})
	return in
}

// journal is a stone that writes down what it was asked.
type journal struct {
	mu    sync.Mutex
	lines []string
	fail  map[string]bool // "start three"
}

func (j *journal) do(method string, t *stone.Task) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	line := method + " " + t.Namespace
	j.lines = append(j.lines, line)
	if j.fail[line] {
		return errors.New("told to fail")
	}
	return t.SetOutput("code", t.Namespace+"-1")
}

func (j *journal) Start(_ context.Context, t *stone.Task) error    { return j.do("start", t) }
func (j *journal) Rollback(_ context.Context, t *stone.Task) error { return j.do("rollback", t) }
func (j *journal) Delete(_ context.Context, t *stone.Task) error   { return j.do("delete", t) }

const threeStones = `<startEvent id="s"/><sequenceFlow sourceRef="s" targetRef="one"/>
<serviceTask id="one" riverstones:stone="Steps"><extensionElements><riverstones:field name="region" expression="${parameters.region}"/></extensionElements></serviceTask>
<sequenceFlow sourceRef="one" targetRef="two"/>
<serviceTask id="two" riverstones:stone="Steps"><extensionElements><riverstones:field name="from" expression="${outputs.one.code}"/></extensionElements></serviceTask>
<sequenceFlow sourceRef="two" targetRef="three"/><serviceTask id="three" riverstones:stone="Steps" riverstones:retries="0"/>
<sequenceFlow sourceRef="three" targetRef="e"/><endEvent id="e"/>`

func TestProcessDrivesStones(t *testing.T) {
	t.Parallel()
	for name, url := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := settings(t)
			cfg.Store = url(t)
			j := &journal{}
			a := start(t, cfg, with("Steps", j))
			deploy(t, a, model("p", threeStones))
			id := startProcess(t, a, "p", `[{"name":"region","value":"beijing"}]`)
			ended(t, a, id, store.Completed)
			require.Equal(t, []string{"start one", "start two", "start three"}, j.lines)
			var tasks []struct{ Namespace, Params, Status string }
			require.NoError(t, json.Unmarshal(get(t, a.URL()+"/task?processInstanceId="+id), &tasks))
			require.Len(t, tasks, 3)
			params := map[string]string{}
			for _, one := range tasks {
				params[one.Namespace] = one.Params
			}
			require.Equal(t, map[string]string{"one": `{"region":"beijing"}`, "two": `{"from":"one-1"}`, "three": `{}`}, params)
		})
	}
}

func TestProcessRollsBackByItself(t *testing.T) {
	t.Parallel()
	for name, url := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := settings(t)
			cfg.Store = url(t)
			j := &journal{fail: map[string]bool{"start three": true}}
			a := start(t, cfg, with("Steps", j))
			deploy(t, a, model("p", threeStones))
			id := startProcess(t, a, "p", `[{"name":"region","value":"beijing"}]`)
			in := ended(t, a, id, store.Failed)
			require.Contains(t, in.Reason, "told to fail")
			require.Equal(t, []string{"start one", "start two", "start three", "rollback three", "rollback two", "rollback one"}, j.lines)
			require.Equal(t, store.Completed, ended(t, a, in.Rollback, store.Completed).Status)
		})
	}
}
