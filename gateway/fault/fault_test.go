package fault_test

import (
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/fault"
)

func TestOf(t *testing.T) {
	t.Parallel()
	require.Nil(t, fault.Of(nil))
	e := fault.New(fault.Conflict, "task %s is taken", "7").Because(io.EOF).After(time.Second)
	require.Same(t, e, fault.Of(fmt.Errorf("publish: %w", e)))
	require.ErrorIs(t, e, io.EOF)
	require.Equal(t, "Conflict: task 7 is taken: EOF", e.Error())
	other := fault.Of(errors.New("boom"))
	require.Equal(t, fault.Internal, other.Kind)
	require.Empty(t, other.Detail, "a cause must not reach the caller")
}

func TestEveryKindHasAMessage(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for k := fault.Internal; k <= fault.Unavailable; k++ {
		require.NotEmpty(t, k.String())
		require.False(t, seen[k.String()], "%s twice", k)
		seen[k.String()] = true
	}
	require.Equal(t, fault.Internal.String(), fault.Kind(200).String())
}
