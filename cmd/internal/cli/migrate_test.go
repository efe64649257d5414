package cli_test

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/cmd/internal/cli"
)

// The passwords of deploy/nats/accounts.conf.
var passwords = []string{"RS_ADMIN_PASSWORD", "RS_GATEWAY_PASSWORD", "RS_ORCHESTRATOR_PASSWORD", "RS_RECORDER_PASSWORD", "RS_MACHINESTONE_PASSWORD", "RS_VOLUME_PASSWORD", "NATS_SYS_PASSWORD"}

// guarded is a NATS server with the users of deploy/nats. It returns the URL
// of one of them.
func guarded(t *testing.T) func(user, env string) string {
	t.Helper()
	opts := &server.Options{}
	require.NoError(t, opts.ProcessConfigFile("../../../deploy/nats/accounts.conf"))
	opts.Host, opts.Port, opts.JetStream, opts.StoreDir, opts.NoSigs, opts.NoLog = "127.0.0.1", server.RANDOM_PORT, true, t.TempDir(), true, true
	s, err := server.NewServer(opts)
	require.NoError(t, err)
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	require.True(t, s.ReadyForConnections(patience))
	return func(user, env string) string {
		return "nats://" + user + ":" + os.Getenv(env) + "@" + s.Addr().String()
	}
}

func TestMigrateMakesStreamsAndConsumers(t *testing.T) {
	t.Parallel()
	url := guarded(t)
	args := []string{"migrate", "--no-store", "--nats", url("admin", "RS_ADMIN_PASSWORD"), "--log-level", "error"}
	r := run(t, "", args...)
	require.Equal(t, cli.ExitOK, r.code, r.err)
	require.Regexp(t, `^KIND +NAME +STATE\nstream +RS_TASKS +made\n(stream +\S+ +made\n){4}$`, r.out)
	args = append(args, "--stone", "MachineStone", "--stone", "SIP::EC2::Volume=eu-1")
	r = run(t, "", args...)
	require.Equal(t, cli.ExitOK, r.code, r.err)
	require.Regexp(t, `(?s)^KIND.*(stream +\S+ +was there\n){5}consumer +w_MachineStone +made\nconsumer +m_MachineStone +made\n`+
		`consumer +c_MachineStone +made\nconsumer +w_SIP=3A=3AEC2=3A=3AVolume==eu-1 +made\n`, r.out)
	r = run(t, "", args...)
	require.Equal(t, cli.ExitOK, r.code, r.err)
	require.NotContains(t, r.out, "made")
	require.Equal(t, 11, strings.Count(r.out, "was there"))
	for _, text := range []string{r.out, r.err} {
		require.NotContains(t, text, os.Getenv("RS_ADMIN_PASSWORD"))
	}
	r = run(t, "", append(args[:len(args)-1], "MachineStone=eu-1")...)
	require.Equal(t, cli.ExitFailed, r.code)
	require.Contains(t, r.err, "consumed in the other form")
	require.Contains(t, r.out, "w_MachineStone", "what was done is shown")
}

func TestMigrateRefusesStones(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"--stone S":                                 "--stone needs --nats",
		"--nats nats://h:1 --stone 1x":              `--stone "1x": stone code must be`,
		"--nats nats://h:1 --stone S=":              `--stone "S=": business key must be`,
		"--nats nats://h:1 --stone S --stone S=a+b": `--stone "S=a+b": business key must be`,
	} {
		r := run(t, "", append([]string{"migrate"}, strings.Fields(line)...)...)
		require.Equal(t, cli.ExitUsage, r.code, line)
		require.Contains(t, r.err, want)
	}
}

// A worker without the right to make its consumers says who can, and goes on
// once they are there.
func TestWorkerWithoutItsConsumers(t *testing.T) {
	t.Parallel()
	url := guarded(t)
	admin := []string{"migrate", "--no-store", "--log-level", "error", "--nats", url("admin", "RS_ADMIN_PASSWORD")}
	require.Equal(t, cli.ExitOK, run(t, "", admin...).code)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var errs buffer
	code := make(chan int, 1)
	go func() {
		code <- cli.Run(ctx, cli.Process{Out: &buffer{}, Err: &errs, Args: []string{"work", "--nats", url("MachineStone", "RS_MACHINESTONE_PASSWORD"), "--data", t.TempDir()}})
	}()
	const command = "riverstones migrate --no-store --stone MachineStone"
	require.Eventually(t, func() bool { return strings.Contains(errs.String(), command) }, patience, 10*time.Millisecond)
	require.Contains(t, errs.String(), `"level":"error"`)
	require.NotContains(t, errs.String(), os.Getenv("RS_MACHINESTONE_PASSWORD"))
	r := run(t, "", append(admin, strings.Fields(command)[3:]...)...)
	require.Equal(t, cli.ExitOK, r.code, r.err)
	require.Eventually(t, func() bool { return strings.Contains(errs.String(), `"msg":"started"`) }, patience, 10*time.Millisecond)
	cancel()
	require.Equal(t, cli.ExitOK, <-code, errs.String())
}
