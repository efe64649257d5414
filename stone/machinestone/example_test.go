package machinestone_test

import (
	"context"
	"fmt"
	"os"

	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/stone/machinestone"
	"github.com/riverstones/riverstones/stone/stonetest"
)

func Example() {
	dir, err := os.MkdirTemp("", "machines-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	s, err := machinestone.New(machinestone.Config{Dir: dir})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	in := stonetest.Task{ID: "c91b3868-801e-43a3-b77a-9bddff26f671", Params: `{"regionId": "701"}`}
	started, _ := stonetest.Do(ctx, s, in)
	fmt.Println(started.Status, string(started.Outputs))
	in.Method = task.Delete
	deleted, _ := stonetest.Do(ctx, s, in)
	fmt.Println(deleted.Status)
	// Output:
	// start.success {"machineId":"de43352d-7cdd-5c0a-8dd2-d1a5cea715b7","type":"MachineStone"}
	// delete.success
}
