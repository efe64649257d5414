package stone_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/embedded"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/stone"
)

// exampleQueue runs a NATS server with all streams made.
func exampleQueue() (nc *nats.Conn, stop func()) {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	s, err := embedded.Start(embedded.Config{Dir: dir})
	if err != nil {
		log.Fatal(err)
	}
	if nc, err = s.Connect(); err != nil {
		log.Fatal(err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		log.Fatal(err)
	}
	if err := queue.Provision(context.Background(), js, queue.ProvisionConfig{}); err != nil {
		log.Fatal(err)
	}
	return nc, func() {
		nc.Close()
		s.Stop()
		if err := os.RemoveAll(dir); err != nil {
			log.Fatal(err)
		}
	}
}

// A worker serves stones until it is stopped.
func ExampleWorker() {
	nc, stop := exampleQueue()
	defer stop()
	ctx := context.Background()

	w, err := stone.NewWorker(nc, stone.Config{})
	if err != nil {
		log.Fatal(err)
	}
	done := make(chan struct{})
	greet := stone.Func(func(_ context.Context, t *stone.Task) error {
		defer close(done)
		fmt.Println("hello", string(t.Params()))
		return t.SetOutput("greeted", true)
	})
	if err := w.Add(stone.Spec{Code: "Greeter"}, greet); err != nil {
		log.Fatal(err)
	}
	if err := w.Start(ctx); err != nil {
		log.Fatal(err)
	}

	p, err := queue.NewPublisher(nc, queue.PublisherConfig{})
	if err != nil {
		log.Fatal(err)
	}
	p.Publish(ctx, []*queue.Command{{
		Names:  task.Names{ID: "0190f6a0-0c1d-7b52-9c1f-0d6b8b6f2a11", TaskID: "1", ProcessInstanceID: "1", Name: "greet", Namespace: "greet", Stone: "Greeter"},
		Method: task.Start, Epoch: 1, Params: []byte(`{"name":"river"}`), CreateTime: time.Now(),
	}})
	<-done
	fmt.Println(w.Stop(ctx)) // everything is reported
	// Output:
	// hello {"name":"river"}
	// <nil>
}
