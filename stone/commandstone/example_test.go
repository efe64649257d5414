package commandstone_test

import (
	"context"
	"fmt"

	"github.com/riverstones/riverstones/stone/commandstone"
	"github.com/riverstones/riverstones/stone/stonetest"
)

// The operator lists the commands, a task chooses and fills in arguments.
func Example() {
	cfg, err := commandstone.Parse([]byte(`
code: Greeter
params:
  - {name: who, type: string, required: true, maxLength: 20}
commands:
  hello:
    path: /bin/echo
    args: [Hello, "{{.params.who}}"]
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	s, err := commandstone.New(cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	r, _ := stonetest.Do(context.Background(), s, stonetest.Task{Params: `{"who": "River; rm -rf /"}`})
	fmt.Println(r.Status, r.Lines())
	// Output: start.success [Hello River; rm -rf /]
}
