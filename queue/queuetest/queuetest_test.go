package queuetest_test

import (
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/embedded"
	"github.com/riverstones/riverstones/queue/queuetest"
)

func TestMain(m *testing.M) { queuetest.Main(m) }

const subject = "rs.task.A._.start"

// ends are the ways to take the server away.
func ends(t *testing.T) map[string]struct {
	cfg queuetest.Config
	end func(*queuetest.Server, testing.TB)
} {
	t.Helper()
	return map[string]struct {
		cfg queuetest.Config
		end func(*queuetest.Server, testing.TB)
	}{
		"stop":         {queuetest.Config{}, (*queuetest.Server).Stop},
		"stop process": {queuetest.Config{Process: true}, (*queuetest.Server).Stop},
		"kill process": {queuetest.Config{Process: true}, (*queuetest.Server).Kill},
	}
}

func TestOutageKeepsWhatIsStored(t *testing.T) {
	t.Parallel()
	for name, c := range ends(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := queuetest.StartWith(t, c.cfg)
			nc := s.Connect(t)
			js, err := jetstream.New(nc)
			require.NoError(t, err)
			for range 100 {
				_, err := js.Publish(t.Context(), subject, []byte("{}"))
				require.NoError(t, err)
			}

			c.end(s, t)
			queuetest.WaitFor(t, func() bool { return !nc.IsConnected() })
			require.Error(t, nc.Publish(subject, nil), "nothing may be kept for later")

			s.Restart(t)
			queuetest.WaitFor(t, nc.IsConnected)
			require.Len(t, queuetest.Messages(t, js, queue.StreamTasks, 100), 100)
			require.NoError(t, queue.Verify(t.Context(), js))
		})
	}
}

func TestRestartOfARunningServerKeepsItsAddress(t *testing.T) {
	t.Parallel()
	s := queuetest.Start(t)
	url := s.URL()
	s.Restart(t)
	require.Equal(t, url, s.URL())
	nc, err := nats.Connect(url)
	require.NoError(t, err)
	nc.Close()
}

func TestAKilledServerHoldsItsDirectoryNoLonger(t *testing.T) {
	t.Parallel()
	s := queuetest.StartWith(t, queuetest.Config{Process: true})
	_, err := embedded.Start(embedded.Config{Dir: s.Dir()})
	require.ErrorIs(t, err, embedded.ErrInUse)
	require.Regexp(t, `is held by process \d+$`, err.Error())

	s.Kill(t)
	here, err := embedded.Start(embedded.Config{Dir: s.Dir()})
	require.NoError(t, err)
	require.NoError(t, here.Stop())
}

func TestBareServerHasNoStreams(t *testing.T) {
	t.Parallel()
	js := queuetest.StartWith(t, queuetest.Config{Bare: true}).JetStream(t)
	require.ErrorIs(t, queue.Verify(t.Context(), js), queue.ErrAssetMissing)
}
