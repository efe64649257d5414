package console_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/console"
)

// shots is where screenshots are kept, for people to look at.
const shots = "../../.ci/artifacts/console"

const (
	wide   = 1280
	narrow = 390
)

// saidByPage are the answers of which the page says what is wrong.
var saidByPage = regexp.MustCompile(`status of (400|403|503)`)

// tab is a page in a real Chromium (.ci/need chromium installs it). Whatever a page
// writes to its console, such as that its policy was broken, fails the test.
type tab struct {
	ctx context.Context
	url string // of the gateway

	mu       sync.Mutex
	problems []string
}

// browser is one Chromium for all tests, each of which has a tab and cookies of its own.
type browser struct {
	once sync.Once
	ctx  context.Context
	end  context.CancelFunc
	err  error
}

var chromium browser

func (b *browser) start() {
	options := append(chromedp.DefaultExecAllocatorOptions[:len(chromedp.DefaultExecAllocatorOptions):len(chromedp.DefaultExecAllocatorOptions)],
		chromedp.WindowSize(wide, 900), chromedp.Flag("lang", "en-US"), chromedp.WSURLReadTimeout(time.Minute))
	if os.Geteuid() == 0 { // Chromium's sandbox refuses root
		options = append(options, chromedp.NoSandbox)
	}
	ctx, end := chromedp.NewExecAllocator(context.Background(), options...)
	b.ctx, b.end = chromedp.NewContext(ctx, chromedp.WithErrorf(func(string, ...any) {})) // of events that it does not know
	b.err = chromedp.Run(b.ctx)
	cut := b.end
	b.end = func() {
		_ = chromedp.Cancel(b.ctx) // waits for the browser to end
		cut()
		end()
	}
}

// stop ends the browser, if one was started.
func (b *browser) stop() {
	if b.end != nil {
		b.end()
	}
}

// browse opens a tab.
func browse(t *testing.T, s *system) *tab {
	t.Helper()
	chromium.once.Do(chromium.start)
	require.NoError(t, chromium.err, "the tests need Chromium: .ci/need chromium")
	all := cdp.WithExecutor(chromium.ctx, chromedp.FromContext(chromium.ctx).Browser)
	// Ports share the cookies of a host: without a profile of its own a test would have those of others.
	profile, err := target.CreateBrowserContext().Do(all)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, target.DisposeBrowserContext(profile).Do(all)) })
	// A window of its own: what is not seen is not kept up to date.
	id, err := target.CreateTarget("about:blank").WithBrowserContextID(profile).WithNewWindow(true).Do(all)
	require.NoError(t, err)
	ctx, closed := chromedp.NewContext(chromium.ctx, chromedp.WithTargetID(id))
	b := &tab{ctx: ctx, url: s.url}
	t.Cleanup(func() {
		closed()
		b.mu.Lock()
		defer b.mu.Unlock()
		require.Empty(t, b.problems)
	})
	chromedp.ListenTarget(ctx, b.hear)
	require.NoError(t, chromedp.Run(ctx, log.Enable(), runtime.Enable(), size(wide)))
	return b
}

func size(width int64) chromedp.Action { return chromedp.EmulateViewport(width, 900) }

func (b *tab) hear(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *log.EventEntryAdded:
		if e.Entry.Source == log.SourceNetwork && saidByPage.MatchString(e.Entry.Text) {
			return
		}
		b.problems = append(b.problems, fmt.Sprint(e.Entry.Level, " ", e.Entry.Text, " ", e.Entry.URL))
	case *runtime.EventExceptionThrown:
		b.problems = append(b.problems, e.ExceptionDetails.Error())
	}
}

func (b *tab) run(t *testing.T, actions ...chromedp.Action) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 20*time.Second)
	defer cancel()
	if err := chromedp.Run(ctx, actions...); err != nil {
		var page string
		_ = chromedp.Run(b.ctx, chromedp.Evaluate("document.body.innerText", &page))
		require.NoError(t, err, "%s", page)
	}
}

func (b *tab) open(t *testing.T, path string) {
	t.Helper()
	b.run(t, chromedp.Navigate(b.url+path))
}

// see waits until a text can be read within an element, be it on the next page.
func (b *tab) see(t *testing.T, within, text string) {
	t.Helper()
	b.until(t, fmt.Sprintf("(document.querySelector(%q)?.innerText ?? '').includes(%q)", within, text))
}

// until waits for a script to be true. One that is cut off by a new page is run again there.
func (b *tab) until(t *testing.T, script string) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for tick := time.Tick(20 * time.Millisecond); ; <-tick {
		var ok bool
		ctx, cancel := context.WithDeadline(b.ctx, deadline)
		err := chromedp.Run(ctx, chromedp.Evaluate(script, &ok))
		cancel()
		if err == nil && ok {
			return
		}
		if time.Now().After(deadline) {
			var page string
			_ = chromedp.Run(b.ctx, chromedp.Evaluate("document.body.innerText", &page))
			require.Fail(t, "not seen: "+script, "%v\n%s", err, page)
		}
	}
}

func (b *tab) click(t *testing.T, selector string) {
	t.Helper()
	b.run(t, chromedp.Click(selector, chromedp.ByQuery))
}

func (b *tab) evaluate(t *testing.T, script string, out any) {
	t.Helper()
	b.run(t, chromedp.Evaluate(script, out))
}

// A task is watched as it runs and finishes: the page is never loaded anew.
func TestWatch(t *testing.T) {
	t.Parallel()
	s := start(t)
	b := browse(t, s)
	s.publish(t, "watched", `{"mode":"wait","password":"hush"}`)
	b.open(t, "/console/tasks/watched")
	b.until(t, "document.querySelector('#attempt-1') !== null")
	b.evaluate(t, "window.same = true; document.querySelector('#attempt-1').open = false", nil)
	b.see(t, ".headline", "Running")
	b.see(t, "#state", "Live")
	b.see(t, "#log", "mode is wait <b>&amp;</b>")
	b.see(t, "#live", "Progress: 40 %")
	b.see(t, "#live", "******")
	close(s.finish)
	b.see(t, ".headline", "Started")
	b.see(t, "#log", "going on")
	b.see(t, "#live", "m-1")
	var same, folded bool
	b.evaluate(t, "window.same === true", &same)
	b.evaluate(t, "!document.querySelector('#attempt-1').open", &folded)
	require.True(t, same, "the page was loaded anew")
	require.True(t, folded, "what was folded is open again")
}

// A failed task is repaired: debug mode, an edit, the comparison, the reRun.
func TestReRun(t *testing.T) {
	t.Parallel()
	s := start(t)
	b := browse(t, s)
	s.publish(t, "broken", `{"mode":"fail","size":12345678901234567890}`)
	s.waitFor(t, "broken", mustStatus("start.failed"))
	b.open(t, "/console/tasks/broken")
	b.see(t, "#live", "the disk is full")
	b.evaluate(t, `const form = document.querySelector('form[action$="/debug"]'); form.csrf_token.value = 'old'; form.querySelector('button').click()`, nil)
	b.see(t, ".problem", "Load the page again and do it there.")
	b.shoot(t, "token")
	b.click(t, "main a.main")
	b.click(t, `form[action$="/debug"] button`)
	b.see(t, ".notice", "Debug mode of the process is on.")
	b.click(t, `a[href$="/reRun"].button:not(.main)`)
	b.see(t, "dialog[open]", "Nothing is changed.")
	b.evaluate(t, "window.headers = document.body.getAttribute('hx-headers'); document.body.setAttribute('hx-headers', '{\"X-CSRF-Token\":\"old\"}')", nil)
	b.run(t, chromedp.SendKeys(`dialog textarea[name="parameters"]`, " ", chromedp.ByQuery))
	b.see(t, "dialog[open] #compare", "Load the page again and do it there.")
	b.evaluate(t, "document.body.setAttribute('hx-headers', window.headers)", nil)
	b.run(t, chromedp.SetValue(`dialog textarea[name="parameters"]`, "{\n  \"mode\": \"nonsense\",\n  \"size\": 12345678901234567890\n}", chromedp.ByQuery),
		chromedp.SendKeys(`dialog textarea[name="parameters"]`, "\n", chromedp.ByQuery))
	b.see(t, "dialog[open]", "The params are not what the stone declares:")
	b.see(t, "dialog[open] .diff .add", `"nonsense"`)
	b.shoot(t, "rerun-dialog")
	b.run(t, chromedp.SetValue(`dialog textarea[name="parameters"]`, `{"mode": "ok", "size": 12345678901234567890`, chromedp.ByQuery),
		chromedp.SendKeys(`dialog textarea[name="parameters"]`, " ", chromedp.ByQuery))
	b.see(t, "dialog[open] #compare", "is no JSON")
	b.run(t, chromedp.SendKeys(`dialog textarea[name="parameters"]`, "}", chromedp.ByQuery))
	b.see(t, "dialog[open] #compare", "The params are what the stone declares.")
	b.click(t, "dialog button.main")
	b.see(t, ".notice", "The task runs again.")
	b.see(t, ".headline", "Started")
	b.see(t, "#live", "changed: params.mode")
	b.see(t, "#live", "12345678901234567890")
}

// What a resume will do is said before it is done.
func TestResume(t *testing.T) {
	t.Parallel()
	s := start(t)
	b := browse(t, s)
	s.publish(t, "held", `{"mode":"fail"}`, debugMode)
	s.waitFor(t, "held", mustStatus("start.failed"))
	b.open(t, "/console/tasks/held")
	b.click(t, `a[href$="/resume"]`)
	b.see(t, "dialog[open]", "the task stays failed, its process leaves debug mode")
	b.see(t, "dialog[open]", "another orchestrator")
	b.shoot(t, "resume-dialog")
	b.click(t, "dialog button.main")
	b.see(t, ".notice", "The process goes on.")
	got, err := s.api.Get(t.Context(), "held")
	require.NoError(t, err)
	require.False(t, got.Debug)
}

// A cancel by keyboard alone; Escape leaves the sheet and gives the focus back.
func TestCancel(t *testing.T) {
	t.Parallel()
	s := start(t)
	b := browse(t, s)
	s.publish(t, "unwanted", `{}`, unserved)
	b.open(t, "/console/tasks/unwanted")
	b.see(t, ".why", "no worker has ever served stone NobodysStone")
	b.run(t, chromedp.KeyEvent(kb.Tab))
	var focused string
	b.evaluate(t, "document.activeElement.className", &focused)
	require.Equal(t, "skip", focused)
	for range 30 {
		b.run(t, chromedp.KeyEvent(kb.Tab))
		if b.evaluate(t, "document.activeElement.getAttribute('href') ?? ''", &focused); strings.HasSuffix(focused, "/cancel") {
			break
		}
	}
	b.run(t, chromedp.KeyEvent(kb.Enter))
	b.see(t, "dialog[open]", "Nobody has begun the task.")
	b.run(t, chromedp.KeyEvent(kb.Escape))
	b.until(t, "!document.querySelector('dialog[open]')")
	b.evaluate(t, "document.activeElement.getAttribute('href') ?? ''", &focused)
	require.True(t, strings.HasSuffix(focused, "/cancel"), focused)
	b.run(t, chromedp.KeyEvent(kb.Enter))
	b.see(t, "dialog[open]", "Nobody has begun the task.")
	b.evaluate(t, "document.activeElement.localName", &focused)
	require.Equal(t, "h2", focused, "a key that is held down must not confirm")
	b.run(t, chromedp.KeyEvent(kb.Tab))
	b.evaluate(t, "document.activeElement.textContent", &focused)
	require.Equal(t, "Cancel", focused)
	b.run(t, chromedp.KeyEvent(kb.Enter))
	b.see(t, ".notice", "The task is being cancelled.")
	s.waitFor(t, "unwanted", mustStatus("canceled"))
	b.see(t, ".headline", "Cancelled")
}

// Several tasks at once: counted first, then done.
func TestBulk(t *testing.T) {
	t.Parallel()
	s := start(t)
	b := browse(t, s)
	for _, id := range []string{"w1", "w2", "w3"} {
		s.publish(t, id, `{}`, unserved)
	}
	s.publish(t, "over", `{"mode":"ok"}`)
	s.waitFor(t, "over", mustStatus("start.success"))
	b.open(t, "/console/tasks")
	b.click(t, `input[value="w2"]`)
	b.click(t, `input[value="over"]`)
	b.click(t, `button[name="do"][value="cancel"]`)
	b.see(t, "main", "2 tasks were looked at.")
	b.see(t, "main", "1 of them take this.")
	s.waitFor(t, "w2", mustStatus("produce.success"))
	b.open(t, "/console/tasks?stone=NobodysStone")
	b.click(t, `button[name="do"][value="cancel"]`)
	b.see(t, "main", "3 of them take this.")
	b.click(t, "main button.main")
	b.see(t, ".notice", "3 tasks took it.")
	for _, id := range []string{"w1", "w2", "w3"} {
		s.waitFor(t, id, mustStatus("canceled"))
	}
}

// A refresh that takes long says so, one that fails leaves what was there, and
// the next good one makes up for it.
func TestRefresh(t *testing.T) {
	t.Parallel()
	var answers sync.Mutex // held while the API does not answer
	var away atomic.Bool
	api := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answers.Lock()
		defer answers.Unlock()
		if away.Load() {
			fixture{"GET /stone": "!503 the queue is away"}.ServeHTTP(w, r)
			return
		}
		calm.ServeHTTP(w, r)
	})
	server := httptest.NewServer(console.New(api, console.Config{}))
	defer server.Close()
	b := browse(t, &system{url: server.URL})
	b.open(t, "/console/stones")
	b.see(t, "#state", "Refreshed every 5 s")
	answers.Lock()
	b.evaluate(t, "htmx.trigger('#live', 'console:refresh')", nil)
	b.see(t, "#state", "Loading")
	away.Store(true)
	answers.Unlock()
	b.see(t, "#state", "Not up to date")
	b.see(t, "#live", "DemoStone")
	b.shoot(t, "stones-lost")
	away.Store(false)
	b.evaluate(t, "htmx.trigger('#live', 'console:refresh')", nil)
	b.see(t, "#state", "Refreshed every 5 s")
}

// What the reader has folded stays so, also where a refresh could not show it,
// or shows others before it; what is new is as the server has it.
func TestFolds(t *testing.T) {
	t.Parallel()
	var now atomic.Pointer[fixture] // how the API stands
	stand := func(params string, more fixture) {
		said := strings.Replace(taskJSON("m", "start.begin", false), `"outputs":"{}"`, fmt.Sprintf(`"outputs":%q`, params), 1)
		all := failedTask(false).with(fixture{"GET /task/t%2F1": said}).with(more)
		now.Store(&all)
	}
	pages := console.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { now.Load().ServeHTTP(w, r) }), console.Config{})
	mux := http.NewServeMux()
	mux.Handle("/console/", pages)
	mux.HandleFunc("/events", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	b := browse(t, &system{url: server.URL})
	stand(`{"m":{"x":{"y":1}}}`, nil)
	b.open(t, "/console/tasks/t%2F1")
	b.see(t, "#state", "Live")
	b.evaluate(t, `const fold = key => [...document.querySelectorAll('#outputs details')].find(d => d.querySelector(':scope > summary > .key')?.textContent === key);
		document.querySelector('#attempt-2').open = false; document.querySelector('#attempt-1').open = true; fold('m').open = false`, nil)
	refreshed := func(seen string) {
		b.evaluate(t, "htmx.trigger('#live', 'console:refresh')", nil)
		b.see(t, "#live", seen)
	}
	open := func(script string) (is bool) { b.evaluate(t, script+".open", &is); return is }
	stand(`{"a":{"b":2},"m":{"x":{"y":1}}}`, fixture{"GET /task/t%2F1/history": "!503 the database can not answer now"})
	refreshed("the database can not answer now")
	b.until(t, "!document.querySelector('#attempt-2')")
	require.True(t, open("fold('a')"), "the reader has not folded it")
	require.False(t, open("fold('m')"))
	stand(`{"a":{"b":2},"m":{"x":{"y":1}},"z":1}`, nil)
	refreshed("z:")
	require.False(t, open("document.querySelector('#attempt-2')"), "what was folded is open again")
	require.True(t, open("document.querySelector('#attempt-1')"), "what was open is folded again")
	require.False(t, open("fold('m')"))
}

// shoot keeps screenshots of what is shown, wide and narrow.
func (b *tab) shoot(t *testing.T, name string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(shots, 0o755))
	for _, width := range []int64{wide, narrow} {
		var png []byte
		var over int
		b.run(t, size(width), chromedp.Evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth", &over), chromedp.FullScreenshot(&png, 100))
		require.LessOrEqual(t, over, 0, "%s is wider than %d px", name, width)
		require.NoError(t, os.WriteFile(filepath.Join(shots, fmt.Sprintf("%s-%d.png", name, width)), png, 0o600))
	}
	b.run(t, size(wide))
}

// prefer sets what the visitor's system prefers.
func (b *tab) prefer(t *testing.T, scheme string) {
	t.Helper()
	b.run(t, emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}))
}

// Each page as people see it.
func TestTour(t *testing.T) {
	t.Parallel()
	s := start(t)
	b := browse(t, s)
	s.publish(t, "done", `{"mode":"ok","nested":{"list":[1,2,{"a":null}],"text":"机器 🚀"}}`)
	s.publish(t, "failed", `{"mode":"fail"}`, debugMode)
	s.publish(t, "运行中/1", `{"mode":"wait"}`)
	for i := range 30 {
		s.publish(t, fmt.Sprintf("waiting-%02d", i), `{"size":`+fmt.Sprint(i)+`}`, unserved)
	}
	s.publish(t, strings.Repeat("long", 60), `{}`, unserved)
	s.waitFor(t, "done", mustStatus("start.success"))
	s.waitFor(t, "failed", mustStatus("start.failed"))
	s.waitFor(t, "运行中/1", mustStatus("start.begin"))
	pages := []struct{ name, path string }{
		{"overview", "/"}, {"tasks", "/tasks"}, {"tasks-none", "/tasks?name=nothing&namespace=x"}, {"tasks-wrong", "/tasks?createdAfter=soon"},
		{"task-done", "/tasks/done"}, {"task-failed", "/tasks/failed"}, {"task-running", "/tasks/%E8%BF%90%E8%A1%8C%E4%B8%AD%2F1"}, {"task-waiting", "/tasks/waiting-01"},
		{"task-long", "/tasks/" + strings.Repeat("long", 60)}, {"rerun", "/tasks/failed/reRun"}, {"resume", "/tasks/failed/resume"}, {"cancel", "/tasks/waiting-01/cancel"},
		{"bulk", "/bulk?do=cancel&search=stone%3DNobodysStone"}, {"stones", "/stones"}, {"stone", "/stones/TourStone"}, {"stone-unserved", "/stones/NobodysStone"},
		{"letters", "/letters"}, {"quarantine", "/letters?of=quarantine"}, {"callbacks", "/callbacks"},
	}
	for _, p := range pages {
		b.open(t, "/console"+p.path)
		b.settle(t)
		b.shoot(t, p.name)
	}
	b.prefer(t, "dark")
	for _, p := range []struct{ name, path string }{{"overview-dark", "/"}, {"task-failed-dark", "/tasks/failed"}, {"tasks-dark", "/tasks"}} {
		b.open(t, "/console"+p.path)
		b.settle(t)
		b.shoot(t, p.name)
	}
	b.prefer(t, "light")
	b.click(t, `button[lang="zh-CN"]`)
	b.see(t, "h1", "任务")
	b.shoot(t, "tasks-zh")
	b.open(t, "/console/tasks/failed")
	b.shoot(t, "task-failed-zh")
	close(s.finish)
}

// settle waits until scripts have run.
func (b *tab) settle(t *testing.T) {
	t.Helper()
	b.until(t, "document.readyState === 'complete' && !document.querySelector('[aria-busy]')")
}
