// Command hello is a worker with one stone: go run ./deploy/docs/examples/hello
package main

import (
	"context"
	"log"
	"os"
	"os/signal"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/stone"
)

func hello(_ context.Context, t *stone.Task) error {
	var p struct {
		Who string `json:"who"`
	}
	if err := t.Bind(&p); err != nil {
		return err
	}
	if p.Who == "" {
		return stone.Reject("params.who is missing")
	}
	return t.SetOutput("greeting", "Hello, "+p.Who)
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	nc, err := queue.Connect("nats://127.0.0.1:4222", queue.ConnectConfig{Name: "hello"})
	check(err)
	w, err := stone.NewWorker(nc, stone.Config{})
	check(err)
	check(w.Add(stone.Spec{Code: "Hello"}, stone.Func(hello)))
	check(w.Start(ctx))
	<-ctx.Done()
	check(w.Stop(context.Background()))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
