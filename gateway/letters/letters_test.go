package letters_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/riverstones/riverstones/gateway/letters"
	"github.com/riverstones/riverstones/gateway/rest"
	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/storetest/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m, goleak.IgnoreCurrent()) }

const (
	machine = "MachineStone"
	volume  = "SIP::EC2::Volume"
	id      = "0190f6a0-0c1d-7b52-9c1f-0d6b8b6f2a11"
)

// system is the API on a real server.
type system struct {
	url    string
	server *queuetest.Server
	js     jetstream.JetStream
}

// none is an empty quarantine.
type none struct{}

func (none) Quarantine(context.Context, string, int, int) ([]store.Quarantined, error) {
	return nil, nil
}

func setup(t *testing.T, q store.Quarantine) *system {
	t.Helper()
	s := &system{server: queuetest.Start(t)}
	nc := s.server.Connect(t)
	var err error
	s.js, err = jetstream.New(nc)
	require.NoError(t, err)
	e := echo.New()
	e.HTTPErrorHandler = rest.ErrorHandler(zap.NewNop())
	letters.Mount(rest.NewRouter(e, 1<<20), letters.Dead{NC: nc, JS: s.js, NoEcho: noEcho}, letters.Quarantine{Store: q, NoEcho: noEcho})
	srv := httptest.NewServer(e)
	t.Cleanup(srv.Close)
	s.url = srv.URL
	return s
}

// noEcho says that the pin of a machine is a secret.
func noEcho(stone string) []string {
	if stone == machine {
		return []string{"pin"}
	}
	return nil
}

// shown is a letter as a client reads it.
type shown struct {
	Seq                   uint64
	Subject               string
	Time                  time.Time
	Reason, TaskID, Bytes *string
	Size                  int
	Digest                *string
	Stream                string
	Index                 int
}

// get returns the list, its total, and whether that is exact.
func (s *system) get(t *testing.T, path string) (list []shown, total string, exact bool) {
	t.Helper()
	status, header, body := s.raw(t, path)
	require.Equal(t, 200, status, "%s", body)
	d := json.NewDecoder(strings.NewReader(body))
	d.DisallowUnknownFields()
	require.NoError(t, d.Decode(&list), body)
	return list, header.Get("X-Total-Count"), header.Get("X-Total-Exact") == ""
}

func (s *system) raw(t *testing.T, path string) (status int, header http.Header, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+path, http.NoBody)
	require.NoError(t, err)
	w, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { _ = w.Body.Close() }()
	b, err := io.ReadAll(w.Body)
	require.NoError(t, err)
	return w.StatusCode, w.Header, string(b)
}

// bury puts a message into RS_DLQ as a worker does.
func (s *system) bury(t *testing.T, stone, reason, data string) {
	t.Helper()
	m := nats.NewMsg(queue.DLQSubject(stone))
	m.Header.Set(queue.HeaderReason, reason)
	m.Data = []byte(data)
	_, err := s.js.PublishMsg(t.Context(), m)
	require.NoError(t, err)
}

func command(taskID, params string) string {
	return fmt.Sprintf(`{"id":%q,"taskId":%q,"processInstanceId":"p","name":"n","namespace":"n","stone":%q,"method":"start","epoch":0,"params":%s}`,
		id, taskID, machine, params)
}

func decoded(t *testing.T, l shown) string {
	t.Helper()
	require.NotNil(t, l.Bytes)
	b, err := base64.StdEncoding.DecodeString(*l.Bytes)
	require.NoError(t, err)
	return string(b)
}

func TestDeadLetters(t *testing.T) {
	t.Parallel()
	s := setup(t, none{})
	list, total, exact := s.get(t, "/deadletter")
	require.Empty(t, list)
	require.Equal(t, "0", total)
	require.True(t, exact)

	s.bury(t, machine, "epoch is 0", command("t1", `{"password":"hunter2","n":12345678901234567890}`))
	s.bury(t, volume, `{"token":"hunter2"}`, "hunter2 is no JSON")
	s.bury(t, machine, "", `"hunter2"`)
	list, total, exact = s.get(t, "/deadletter")
	require.Len(t, list, 3)
	require.Equal(t, "3", total)
	require.True(t, exact)
	require.Equal(t, []uint64{3, 2, 1}, []uint64{list[0].Seq, list[1].Seq, list[2].Seq}, "newest first")

	first := list[2]
	require.Equal(t, "rs.dlq.MachineStone", first.Subject)
	require.Equal(t, "epoch is 0", *first.Reason)
	require.Equal(t, "t1", *first.TaskID)
	require.Equal(t, command("t1", `{"password":"******","n":12345678901234567890}`), decoded(t, first))
	require.Nil(t, first.Digest)
	require.Equal(t, len(command("t1", `{"password":"hunter2","n":12345678901234567890}`)), first.Size)
	require.WithinDuration(t, time.Now(), first.Time, time.Minute)

	text := list[1]
	require.JSONEq(t, `{"token":"******"}`, *text.Reason)
	require.Nil(t, text.TaskID)
	require.Nil(t, text.Bytes, "what is no JSON may hold anything")
	require.Equal(t, 18, text.Size)
	require.Regexp(t, "^sha256:[0-9a-f]{64}$", *text.Digest)
	require.Nil(t, list[0].Bytes, "a text alone has no name that tells whether it is secret")
	require.Nil(t, list[0].Reason)

	_, _, body := s.raw(t, "/deadletter")
	require.NotContains(t, body, "hunter2")
	require.True(t, strings.HasPrefix(body, `[{"seq":3,"subject":"rs.dlq.MachineStone","time":"`), body)
}

// What a stone declares NoEcho, and what a reason repeats of it, is masked too.
func TestDeclaredSecrets(t *testing.T) {
	t.Parallel()
	s := setup(t, held{{Stream: queue.StreamTasks, Sequence: 1, Subject: queue.TaskSubject(machine, "", task.Start),
		Reason: "pin hunter2x is odd", Bytes: []byte(command("t1", `{"pin":"hunter2x","n":1}`))}})
	s.bury(t, machine, "pin hunter2x is odd", command("t1", `{"pin":"hunter2x","n":1}`))
	s.bury(t, volume, "", command("t2", `{"pin":"shown","n":1}`))
	for _, path := range []string{"/deadletter?stone=" + machine, "/quarantine"} {
		list, _, _ := s.get(t, path)
		require.Len(t, list, 1)
		require.Equal(t, "pin ****** is odd", *list[0].Reason)
		require.Equal(t, command("t1", `{"pin":"******","n":1}`), decoded(t, list[0]))
	}
	list, _, _ := s.get(t, "/deadletter?taskId=t2")
	require.Equal(t, command("t2", `{"pin":"shown","n":1}`), decoded(t, list[0]), "another stone's")
}

// held is a quarantine.
type held []store.Quarantined

func (h held) Quarantine(context.Context, string, int, int) ([]store.Quarantined, error) {
	return h, nil
}

func TestDeadLettersArePaged(t *testing.T) {
	t.Parallel()
	s := setup(t, none{})
	const n = 300
	for i := range n {
		stone := machine
		if i%3 == 0 {
			stone = volume
		}
		s.bury(t, stone, "", command(fmt.Sprint("t", i+1), "{}"))
	}
	str, err := s.js.Stream(t.Context(), queue.StreamDLQ)
	require.NoError(t, err)
	for _, gone := range []uint64{299, 298, 10, 11} {
		require.NoError(t, str.DeleteMsg(t.Context(), gone))
	}
	require.NoError(t, str.Purge(t.Context(), jetstream.WithPurgeSequence(4)))
	const left = n - 4 - 3

	var all []uint64
	for start := 0; ; start += 40 {
		list, total, exact := s.get(t, fmt.Sprintf("/deadletter?start=%d&size=40", start))
		require.Equal(t, fmt.Sprint(left), total)
		require.True(t, exact)
		if len(list) == 0 {
			break
		}
		for _, l := range list {
			require.Equal(t, fmt.Sprint("t", l.Seq), *l.TaskID)
			all = append(all, l.Seq)
		}
	}
	require.Len(t, all, left)
	require.Equal(t, []uint64{300, 297, 296}, all[:3])
	require.EqualValues(t, 4, all[left-1])
	for i := 1; i < len(all); i++ {
		require.Less(t, all[i], all[i-1])
	}

	list, total, exact := s.get(t, "/deadletter?stone="+volume+"&start=1&size=2")
	require.True(t, exact)
	require.Equal(t, "97", total, "of 100 the first, 10 and 298 are gone")
	require.Equal(t, []uint64{292, 289}, []uint64{list[0].Seq, list[1].Seq})
	list, total, _ = s.get(t, "/deadletter?taskId=t7")
	require.Equal(t, "1", total)
	require.EqualValues(t, 7, list[0].Seq)
	list, _, _ = s.get(t, "/deadletter?size=1&taskId="+id)
	require.EqualValues(t, 300, list[0].Seq, "the record's id serves too")
	list, total, exact = s.get(t, "/deadletter?taskId=unknown")
	require.Empty(t, list)
	require.Equal(t, "0", total)
	require.True(t, exact)
}

// A filter looks at a bounded number of messages.
func TestScanIsBounded(t *testing.T) {
	t.Parallel()
	s := setup(t, none{})
	for range 5200 {
		_, err := s.js.PublishAsync(queue.DLQSubject(machine), []byte(command("many", "{}")))
		require.NoError(t, err)
	}
	<-s.js.PublishAsyncComplete()
	_, total, exact := s.get(t, "/deadletter?taskId=many&size=1")
	require.False(t, exact)
	require.Equal(t, "5120", total)
	_, total, exact = s.get(t, "/deadletter?size=1")
	require.True(t, exact)
	require.Equal(t, "5200", total)
}

// What JetStream says about a command shows the task it was about.
func TestAdvisories(t *testing.T) {
	t.Parallel()
	s := setup(t, none{})
	ctx := t.Context()
	lanes, err := queue.EnsureConsumers(ctx, s.js, volume, "")
	require.NoError(t, err)
	_, err = s.js.Publish(ctx, queue.TaskSubject(volume, "", task.Start), []byte(command("t9", "{}")))
	require.NoError(t, err)
	m, err := lanes[queue.Work].Next()
	require.NoError(t, err)
	require.NoError(t, m.TermWithReason(`{"secret":"hunter2"}`))
	s.server.Messages(t, queue.StreamDLQ, 1)
	for _, query := range []string{"", "?taskId=t9", "?taskId=" + id, "?stone=" + volume} {
		list, _, _ := s.get(t, "/deadletter"+query)
		require.Len(t, list, 1, query)
		require.Equal(t, "t9", *list[0].TaskID)
		require.JSONEq(t, `{"secret":"******"}`, *list[0].Reason)
		require.NotContains(t, decoded(t, list[0]), "hunter2")
		require.Contains(t, list[0].Subject, "MSG_TERMINATED.RS_TASKS.w_SIP=3A=3AEC2=3A=3AVolume")
	}
	list, _, _ := s.get(t, "/deadletter?stone="+machine)
	require.Empty(t, list)
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	s := setup(t, broken{})
	for path, says := range map[string]string{
		"/deadletter?size=0": "size", "/deadletter?size=1001": "size", "/deadletter?start=-1": "start", "/deadletter?start=x": "start",
		"/deadletter?stone=a+b": "stone", "/deadletter?taskId=": "taskId",
		"/quarantine?size=0": "size", "/quarantine?stone=MachineStone": "no filter of the quarantine",
	} {
		status, _, body := s.raw(t, path)
		require.Equal(t, 400, status, path)
		require.Contains(t, body, says)
	}
	status, header, body := s.raw(t, "/quarantine")
	require.Equal(t, 503, status)
	require.Equal(t, "2", header.Get("Retry-After"))
	require.NotContains(t, body, "hunter2")
	s.server.Stop(t)
	status, _, _ = s.raw(t, "/deadletter")
	require.Equal(t, 503, status)
}

// broken is a store that is away.
type broken struct{}

func (broken) Quarantine(context.Context, string, int, int) ([]store.Quarantined, error) {
	return nil, errors.New("password hunter2 was refused")
}
