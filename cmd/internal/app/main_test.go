package app_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/stone"
	"github.com/riverstones/riverstones/store/storetest/pgtest"
)

// The test binary is also the worker process that tests kill: with the URL of
// a NATS server in this variable it works until it is killed.
const workerEnv = "RIVERSTONES_APPTEST_WORKER"

// killable is the stone that the killed worker and its successor run.
const killable = "Killable"

// lease is short, so that the work of a killed worker comes again soon.
const lease = 2 * time.Second

func TestMain(m *testing.M) {
	queuetest.Serve()
	if url := os.Getenv(workerEnv); url != "" {
		fmt.Fprintln(os.Stderr, hang(url))
		os.Exit(1)
	}
	pgtest.Main(m, goleak.IgnoreCurrent())
}

// hang runs a stone that begins its work, says so, and never finishes.
func hang(url string) error {
	nc, err := queue.Connect(url, queue.ConnectConfig{})
	if err != nil {
		return err
	}
	w, err := stone.NewWorker(nc, stone.Config{Name: "doomed", AckWait: lease})
	if err != nil {
		return err
	}
	err = w.Add(stone.Spec{Code: killable, Concurrency: 5}, stone.Func(func(ctx context.Context, t *stone.Task) error {
		fmt.Println(t.TaskID)
		<-ctx.Done()
		return ctx.Err()
	}))
	if err != nil {
		return err
	}
	if err := w.Start(context.Background()); err != nil {
		return err
	}
	select {}
}
