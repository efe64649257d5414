package bpmn

// Trigger says what an event waits for, or makes happen.
type Trigger uint8

// The triggers. Not every event may have every one: an end has none, error or
// terminate, an intermediate throw event none or signal, a start none, signal,
// message or timer, a catch event signal, message or timer, and a boundary event these or
// error.
const (
	TriggerNone Trigger = iota
	TriggerSignal
	TriggerMessage
	TriggerTimer
	TriggerError
	TriggerTerminate
)

// triggerNames are the names in the XML, before EventDefinition.
var triggerNames = [...]string{
	TriggerNone: "none", TriggerSignal: "signal", TriggerMessage: "message",
	TriggerTimer: "timer", TriggerError: "error", TriggerTerminate: "terminate",
}

// String returns a word such as signal.
func (t Trigger) String() string {
	if int(t) >= len(triggerNames) {
		return "unknown"
	}
	return triggerNames[t]
}

// Event is what an event is about. The field of its trigger is set, the others are nil.
type Event struct {
	Trigger Trigger
	Signal  *Signal
	Message *Message
	Timer   *Timer
	// Error is nil on a boundary event that catches every error.
	Error *Error
	// TerminateAll asks a terminate end to end the root instance too, not only its own scope.
	TerminateAll bool
	// Async asks a thrown signal to be delivered in the background.
	Async bool
}

// Signal is declared in the file, or stands for a signalExpression.
type Signal struct {
	ID   string // empty for an expression
	Name string // the name that counts, text or ${…}
	// InstanceScope says that the signal is heard only within the process instance that throws it.
	InstanceScope bool
	Line          int
}

// Message is declared in the file, or stands for a messageExpression.
type Message struct {
	ID   string // empty for an expression
	Name string // the name that counts, text or ${…}
	Line int
}

// Error is declared in the file, or stands for an errorRef that names a code itself.
type Error struct {
	ID   string // empty if only a code was given
	Name string
	Code string // the code that counts; the id if the file gives none
	Line int
}

// TimerKind says what the text of a [Timer] is.
type TimerKind uint8

// The kinds of timers.
const (
	TimerDuration TimerKind = iota + 1 // from now, as PT10S
	TimerDate                          // at a time, as 2030-01-01T00:00:00Z
	TimerCycle                         // several times, as R3/PT10S
)

// String returns the name of the XML element, such as timeDuration.
func (k TimerKind) String() string {
	switch k {
	case TimerDuration:
		return "timeDuration"
	case TimerDate:
		return "timeDate"
	case TimerCycle:
		return "timeCycle"
	default:
		return "unknown"
	}
}

// Timer says when. Its text is ISO 8601, checked by [Parse], or holds ${…}, and
// then what comes out is to be read the same way.
type Timer struct {
	Kind TimerKind
	Text string
	// End ends a cycle, a date or ${…}; empty for never.
	End  string
	Line int
}

// StartEvent begins a process or a subprocess.
type StartEvent struct {
	detail
	Event

	// Initiator is the variable that gets the caller's user id, or empty.
	Initiator string
	FormKey   string
}

// EndEvent ends a token, with an error or terminate more than that.
type EndEvent struct {
	detail
	Event
}

// CatchEvent waits within a flow.
type CatchEvent struct {
	detail
	Event
}

// ThrowEvent throws a signal, or does nothing, and goes on.
type ThrowEvent struct {
	detail
	Event
}

// BoundaryEvent waits while the activity is at work that it is attached to.
type BoundaryEvent struct {
	detail
	Event

	// AttachedTo is an activity of the same scope.
	AttachedTo *Node
	// Interrupting, in the file cancelActivity, ends the activity. Always true for errors.
	Interrupting bool
}
