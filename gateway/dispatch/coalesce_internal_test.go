package dispatch

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// gate is a run that waits to be let through.
type gate struct {
	entered chan []string
	leave   chan error
}

func (g *gate) run(_ context.Context, keys []string) ([]string, error) {
	g.entered <- keys
	if err := <-g.leave; err != nil {
		return nil, err
	}
	out := make([]string, len(keys))
	for i, k := range keys {
		out[i] = strings.ToUpper(k)
	}
	return out, nil
}

func TestCoalescer(t *testing.T) {
	t.Parallel()
	g := &gate{make(chan []string), make(chan error)}
	c := &coalescer[string, string]{run: g.run, max: 3}
	var wg sync.WaitGroup
	ask := func(key, want string, fails error) {
		wg.Go(func() {
			if got, err := c.do(context.Background(), key); got != want || !errors.Is(err, fails) {
				t.Errorf("%s: %q %v", key, got, err)
			}
		})
	}
	waiting := func(n int) {
		require.Eventually(t, func() bool {
			c.mu.Lock()
			defer c.mu.Unlock()
			return len(c.waiting) == n
		}, patience, poll)
	}
	ask("a", "A", nil)
	require.Equal(t, []string{"a"}, <-g.entered, "a call that comes alone runs at once")
	for i, key := range []string{"b", "c", "d", "e"} {
		ask(key, strings.ToUpper(key), nil)
		waiting(i + 1)
	}
	g.leave <- nil
	require.Equal(t, []string{"b", "c", "d"}, <-g.entered, "what waits goes together, up to the limit")
	g.leave <- nil
	require.Equal(t, []string{"e"}, <-g.entered)
	g.leave <- nil
	wg.Wait()

	ask("f", "", errStoreAway)
	<-g.entered
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := c.do(ctx, "g")
	require.ErrorIs(t, err, context.Canceled, "a caller may go away")
	g.leave <- errStoreAway
	require.Equal(t, []string{"g"}, <-g.entered)
	g.leave <- nil
	wg.Wait()
	c.close()
	_, err = c.do(context.Background(), "h")
	require.ErrorIs(t, err, context.Canceled)
}
