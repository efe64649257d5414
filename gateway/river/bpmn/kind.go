package bpmn

// Kind is the kind of a node.
type Kind uint8

// The kinds that River runs.
const (
	KindStartEvent Kind = iota + 1
	KindEndEvent
	KindCatchEvent
	KindThrowEvent
	KindBoundaryEvent
	KindUserTask
	KindReceiveTask
	KindManualTask
	KindServiceTask
	KindSubProcess
	KindCallActivity
	KindExclusiveGateway
	KindParallelGateway
	KindInclusiveGateway
	KindEventGateway
)

// kindNames are the names of the XML elements.
var kindNames = [...]string{
	KindStartEvent:       "startEvent",
	KindEndEvent:         "endEvent",
	KindCatchEvent:       "intermediateCatchEvent",
	KindThrowEvent:       "intermediateThrowEvent",
	KindBoundaryEvent:    "boundaryEvent",
	KindUserTask:         "userTask",
	KindReceiveTask:      "receiveTask",
	KindManualTask:       "manualTask",
	KindServiceTask:      "serviceTask",
	KindSubProcess:       "subProcess",
	KindCallActivity:     "callActivity",
	KindExclusiveGateway: "exclusiveGateway",
	KindParallelGateway:  "parallelGateway",
	KindInclusiveGateway: "inclusiveGateway",
	KindEventGateway:     "eventBasedGateway",
}

// String returns the name of the XML element, such as userTask.
func (k Kind) String() string {
	if k == 0 || int(k) >= len(kindNames) {
		return "unknown"
	}
	return kindNames[k]
}

// Activity reports whether the kind is work: what can be repeated, and have boundary events.
func (k Kind) Activity() bool { return k >= KindUserTask && k <= KindCallActivity }

// Gateway reports whether the kind only routes tokens.
func (k Kind) Gateway() bool { return k >= KindExclusiveGateway && k <= KindEventGateway }

// Detail is what only one kind of node has: one of [*StartEvent], [*EndEvent],
// [*CatchEvent], [*ThrowEvent], [*BoundaryEvent], [*UserTask], [*ReceiveTask],
// [*ManualTask], [*ServiceTask], [*SubProcess], [*CallActivity],
// [*ExclusiveGateway], [*ParallelGateway], [*InclusiveGateway] and
// [*EventGateway].
type Detail interface {
	// Kind returns the kind of the node.
	Kind() Kind

	sealed()
}

// detail closes [Detail].
type detail struct{}

func (detail) sealed() {}

// Kind implements [Detail].
func (*StartEvent) Kind() Kind { return KindStartEvent }

// Kind implements [Detail].
func (*EndEvent) Kind() Kind { return KindEndEvent }

// Kind implements [Detail].
func (*CatchEvent) Kind() Kind { return KindCatchEvent }

// Kind implements [Detail].
func (*ThrowEvent) Kind() Kind { return KindThrowEvent }

// Kind implements [Detail].
func (*BoundaryEvent) Kind() Kind { return KindBoundaryEvent }

// Kind implements [Detail].
func (*UserTask) Kind() Kind { return KindUserTask }

// Kind implements [Detail].
func (*ReceiveTask) Kind() Kind { return KindReceiveTask }

// Kind implements [Detail].
func (*ManualTask) Kind() Kind { return KindManualTask }

// Kind implements [Detail].
func (*ServiceTask) Kind() Kind { return KindServiceTask }

// Kind implements [Detail].
func (*SubProcess) Kind() Kind { return KindSubProcess }

// Kind implements [Detail].
func (*CallActivity) Kind() Kind { return KindCallActivity }

// Kind implements [Detail].
func (*ExclusiveGateway) Kind() Kind { return KindExclusiveGateway }

// Kind implements [Detail].
func (*ParallelGateway) Kind() Kind { return KindParallelGateway }

// Kind implements [Detail].
func (*InclusiveGateway) Kind() Kind { return KindInclusiveGateway }

// Kind implements [Detail].
func (*EventGateway) Kind() Kind { return KindEventGateway }
