package queuetest

import (
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// SeedVariable names the environment variable that repeats the choices of a
// test that failed.
const SeedVariable = "RIVERSTONES_SEED"

// Chance decides at random when something goes wrong. It tells its seed in the
// test's log. It is safe for concurrent use; which caller gets which decision
// then depends on how they take turns.
type Chance struct {
	mu   sync.Mutex
	rand *rand.Rand
	calm atomic.Bool
}

// NewChance returns a Chance with a seed of its own, or the one that
// [SeedVariable] has.
func NewChance(t testing.TB) *Chance {
	t.Helper()
	seed, err := strconv.ParseUint(os.Getenv(SeedVariable), 10, 64)
	if err != nil {
		seed = rand.Uint64()
	}
	t.Logf("to repeat: %s=%d", SeedVariable, seed)
	return &Chance{rand: rand.New(rand.NewPCG(seed, seed))}
}

// Calm ends all faults: from now on nothing goes wrong.
func (c *Chance) Calm() { c.calm.Store(true) }

// In reports true at a rate from 0 (never) to 1 (always).
func (c *Chance) In(rate float64) bool {
	if rate <= 0 || c.calm.Load() {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rand.Float64() < rate
}

// Between returns a number from low up to high.
func (c *Chance) Between(low, high float64) float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return low + c.rand.Float64()*(high-low)
}

// Up returns a duration below d.
func (c *Chance) Up(d time.Duration) time.Duration {
	return time.Duration(c.Between(0, float64(d)))
}
