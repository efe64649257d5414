package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap/zapcore"

	"github.com/riverstones/riverstones/cmd/internal/app"
	"github.com/riverstones/riverstones/cmd/internal/config"
	"github.com/riverstones/riverstones/cmd/internal/telemetry"
	"github.com/riverstones/riverstones/gateway/client"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/stone"
)

// teller gives secrets back, and fails with one in its reason when told so.
type teller struct {
	session, deep string
	got           chan map[string]any // params
}

func (s *teller) Start(_ context.Context, t *stone.Task) error {
	var in map[string]any
	if err := t.Bind(&in); err != nil {
		return err
	}
	s.got <- in
	if t.Namespace == "fails" {
		secret, _ := in["password"].(string)
		return stone.Reject("login with " + secret + " refused")
	}
	return errors.Join(t.SetOutput("sessionToken", s.session), t.SetOutput("made", object{"apiKey": s.deep}), t.SetOutput("code", "kept"))
}

func (s *teller) Rollback(context.Context, *stone.Task) error { return nil }

const telling = `<extensionElements><riverstones:outputs>[{"key":"sessionToken","value":"${outputs.one.sessionToken}"},
{"key":"everything","value":"${outputs.one.made}"},{"key":"code","value":"${outputs.one.code}"}]</riverstones:outputs></extensionElements>
<startEvent id="s"/><sequenceFlow sourceRef="s" targetRef="one"/>
<serviceTask id="one" riverstones:stone="Teller"><extensionElements><riverstones:field name="password" expression="${password}"/></extensionElements></serviceTask>
<sequenceFlow sourceRef="one" targetRef="two"/>
<serviceTask id="two" riverstones:stone="Teller"><extensionElements><riverstones:field name="sessionToken" expression="${outputs.one.sessionToken}"/></extensionElements></serviceTask>
<sequenceFlow sourceRef="two" targetRef="x"/><exclusiveGateway id="x" default="d"/>
<sequenceFlow sourceRef="x" targetRef="fails"><conditionExpression>${fail}</conditionExpression></sequenceFlow><sequenceFlow id="d" sourceRef="x" targetRef="e"/>
<serviceTask id="fails" riverstones:stone="Teller"><extensionElements><riverstones:field name="password" expression="${password}"/></extensionElements></serviceTask>
<sequenceFlow sourceRef="fails" targetRef="e"/><endEvent id="e"/>`

// A process hands secrets from its start variables and from outputs to stones in
// clear, and shows them nowhere: not in /process, the tasks, the log, the database.
func TestCanariesOfProcesses(t *testing.T) {
	t.Parallel()
	for name, url := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var cage cage
			cfg := settings(t)
			cfg.Store, cfg.SealMake = url(t), true
			var logged logs
			log, flush := telemetry.Buffered(&logged, zapcore.DebugLevel, config.JSON)
			t.Cleanup(flush)
			s := &teller{session: cage.hatch(), deep: cage.hatch(), got: make(chan map[string]any, 10)}
			a := app.New(cfg, log, app.Hooks{Stones: func(w *stone.Worker) error {
				return w.Add(stone.Spec{Code: "Teller", Concurrency: 2, MaxAttempts: 1}, s)
			}})
			require.NoError(t, a.Start(t.Context()))
			t.Cleanup(func() { stop(t, a) })
			c := newClient(t, a.URL())
			w := &works{t: t, c: c, f: c.Flowable(client.FlowableConfig{})}
			w.deploy("p", telling)
			for fail, status := range map[bool]string{false: "completed", true: "failed"} {
				password := cage.hatch()
				id := w.start(client.NewProcess{Key: "p", Variables: json.RawMessage(text(t, object{
					"password": password, "fail": fail, "deep": object{"list": []any{object{"secretKey": cage.hatch()}}}}))}).ID
				require.Equal(t, password, (<-s.got)["password"])
				require.Equal(t, s.session, (<-s.got)["sessionToken"])
				w.until(id, status)
				if fail {
					require.Equal(t, password, (<-s.got)["password"])
				}
				for _, path := range []string{"/process", "/process/" + id, "/process/" + id + "/tasks", "/task?processInstanceId=" + id,
					"/history/historic-process-instances/" + id} {
					seen := get(t, a.URL()+path)
					cage.requireNone(t, path, seen)
				}
				if !fail {
					require.Contains(t, string(get(t, a.URL()+"/process/"+id)), task.Mask)
					require.Contains(t, string(get(t, a.URL()+"/process/"+id)), "kept")
				}
			}
			require.NoError(t, log.Sync())
			cage.requireNone(t, "the log", logged.bytes())
			cage.requireNone(t, "the database", dump(t, &cfg))
		})
	}
}
