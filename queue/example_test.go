package queue_test

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
)

// server runs a NATS server for an example, with all streams made.
func server() (nc *nats.Conn, stop func()) {
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

func machine() *queue.Command {
	return &queue.Command{
		Names: task.Names{ID: "0190f6a0-0c1d-7b52-9c1f-0d6b8b6f2a11", TaskID: "2912516", ProcessInstanceID: "2910431",
			Name: "machine", Namespace: "machine", Stone: "MachineStone"},
		Method: task.Start, Epoch: 1, Params: []byte(`{"regionId":"701"}`), CreateTime: time.Now(),
	}
}

// A command is stored once, however often it is published.
func ExamplePublisher_Publish() {
	nc, stop := server()
	defer stop()
	p, err := queue.NewPublisher(nc, queue.PublisherConfig{})
	if err != nil {
		log.Fatal(err)
	}
	for range 2 {
		ack := p.Publish(context.Background(), []*queue.Command{machine()})[0]
		fmt.Println(ack.Sequence, ack.Duplicate, ack.Err)
	}
	// Output:
	// 1 false <nil>
	// 1 true <nil>
}

// A worker without the SDK: take a command, tell what happened, acknowledge last.
func ExamplePuller() {
	nc, stop := server()
	defer stop()
	p, err := queue.NewPublisher(nc, queue.PublisherConfig{})
	if err != nil {
		log.Fatal(err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	p.Publish(ctx, []*queue.Command{machine()})
	if _, err := queue.EnsureConsumers(ctx, js, "MachineStone", ""); err != nil {
		log.Fatal(err)
	}
	pull := queue.NewPuller(nc, queue.PullConfig{Stream: queue.StreamTasks, Consumer: queue.Work.Durable("MachineStone", ""), Limit: 10})
	err = pull.Run(ctx, func(d *queue.Delivery, _ bool) error {
		c, err := queue.ParseCommand(d.Msg.Data)
		if err != nil {
			return err
		}
		now := time.Now()
		e := queue.Event{Names: c.Names, Method: c.Method, Epoch: c.Epoch, Delivery: 1, Worker: "example", Transitions: []queue.Transition{
			{Status: task.StartBegin, Time: now}, {Status: task.StartSuccess, Time: now, Final: true}}}
		if err := p.PublishEvents(ctx, c.Stone, []queue.Event{e}); err != nil {
			return err
		}
		fmt.Println(c.Method, c.TaskID, string(c.Params))
		cancel()
		return d.Ack()
	})
	fmt.Println(err)
	// Output:
	// start 2912516 {"regionId":"701"}
	// <nil>
}

// An orchestrator that hears ends from the event stream.
func ExampleReader() {
	nc, stop := server()
	defer stop()
	p, err := queue.NewPublisher(nc, queue.PublisherConfig{})
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	c := machine()
	e := queue.Event{Names: c.Names, Method: c.Method, Epoch: 1, Delivery: 1, Worker: "w",
		Transitions: []queue.Transition{{Status: task.StartFailed, Time: time.Now(), Reason: "no quota"}}}
	if err := p.PublishEvents(ctx, c.Stone, []queue.Event{e}); err != nil {
		log.Fatal(err)
	}
	r, err := queue.NewReader(nc, queue.StreamEvents, 0)
	if err != nil {
		log.Fatal(err)
	}
	err = r.Run(ctx, 0, func(d *queue.Delivery) error {
		events, err := queue.ParseEvents(d.Msg.Data)
		if err != nil {
			return err
		}
		for _, p := range events {
			for _, t := range p.Event.Transitions {
				fmt.Println(d.Sequence, p.Event.TaskID, t.Status, t.Reason)
			}
		}
		cancel()
		return nil
	})
	fmt.Println(err)
	// Output:
	// 1 2912516 start.failed no quota
	// <nil>
}

// Any text becomes one token of a subject, and comes back unchanged.
func ExampleToken() {
	tok := queue.Token("SIP::EC2::Volume")
	fmt.Println(tok)
	fmt.Println(queue.ParseToken(tok))
	fmt.Println(queue.TaskSubject("SIP::EC2::Volume", "beijing", task.Start))
	fmt.Println(queue.Control.Durable("MachineStone", "beijing"))
	// Output:
	// SIP=3A=3AEC2=3A=3AVolume
	// SIP::EC2::Volume <nil>
	// rs.task.SIP=3A=3AEC2=3A=3AVolume.beijing.start
	// c_MachineStone==beijing
}

// Outputs are merged by their top-level names.
func ExampleMerge() {
	out, err := queue.Merge([]byte(`{"machineId":"d39c","size":1}`), []byte(`{"size":12345678901234567890}`))
	fmt.Println(string(out), err)
	// Output: {"machineId":"d39c","size":12345678901234567890} <nil>
}
