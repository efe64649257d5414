package queue_test

import (
	"testing"

	"github.com/riverstones/riverstones/queue/queuetest"
)

func TestMain(m *testing.M) { queuetest.Main(m) }
