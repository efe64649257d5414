// Package river is the process runtime: it deploys BPMN models, starts
// instances, moves their tokens and drives stones. A step is one transaction
// of the store over one tree of instances (those that call one another), and
// ends where every token waits. Clients act on instances through the methods
// of [Runtime]; in the background it hears the ends of the tasks it published,
// runs timers and continuations, and undoes what failed processes have done.
//
// It publishes tasks as any orchestrator does, through the rules of package
// dispatch and the outbox, and hears their ends as recorded. It knows no HTTP:
// packages flowable and processapi are its REST. Its errors are those of
// package fault; [fault.State] is what Flowable calls an engine error, and
// nothing has changed then.
//
// There is one file for each kind of element that a token can stand at.
package river
