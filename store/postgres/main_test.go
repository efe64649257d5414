package postgres_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/riverstones/riverstones/store/storetest/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m, goleak.IgnoreCurrent()) }
