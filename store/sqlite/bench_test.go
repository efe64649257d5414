package sqlite_test

import (
	"testing"

	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/storetest"
)

func BenchmarkRecord(b *testing.B) { storetest.Benchmarks(b, storetest.SQLite) }

func BenchmarkRuntime(b *testing.B) {
	storetest.RuntimeBenchmarks(b, func(t testing.TB) (store.Store, func()) {
		t.Helper()
		return storetest.SQLite(t), func() {}
	})
}
