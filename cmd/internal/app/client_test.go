package app_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/cmd/internal/app"
	"github.com/riverstones/riverstones/gateway/client"
	"github.com/riverstones/riverstones/queue/queuetest"
)

// The client against the real gateway: what it promises about answers.
func TestClient(t *testing.T) {
	t.Parallel()
	a := start(t, settings(t), with("Quick", quick{}))
	c, ctx := newClient(t, a.URL()), within(t)
	one := client.NewTask{ProcessInstanceID: "p", TaskID: "a/b ü", Stone: "Quick", Params: []byte(`{"n": 12345678901234567890}`)}

	got, how, err := c.PublishOne(ctx, one)
	require.NoError(t, err)
	require.NotEqual(t, client.Known, how)
	again, how, err := c.PublishOne(ctx, one)
	require.NoError(t, err)
	require.Equal(t, client.Known, how)
	require.Equal(t, got.ID, again.ID)
	requireWay(t, c, []string{one.TaskID, got.ID})

	one.Params = []byte(`{"n": 2}`)
	_, _, err = c.PublishOne(ctx, one)
	require.ErrorIs(t, err, client.ErrConflict)
	_, _, err = c.Publish(ctx, []client.NewTask{{ProcessInstanceID: "p", TaskID: "other"}})
	require.ErrorIs(t, err, client.ErrBadRequest)
	require.ErrorContains(t, err, "stone")
	_, err = c.Get(ctx, "nobody")
	require.ErrorIs(t, err, client.ErrNotFound)

	_, _, err = c.Publish(ctx, []client.NewTask{{ProcessInstanceID: "p", TaskID: "2", Stone: "Quick"}, {ProcessInstanceID: "p", TaskID: "3", Stone: "Quick"}})
	require.NoError(t, err)
	requireWay(t, c, []string{"2", "3"})
	list, total, err := c.List(ctx, client.Filter{ProcessInstanceID: "p", Statuses: []string{"monitor.success"},
		CreatedAfter: time.Now().Add(-time.Hour), Size: 2, Descending: true})
	require.NoError(t, err)
	require.Equal(t, 3, total)
	require.Len(t, list, 2)
	require.Equal(t, "3", list[0].TaskID)
	lines, err := c.Log(ctx, "2", 0, 10)
	require.NoError(t, err)
	require.Empty(t, lines)
}

func TestStopWithoutNATS(t *testing.T) {
	t.Parallel()
	server := queuetest.Start(t)
	cfg := settings(t)
	cfg.NATS = server.URL()
	a := app.New(cfg, logger(t), with("Quick", quick{}))
	require.NoError(t, a.Start(t.Context()))
	server.Stop(t)
	stop(t, a)
	stop(t, a) // a second time does nothing
}
