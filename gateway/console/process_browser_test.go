package console_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/client"
	"github.com/riverstones/riverstones/queue/queuetest"
)

// tourModel makes a machine as its parameter says, then waits for somebody.
const tourModel = `<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:riverstones="http://riverstones.io/bpmn" targetNamespace="tour">
<process id="tour" name="Tour">
<documentation>Makes a machine.</documentation>
<extensionElements><riverstones:parameters>[{"name":"mode","displayName":"Mode","type":"string","required":true,"allowedValues":["ok","wait","fail"],"uiGroup":"Machine","description":"what becomes of it"},
{"name":"size","type":"integer","minValue":1,"maxValue":10,"default":2,"uiGroup":"Machine"},{"name":"password","displayName":"Password","type":"string","noEcho":true}]</riverstones:parameters></extensionElements>
<startEvent id="begin"/><sequenceFlow sourceRef="begin" targetRef="disk"/>
<serviceTask id="disk" name="Disk" riverstones:stone="TourStone"><extensionElements><riverstones:field name="mode" value="ok"/></extensionElements></serviceTask>
<sequenceFlow sourceRef="disk" targetRef="box"/>
<subProcess id="box" name="Inside"><startEvent id="in"/><sequenceFlow sourceRef="in" targetRef="machine"/>
<serviceTask id="machine" name="Machine" riverstones:stone="TourStone"><extensionElements><riverstones:field name="mode" expression="${parameters.mode}"/></extensionElements></serviceTask>
<sequenceFlow sourceRef="machine" targetRef="out"/><endEvent id="out"/></subProcess>
<boundaryEvent id="late" attachedToRef="box" cancelActivity="false"><timerEventDefinition><timeDuration>PT10H</timeDuration></timerEventDefinition></boundaryEvent>
<sequenceFlow sourceRef="late" targetRef="reminded"/><endEvent id="reminded" name="Reminded"/>
<sequenceFlow sourceRef="box" targetRef="accept"/><userTask id="accept" name="Accept"/><sequenceFlow sourceRef="accept" targetRef="done"/><endEvent id="done"/>
</process></definitions>`

// deployFile uploads a file by the page, and waits for where it leads.
func (b *tab) deployFile(t *testing.T, content string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "tour.bpmn")
	require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
	b.open(t, "/console/deployments")
	b.run(t, chromedp.SetUploadFiles(`input[type="file"]`, []string{file}, chromedp.ByQuery))
	b.click(t, `form[action$="/deployments"] button.main`)
}

// startTour starts a process by the form.
func (b *tab) startTour(t *testing.T, mode string, debug bool) {
	t.Helper()
	b.click(t, `a[href$="/start"]`)
	b.see(t, "main", "what becomes of it")
	b.run(t, chromedp.SetValue(`select[name="v0"]`, `"`+mode+`"`, chromedp.ByQuery), chromedp.SendKeys(`input[type="password"]`, "hush-hush", chromedp.ByQuery))
	if debug {
		b.click(t, `input[name="debug"]`)
	}
	b.click(t, "main form button.main")
	b.see(t, ".notice", "The process is started.")
}

func (b *tab) seeMarker(t *testing.T, element, class string) {
	t.Helper()
	b.until(t, `document.querySelector('#diagram [data-element-id="`+element+`"].`+class+`') !== null`)
}

// A model is deployed, a process started by its form, and its tokens watched as
// they move; the page is never loaded anew.
func TestProcessLive(t *testing.T) {
	t.Parallel()
	s := start(t)
	b := browse(t, s)
	b.deployFile(t, strings.Replace(tourModel, `targetRef="done"/>`, `targetRef="nowhere"/>`, 1))
	b.see(t, ".lint", "nowhere")
	b.shoot(t, "deployment-refused")
	b.deployFile(t, tourModel)
	b.see(t, ".notice", "The model is deployed.")
	b.until(t, "document.querySelector('#diagram[data-drawn]') !== null")
	b.settle(t)
	b.shoot(t, "model")
	b.startTour(t, "wait", false)
	b.evaluate(t, "window.same = true", nil)
	b.seeMarker(t, "disk", "is-ok")
	b.seeMarker(t, "machine", "is-running")
	b.seeMarker(t, "machine", "has-token")
	b.see(t, "#live", "******")
	b.shoot(t, "process-running")
	close(s.finish)
	b.seeMarker(t, "accept", "has-token")
	b.see(t, ".steps", "Waits for somebody to complete it.")
	b.seeMarker(t, "machine", "is-ok")
	b.until(t, `document.querySelector('#diagram [data-element-id="machine"].has-token') === null`)
	var same bool
	b.evaluate(t, "window.same === true", &same)
	require.True(t, same, "the page was loaded anew")
	var page string
	b.evaluate(t, "document.documentElement.outerHTML", &page)
	require.NotContains(t, page, "hush-hush")
	b.click(t, `a[href$="/cancel"]`)
	b.see(t, "dialog[open]", "Nothing that is done is rolled back.")
	b.shoot(t, "process-cancel")
	b.click(t, "dialog button.main")
	b.see(t, ".headline", "Cancelled")
	b.click(t, `a[href$="/delete"].danger`)
	b.see(t, "dialog[open]", "can not be undone")
	b.click(t, "dialog button.danger")
	b.see(t, ".notice", "being deleted")
}

// A task fails in debug mode, is run again, and then left to fail: the process
// is rolled back by another one, which the page links to.
func TestProcessDebug(t *testing.T) {
	t.Parallel()
	s := start(t)
	b := browse(t, s)
	b.deployFile(t, tourModel)
	b.see(t, ".notice", "The model is deployed.")
	b.startTour(t, "fail", true)
	b.see(t, ".why", "A task failed in debug mode.")
	b.seeMarker(t, "machine", "is-failed")
	b.settle(t)
	b.shoot(t, "process-debug")
	b.click(t, `.steps a[href$="/reRun"]`)
	b.see(t, "dialog[open]", "Nothing is changed.")
	b.click(t, "dialog button.main")
	b.see(t, ".notice", "The task runs again.")
	b.run(t, chromedp.NavigateBack())
	b.see(t, ".steps", "Failed")
	b.until(t, `[...document.querySelectorAll('.steps tr[data-element="machine"] td')].some(td => td.innerText === '2')`)
	b.see(t, ".why", "A task failed in debug mode.")
	b.click(t, `.steps a[href$="/resume"]`)
	b.see(t, "dialog[open]", "the task stays failed")
	b.see(t, "dialog[open]", "rolled back")
	b.click(t, "dialog button.main")
	b.see(t, ".notice", "The process goes on.")
	b.see(t, ".headline", "Rolled back") // until then the page moves under the pointer
	b.settle(t)
	b.click(t, `dl.facts a[href*="/processes/"]`)
	b.see(t, ".headline", "Failed")
	b.see(t, "dl.facts", "Rollback process")
	b.see(t, ".steps", "Rolled back")
	b.shoot(t, "process-rolledback")
	b.until(t, `(() => { const dt = [...document.querySelectorAll('dl.facts dt')].find(e => e.innerText === 'Rollback process'); if (dt) { dt.nextElementSibling.querySelector('a').click(); return true } return false })()`)
	b.see(t, "dl.facts", "Undoes process")
	b.see(t, ".headline", "Completed")
	b.until(t, "document.querySelector('#diagram[data-drawn]') !== null")
	b.shoot(t, "process-rollback")
}

// The pages of processes as people see them.
func TestProcessTour(t *testing.T) {
	t.Parallel()
	s := start(t)
	b := browse(t, s)
	flow := s.api.Flowable(client.FlowableConfig{})
	_, err := flow.Deploy(t.Context(), client.NewDeployment{File: client.File{Name: "tour.bpmn", Bytes: []byte(tourModel)}})
	require.NoError(t, err)
	found, err := flow.Definitions(t.Context(), client.DefinitionFilter{Key: "tour"}, client.Paging{})
	require.NoError(t, err)
	model := "/models/" + found.Data[0].ID
	b.open(t, "/console/processes")
	b.shoot(t, "processes-none")
	var id string
	for _, name := range []string{"", "机器 🚀", strings.Repeat("long", 60)} {
		p, err := s.api.StartProcess(t.Context(), client.NewProcess{Key: "tour", ProcessName: name, BusinessKey: "order-4711", Variables: json.RawMessage(`{"mode":"ok","nested":{"list":[1,{"a":null}]}}`)})
		require.NoError(t, err)
		id = p.ID
	}
	queuetest.WaitFor(t, func() bool {
		steps, err := s.api.ProcessSteps(t.Context(), id)
		return err == nil && len(steps) > 0 && steps[len(steps)-1].ElementID == "accept"
	})
	for _, p := range []struct{ name, path string }{
		{"processes", "/processes"}, {"processes-wrong", "/processes?startedAfter=soon"}, {"process", "/processes/" + id},
		{"models", "/models"}, {"model-start", model + "/start"}, {"deployments", "/deployments"},
	} {
		b.open(t, "/console"+p.path)
		b.settle(t)
		b.until(t, "!document.getElementById('diagram') || document.querySelector('#diagram[data-drawn]') !== null")
		b.shoot(t, p.name)
	}
	b.prefer(t, "dark")
	for _, p := range []struct{ name, path string }{{"processes-dark", "/processes"}, {"process-dark", "/processes/" + id}, {"model-start-dark", model + "/start"}} {
		b.open(t, "/console"+p.path)
		b.settle(t)
		b.until(t, "!document.getElementById('diagram') || document.querySelector('#diagram[data-drawn]') !== null")
		b.shoot(t, p.name)
	}
	b.prefer(t, "light")
	b.click(t, `button[lang="zh-CN"]`)
	b.see(t, "h1", "启动流程")
	b.shoot(t, "model-start-zh")
	b.open(t, "/console/processes/"+id)
	b.shoot(t, "process-zh")
}
