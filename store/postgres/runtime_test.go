package postgres_test

import (
	"testing"

	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/storetest"
)

func TestRuntime(t *testing.T) {
	t.Parallel()
	storetest.RunRuntime(t, func(t *testing.T) store.Store { return storetest.Postgres(t) })
}
