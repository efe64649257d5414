package postgres_test

import (
	"testing"

	"github.com/riverstones/riverstones/store/storetest"
)

func BenchmarkRecord(b *testing.B) { storetest.Benchmarks(b, storetest.Postgres) }

func BenchmarkRuntime(b *testing.B) { storetest.RuntimeBenchmarks(b, storetest.Postgres) }
