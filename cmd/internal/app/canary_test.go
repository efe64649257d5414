package app_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"crypto/rand"

	"github.com/jackc/pgx/v5"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap/zapcore"

	"github.com/riverstones/riverstones/cmd/internal/app"
	"github.com/riverstones/riverstones/cmd/internal/cli"
	"github.com/riverstones/riverstones/cmd/internal/config"
	"github.com/riverstones/riverstones/cmd/internal/telemetry"
	"github.com/riverstones/riverstones/gateway/callback"
	"github.com/riverstones/riverstones/gateway/client"
	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/sealkey"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/stone"
)

// canary is a secret that is looked for afterwards, by either half of it: what
// stands between them reads otherwise wherever it is escaped.
type canary struct{ left, right string }

func (c canary) String() string { return c.left + `"/<\` + c.right }

func hatch() canary {
	half := func() string {
		b := make([]byte, 9)
		_, _ = rand.Read(b)
		return "cnry" + hex.EncodeToString(b)
	}
	return canary{half(), half()}
}

// traces are what a canary leaves: its halves, and these in base64 of anything
// around them.
func (c canary) traces() []string {
	var all []string
	for _, half := range []string{c.left, c.right} {
		all = append(all, half)
		for shift, lead := range []int{0, 2, 3} {
			text := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("\x00", shift) + half))[lead:]
			all = append(all, text[:len(text)-1])
		}
	}
	return all
}

// cage holds the canaries of a test.
type cage struct {
	mu  sync.Mutex
	all []canary
}

func (c *cage) hatch() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, hatch())
	return c.all[len(c.all)-1].String()
}

// requireNone requires that what was seen shows no canary.
func (c *cage) requireNone(t *testing.T, where string, seen []byte) {
	t.Helper()
	require.NotEmpty(t, seen, where)
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, one := range c.all {
		for _, trace := range one.traces() {
			if at := bytes.Index(seen, []byte(trace)); at >= 0 {
				from, to := max(0, at-120), min(len(seen), at+120)
				require.Failf(t, "a secret shows", "canary %d in %s: …%q…", i, where, seen[from:to])
			}
		}
	}
}

func text(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return string(b)
}

type object = map[string]any

// secretParams plants 17 canaries: all names of the list, nested, in texts, and
// in base64.
func secretParams(t *testing.T, c *cage) json.RawMessage {
	t.Helper()
	return json.RawMessage(text(t, object{
		"password": c.hatch(), "dbPasswd": c.hatch(), "user_pwd": c.hatch(), "client_secret": c.hatch(), "accessToken": c.hatch(),
		"apiKey": c.hatch(), "api_key": c.hatch(), "accessKey": c.hatch(), "access_key": c.hatch(), "private_key": c.hatch(), "secretKey": c.hatch(),
		"list":         []any{object{"deep": object{"Password": c.hatch()}}},
		"object_token": object{"inner": []any{c.hatch()}},
		"text":         text(t, object{"pwd": c.hatch(), "note": "kept"}),
		"twice":        text(t, object{"t": text(t, object{"secret": c.hatch()})}),
		"userdata":     base64.StdEncoding.EncodeToString([]byte(text(t, object{"secretKey": c.hatch()}))),
		"userdata2":    base64.RawURLEncoding.EncodeToString([]byte(text(t, object{"t": text(t, object{"accessKey": c.hatch()})}))),
		"n":            json.Number("12345678901234567890"),
	}))
}

// parrot repeats secrets wherever it can, and fails at its first try.
type parrot struct {
	got     chan json.RawMessage // params of each run
	session string
	deep    string
}

func (p *parrot) Start(_ context.Context, t *stone.Task) error {
	p.got <- bytes.Clone(t.Params())
	var in struct{ Password, AccessToken, ObjectToken, Secret, Text string }
	if err := json.Unmarshal(t.Params(), &in); err != nil {
		return err
	}
	t.Logf("info", "password is %s", in.Password)
	t.Logf("warn", "password is %q", in.Password)
	t.Logf("info", "basic %s", base64.StdEncoding.EncodeToString([]byte("user:"+in.AccessToken+":")))
	t.Logf("info", "%s", t.Params())
	t.Logf("error", "text %s", in.Text)
	if err := errors.Join(t.SetOutput("sessionToken", p.session), t.SetOutput("made", object{"apiKey": p.deep})); err != nil {
		return err
	}
	if strings.Contains(string(t.Params()), `"again"`) {
		t.Logf("info", "session %s", p.session) // known from the run before
		return nil
	}
	return stone.Reject(fmt.Sprintf("login with %s refused: %s", in.Password, t.Params()))
}

// Secrets show nowhere but in the queue and at the stone: not in the database,
// the process's log, traces and metrics, any answer, event or callback, or on the command line. A
// reRun that sends their masks back works with the secrets. Where the stone has
// a key they do not show in the queue either.
func TestCanaries(t *testing.T) {
	t.Parallel()
	for name, db := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testCanaries(t, db(t), "")
		})
	}
	t.Run("sealed to the stone", func(t *testing.T) {
		t.Parallel()
		line, _, err := sealkey.Generate("k1")
		require.NoError(t, err)
		testCanaries(t, "", line)
	})
}

func testCanaries(t *testing.T, db, key string) {
	t.Helper()
	var cage cage
	cfg := settings(t)
	cfg.Store, cfg.SealMake, cfg.NATSListen = db, true, "127.0.0.1:0"
	cfg.Work.SealKeysText = key
	told, spans := receiver(t, &cfg), collect(t, &cfg)
	var logged logs
	log, flush := telemetry.Buffered(&logged, zapcore.DebugLevel, config.JSON)
	t.Cleanup(flush)
	p := &parrot{got: make(chan json.RawMessage, 10), session: cage.hatch(), deep: cage.hatch()}
	a := app.New(cfg, log, with("Parrot", p))
	require.NoError(t, a.Start(t.Context()))
	t.Cleanup(func() { stop(t, a) })

	params := secretParams(t, &cage)
	c := newClient(t, a.URL())
	require.Eventually(t, func() bool {
		s, err := c.Stone(t.Context(), "Parrot")
		return err == nil && s.Declared && (s.SealKey != "") == (key != "")
	}, patience, patience/1000)
	heard := overhear(t, a.URL())
	run(t, c, p, params, cage.hatch(), told.url)
	if key == "" { // what others put into the queue in clear is in clear
		poison(t, a, cage.hatch())
	}
	require.GreaterOrEqual(t, len(cage.all), 20)

	require.Eventually(t, func() bool { return bytes.Contains(heard.bytes(), []byte("start.success")) }, patience, patience/1000)
	require.Contains(t, string(heard.bytes()), task.Mask)
	cage.requireNone(t, "the events", heard.bytes())
	require.Eventually(t, func() bool { return bytes.Contains(told.bytes(), []byte("start.success")) }, patience, patience/1000)
	require.Contains(t, string(told.bytes()), task.Mask)
	cage.requireNone(t, "the callbacks", told.bytes())

	for path, seen := range answers(t, a.URL()) {
		cage.requireNone(t, path, seen)
	}
	for _, args := range [][]string{{"get", "t1"}, {"list", "--process", "p"}, {"history", "t1"}, {"log", "t1"}, {"get", "t1", "-o", "json"}, {"log", "t1", "-o", "json"}} {
		var out bytes.Buffer
		code := cli.Run(within(t), cli.Process{Args: append([]string{"task", "--server", a.URL()}, args...), In: strings.NewReader(""), Out: &out, Err: &out})
		require.Equal(t, cli.ExitOK, code, out.String())
		cage.requireNone(t, strings.Join(args, " "), out.Bytes())
	}
	cage.requireNone(t, "the database", dump(t, &cfg))
	require.NoError(t, log.Sync())
	cage.requireNone(t, "the process's log", logged.bytes())
	stop(t, a) // and so everything is on the disk, and every span is sent
	cage.requireNone(t, "the traces", spans.bytes())
	if key != "" {
		seen := files(t, cfg.NATSDir())
		require.Contains(t, string(seen), `"$sealed":"1:k1:`)
		cage.requireNone(t, "the queue", seen)
	}
}

// mailbox is who is told of the ends of tasks.
type mailbox struct {
	logs
	url string
}

// receiver starts one, and lets it be told.
func receiver(t *testing.T, cfg *config.Config) *mailbox {
	t.Helper()
	var m mailbox
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(&m, r.Body) // what is missing is missed below
	}))
	t.Cleanup(s.Close)
	secrets, err := callback.ParseSecrets("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	require.NoError(t, err)
	cfg.Callbacks = config.Callbacks{Allow: []string{"http://127.0.0.1", "127.0.0.1"}, Secrets: secrets}
	m.url = s.URL
	return &m
}

// overhear collects the event stream of the process until the test ends.
func overhear(t *testing.T, base string) *logs {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/events?processInstanceId=p", http.NoBody)
	require.NoError(t, err)
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode)
	var heard logs
	var reading sync.WaitGroup
	reading.Go(func() { _, _ = io.Copy(&heard, resp.Body) }) // until it is cancelled
	t.Cleanup(func() {
		cancel()
		reading.Wait()
		_ = resp.Body.Close()
	})
	return &heard
}

// files returns all bytes below a directory.
func files(t *testing.T, dir string) []byte {
	t.Helper()
	var all bytes.Buffer
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		all.Write(b)
		return err
	}))
	return all.Bytes()
}

// run takes a task through a failure, a reRun with what a reader sees, and its
// end, and leaves another one that is held back.
func run(t *testing.T, c *client.Client, p *parrot, params json.RawMessage, held, told string) {
	t.Helper()
	ctx, yes := within(t), true
	one := client.NewTask{ProcessInstanceID: "p", TaskID: "t1", Stone: "Parrot", Params: params, Debug: &yes, Callback: &client.Callback{URL: told, Kind: "webhook"}}
	_, _, err := c.PublishOne(ctx, one)
	require.NoError(t, err)
	failed, err := c.WaitEnd(ctx, "t1", patience/1000)
	require.NoError(t, err)
	require.Equal(t, "start.failed", failed.Status)
	require.Equal(t, string(params), string(<-p.got))
	_, how, err := c.PublishOne(ctx, one)
	require.NoError(t, err)
	require.Equal(t, client.Known, how, "compared in clear")

	require.Contains(t, *failed.Params, task.Mask)
	shown := strings.Replace(*failed.Params, `{`, `{"again":1,`, 1)
	_, err = c.ReRun(ctx, "t1", client.ReRun{QueueType: "start", Parameters: json.RawMessage(shown)})
	require.NoError(t, err)
	done, err := c.WaitEnd(ctx, "t1", patience/1000)
	require.NoError(t, err)
	require.Equal(t, "start.success", done.Status)
	require.Equal(t, strings.Replace(string(params), `{`, `{"again":1,`, 1), string(<-p.got), "the stone gets what was masked")

	_, _, err = c.PublishOne(ctx, client.NewTask{ProcessInstanceID: "p", TaskID: "t2", Stone: "Parrot", Params: json.RawMessage(text(t, object{"token": held})), Delay: "1h"})
	require.NoError(t, err)
}

// poison puts messages into the queue that cannot be recorded, and waits for
// them to be in quarantine, and a dead letter.
func poison(t *testing.T, a *app.App, secret string) {
	t.Helper()
	nc, err := queue.Connect(a.NATSURL(), queue.ConnectConfig{})
	require.NoError(t, err)
	defer nc.Close()
	require.NoError(t, nc.Publish(queue.TaskSubject("Nobody", "", task.Start), []byte(`{"id":"?","params":`+text(t, object{"secret": secret})+`}`)))
	require.NoError(t, nc.Publish(queue.TaskSubject("Nobody", "", task.Start), []byte(`{"params":`+text(t, object{"secret": secret}))))
	letter := nats.NewMsg(queue.DLQSubject("Parrot"))
	letter.Header.Set(queue.HeaderReason, "no good: "+secret)
	letter.Data = []byte(`{"taskId":"t9","params":` + text(t, object{"secret": secret}) + `}`)
	require.NoError(t, nc.PublishMsg(letter))
	require.NoError(t, nc.FlushWithContext(within(t)))
	require.Eventually(t, func() bool {
		all, err := a.Store().Quarantine(t.Context(), "", 0, 10)
		return err == nil && len(all) == 2
	}, patience, patience/1000)
}

// answers are all that a client can read.
func answers(t *testing.T, base string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for _, path := range []string{
		"/task?processInstanceId=p", "/task/t1", "/task/t2", "/task/t1/history?notes=true", "/task/t1/log", "/task/t1/why", "/task/t2/why",
		"/quarantine", "/deadletter", "/callback", "/stone", "/stone/Parrot", "/task?status=" + url.QueryEscape("failed"), "/task/nobody", "/metrics",
	} {
		req, err := http.NewRequestWithContext(within(t), http.MethodGet, base+path, http.NoBody)
		require.NoError(t, err)
		resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
		require.NoError(t, err)
		all[path], err = io.ReadAll(resp.Body)
		require.NoError(t, errors.Join(err, resp.Body.Close()))
	}
	require.Contains(t, string(all["/task/t1/log"]), task.Mask)
	require.Contains(t, string(all["/task/t1/history?notes=true"]), task.Mask)
	return all
}

// dump returns all bytes that the store keeps.
func dump(t *testing.T, cfg *config.Config) []byte {
	t.Helper()
	var all bytes.Buffer
	if path, ok := cfg.SQLite(); ok {
		files, err := filepath.Glob(path + "*") // with its journals
		require.NoError(t, err)
		for _, f := range files {
			b, err := os.ReadFile(f)
			require.NoError(t, err)
			all.Write(b)
		}
		return all.Bytes()
	}
	conn, err := pgx.Connect(within(t), cfg.Store)
	require.NoError(t, err)
	defer conn.Close(context.WithoutCancel(t.Context())) //nolint:errcheck // the test is over
	rows, err := conn.Query(within(t), `select table_name from information_schema.tables where table_schema = current_schema()`)
	require.NoError(t, err)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.Greater(t, len(tables), 5)
	for _, table := range tables {
		rows, err := conn.Query(within(t), `select * from `+pgx.Identifier{table}.Sanitize())
		require.NoError(t, err)
		for rows.Next() {
			for _, v := range rows.RawValues() { // bytes and texts as they are
				all.Write(append(v, '\n'))
			}
		}
		require.NoError(t, rows.Err())
	}
	return all.Bytes()
}

// logs is what the process writes.
type logs struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logs) bytes() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Clone(l.b.Bytes())
}
