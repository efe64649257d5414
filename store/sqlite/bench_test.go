package sqlite_test

import (
	"testing"

	"github.com/riverstones/riverstones/store/storetest"
)

func BenchmarkRecord(b *testing.B) { storetest.Benchmarks(b, storetest.SQLite) }

func BenchmarkRuntime(b *testing.B) { storetest.RuntimeBenchmarks(b, storetest.SQLite) }
