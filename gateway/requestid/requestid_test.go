package requestid_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/riverstones/riverstones/gateway/requestid"
)

type other struct{}

func TestContext(t *testing.T) {
	t.Parallel()
	require.Empty(t, requestid.Of(t.Context()))
	require.Equal(t, zap.Skip(), requestid.Field(t.Context()))

	parent, stop := context.WithCancel(context.WithValue(t.Context(), other{}, 7))
	ctx, cancel := context.WithTimeout(&requestid.Context{Context: parent, ID: "r1"}, time.Hour)
	defer cancel()
	require.Equal(t, "r1", requestid.Of(ctx))
	require.Equal(t, zap.String("request_id", "r1"), requestid.Field(ctx))
	require.Equal(t, 7, ctx.Value(other{}))
	require.Equal(t, "r1", requestid.Of(context.WithoutCancel(ctx)))
	stop()
	require.ErrorIs(t, ctx.Err(), context.Canceled, "it ends with what it stands on")
}

// Passing the id on costs nothing as long as nothing is logged.
func TestAllocations(t *testing.T) { //nolint:paralleltest // memory is counted for all of the process
	ctx := &requestid.Context{Context: t.Context(), ID: "r1"}
	var id string
	require.Zero(t, testing.AllocsPerRun(100, func() { id = requestid.Of(ctx) })) //nolint:testifylint // whole numbers
	require.Equal(t, "r1", id)
}
