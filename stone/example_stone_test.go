package stone_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/stone"
	"github.com/riverstones/riverstones/stone/stonetest"
)

// A function is a stone.
func ExampleFunc() {
	greet := stone.Func(func(_ context.Context, t *stone.Task) error {
		var p struct {
			Name string `json:"name"`
		}
		if err := t.Bind(&p); err != nil {
			return err
		}
		t.Progress(50)
		t.Logf("info", "greeting %s", p.Name)
		return t.SetOutput("greeting", "Hello, "+p.Name)
	})

	r, _ := stonetest.Do(context.Background(), greet, stonetest.Task{Params: `{"name": "River"}`})
	fmt.Println(r.Status, string(r.Outputs), r.Progress, r.Lines())
	// Output: start.success {"greeting":"Hello, River"} [50] [greeting River]
}

// A failure that may pass: the worker tries again, here after a minute at least.
func ExampleRetry() {
	s := stone.Func(func(context.Context, *stone.Task) error {
		return stone.Retry(time.Minute, "the region is full")
	})
	r, _ := stonetest.Do(context.Background(), s, stonetest.Task{})
	fmt.Println(r.Outcome, r.After, r.Reason)
	// Output: retry 1m0s the region is full
}

// A failure for good: another try would not help.
func ExampleReject() {
	s := stone.Func(func(context.Context, *stone.Task) error { return stone.Reject("no such image") })
	r, _ := stonetest.Do(context.Background(), s, stonetest.Task{})
	fmt.Println(r.Outcome, r.Status, r.Reason)
	// Output: reject start.failed no such image
}

// building is work that start only kicks off.
type building struct{ looks int }

func (*building) Start(context.Context, *stone.Task) error { return nil }

func (b *building) Monitor(_ context.Context, t *stone.Task) error {
	b.looks++
	t.Progress(b.looks * 50)
	if b.looks < 2 {
		return stone.Again(10 * time.Second)
	}
	return nil
}

// Monitor follows work that start kicked off, and is asked again until it is done.
func ExampleAgain() {
	r, _ := stonetest.DoToEnd(context.Background(), &building{}, stonetest.Task{})
	fmt.Println(r.Status, r.Progress, r.Delays)
	// Output: monitor.success [50 100] [10s]
}

// Runners and test kits ask for an outcome by kind.
func ExampleAsRetry() {
	err := fmt.Errorf("create: %w", stone.Retry(time.Second, "busy"))
	after, ok := stone.AsRetry(err)
	fmt.Println(after, ok)
	fmt.Println(stone.AsReject(err))
	_, again := stone.AsAgain(err)
	fmt.Println(again)
	// Output:
	// 1s true
	// false
	// false
}

// Handlers tells which methods a stone has.
func ExampleHandlers() {
	for _, m := range slices.Sorted(maps.Keys(stone.Handlers(&building{}))) {
		fmt.Println(m)
	}
	// Output:
	// monitor
	// start
}

// Methods puts a stone together when the program runs.
func ExampleMethods() {
	s := stone.Methods{task.Start: func(context.Context, *stone.Task) error { return nil }}
	mockable := true // as configured
	if mockable {
		s[task.Mock] = func(_ context.Context, t *stone.Task) error { return t.SetOutput("cost", 12) }
	}
	r, _ := stonetest.Do(context.Background(), s, stonetest.Task{Method: task.Mock})
	fmt.Println(r.Status, string(r.Outputs))
	// Output: mock.success {"cost":12}
}

// VolumeParams declares the parameters of a stone.
type VolumeParams struct {
	Region string `json:"region" stone:"required,name=Region" desc:"where to create it"`
	SizeGB int    `json:"sizeGB" stone:"default=10,min=1,max=1000"`
	Kind   string `json:"kind" stone:"values=ssd|hdd,default=ssd"`
	Key    string `json:"key" stone:"noecho,pattern='[0-9a-f]{32}'"`
}

// VolumeOutputs declares its outputs.
type VolumeOutputs struct {
	VolumeID string `json:"volumeId" desc:"id of the volume"`
}

// Params and outputs as structs: the declaration is read from the tags, checked
// before start, and given to the worker with Describe.
func ExampleTyped() {
	volume := stone.Typed[VolumeParams, VolumeOutputs]{
		Start: func(_ context.Context, t *stone.Task, p VolumeParams) (VolumeOutputs, error) {
			t.Logf("info", "%d GB %s in %s", p.SizeGB, p.Kind, p.Region)
			return VolumeOutputs{VolumeID: "vol-1"}, nil
		},
		Delete: func(context.Context, *stone.Task, VolumeParams) (VolumeOutputs, error) {
			return VolumeOutputs{}, nil
		},
	}.MustStone()

	ctx := context.Background()
	good, _ := stonetest.Do(ctx, volume, stonetest.Task{Params: `{"region": "north"}`})
	fmt.Println(good.Status, string(good.Outputs), good.Lines())
	bad, _ := stonetest.Do(ctx, volume, stonetest.Task{Params: `{"region": "north", "sizeGB": "5"}`})
	fmt.Println(bad.Status, bad.Reason)
	spec := volume.Describe(stone.Spec{Code: "SIP::EC2::Volume"})
	fmt.Println(spec.Code, len(spec.Params), len(spec.Outputs))
	// Output:
	// start.success {"volumeId":"vol-1"} [10 GB ssd in north]
	// start.failed parameter sizeGB: must be an integer
	// SIP::EC2::Volume 4 1
}

// Stone reports malformed tags when the stone is made.
func ExampleTyped_Stone() {
	type params struct {
		Size int `json:"size" stone:"default=ten"`
	}
	_, err := stone.Typed[params, struct{}]{
		Start: func(context.Context, *stone.Task, params) (struct{}, error) { return struct{}{}, nil },
	}.Stone()
	fmt.Println(err)
	// Output: make stone: declare parameter size: default: "ten" is not JSON
}

func ExampleParamsOf() {
	params, _ := stone.ParamsOf[VolumeParams]()
	for _, p := range params {
		fmt.Printf("%s %s %s required=%t noEcho=%t\n", p.Name, p.Type, p.Default, p.Required, p.NoEcho)
	}
	// Output:
	// region string  required=true noEcho=false
	// sizeGB integer 10 required=false noEcho=false
	// kind string "ssd" required=false noEcho=false
	// key string  required=false noEcho=true
}

func ExampleOutputsOf() {
	outputs, _ := stone.OutputsOf[VolumeOutputs]()
	fmt.Println(outputs[0].Name, "-", outputs[0].Description)
	// Output: volumeId - id of the volume
}

// Defaults are added at the end; everything else stays as it was written.
func ExampleCheck() {
	params, _ := stone.ParamsOf[VolumeParams]()
	doc, err := stone.Check(params, []byte(`{"x": 12345678901234567890, "region": "north"}`))
	fmt.Println(string(doc), err)
	_, err = stone.Check(params, []byte(`{"sizeGB": 0}`))
	fmt.Println(err)
	// Output:
	// {"x": 12345678901234567890, "region": "north","sizeGB":10,"kind":"ssd"} <nil>
	// parameter region: is required; parameter sizeGB: must be at least 1
}

// A checker is made once for a declaration that is used often.
func ExampleNewChecker() {
	params, _ := stone.ParamsOf[VolumeParams]()
	c, _ := stone.NewChecker(params)
	_, err := c.Check([]byte(`{"region": 7}`))
	if bad, ok := errors.AsType[stone.ParamErrors](err); ok {
		fmt.Println(bad[0].Param, bad[0].Rule)
	}
	filled, _ := c.Fill([]byte(`{}`)) // the defaults, and no check
	fmt.Println(string(filled))
	// Output:
	// region type
	// {"sizeGB":10,"kind":"ssd"}
}
