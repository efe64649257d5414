package letters

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// A page by ranks is what counting from the end gives.
func TestRanked(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		first := 1 + rnd.Uint64N(5)
		last := first + rnd.Uint64N(30)
		var deleted, want []uint64
		for seq := last; seq >= first; seq-- {
			if rnd.IntN(3) == 0 {
				deleted = append(deleted, seq)
			} else {
				want = append(want, seq)
			}
		}
		slices.Reverse(deleted)
		start, size := rnd.IntN(35), 1+rnd.IntN(10)
		want = want[min(start, len(want)):]
		want = want[:min(size, len(want))]
		require.Equal(t, append([]uint64(nil), want...), ranked(first, last, deleted, start, size),
			"first %d last %d deleted %v start %d size %d", first, last, deleted, start, size)
	}
	require.Empty(t, ranked(1, 0, nil, 0, 10), "an empty stream")
	require.Empty(t, ranked(8, 7, nil, 0, 10), "a purged stream")
}
