package stonetest_test

import (
	"context"
	"fmt"
	"time"

	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/stone"
	"github.com/riverstones/riverstones/stone/stonetest"
)

// volume is the stone under test.
var volume = stone.Methods{
	task.Start: func(_ context.Context, t *stone.Task) error { return t.SetOutput("id", "vol-1") },
	task.Monitor: func(_ context.Context, t *stone.Task) error {
		t.Progress(100)
		return nil
	},
	task.Delete: func(context.Context, *stone.Task) error { return stone.Retry(time.Minute, "in use") },
}

// In a test, t is the *testing.T.
func ExampleRun() {
	t := &failing{ctx: context.Background()}
	r := stonetest.Run(t, volume, stonetest.Task{Method: task.Delete, Outputs: `{"id": "vol-1"}`})
	r.RequireRetry(t, "in use")
	fmt.Println(r.Outcome, r.After)
	// Output: retry 1m0s
}

func ExampleRunToEnd() {
	t := &failing{ctx: context.Background()}
	r := stonetest.RunToEnd(t, volume, stonetest.Task{Params: `{"size": 2}`})
	r.RequireSuccess(t)
	r.RequireOutputs(t, `{"id": "vol-1"}`)
	fmt.Println(r.Status, r.Progress)
	// Output: monitor.success [100]
}

// Do runs a method outside of tests.
func ExampleDo() {
	r, err := stonetest.Do(context.Background(), volume, stonetest.Task{})
	fmt.Println(r.Status, string(r.Reported), err)
	// Output: start.success {"id":"vol-1"} <nil>
}

func ExampleDoToEnd() {
	r, err := stonetest.DoToEnd(context.Background(), volume, stonetest.Task{})
	fmt.Println(r.Status, r.Runs, err)
	// Output: monitor.success 2 <nil>
}
