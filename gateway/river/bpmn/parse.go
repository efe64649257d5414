package bpmn

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Parse reads one BPMN 2.0 file in UTF-8. The error is [Problems] and lists all
// that is wrong with it, but for a file that is no BPMN, which has one problem. Data is not kept.
func Parse(data []byte, o Options) (*Definitions, error) {
	o.Limits = o.Limits.withDefaults()
	root, err := readTree(data, o.Limits)
	if err != nil {
		return nil, err
	}
	p := &parser{
		options: o, ids: map[string]int{},
		signals: map[string]*Signal{}, named: map[string]*Signal{}, messages: map[string]*Message{}, errors: map[string]*Error{},
		drawn: map[string]bool{},
	}
	p.definitions(root)
	if len(p.problems) > 0 {
		return nil, Problems(sorted(p.problems))
	}
	p.defs.Warnings = sorted(p.warnings)
	return p.defs, nil
}

// sorted orders problems by line, those of one line as they were found.
func sorted(all []Problem) []Problem {
	slices.SortStableFunc(all, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
	return all[:min(len(all), MaxProblems)]
}

// maxFindings bounds what is gathered before it is sorted and cut.
const maxFindings = 10 * MaxProblems

// parser holds what is known of one file.
type parser struct {
	options  Options
	defs     *Definitions
	problems []Problem
	warnings []Problem
	ids      map[string]int // the line of each

	signals  map[string]*Signal
	named    map[string]*Signal // by name
	messages map[string]*Message
	errors   map[string]*Error
	drawn    map[string]bool // ids of processes and collaborations
}

// add notes a problem.
func (p *parser) add(pr Problem) {
	if len(p.problems) < maxFindings {
		p.problems = append(p.problems, pr)
	}
}

// fail notes a problem of an element.
func (p *parser) fail(e *element, format string, args ...any) { p.add(e.problem(format, args...)) }

// definitions reads the whole file.
func (p *parser) definitions(root *element) {
	if !root.bpmn("definitions") {
		p.fail(root, "the first element must be definitions in the namespace %s", spaceBPMN)
		return
	}
	p.defs = &Definitions{ID: root.attr("id"), Name: root.attr("name"), TargetNamespace: root.attr("targetNamespace")}
	var processes []*element
	for _, e := range root.children {
		if e.bpmn("process") {
			processes = append(processes, e)
			continue
		}
		p.declaration(e)
	}
	if len(processes) == 0 {
		p.fail(root, "holds no process")
	}
	p.drawings(root)
	for _, e := range processes {
		if p.boolean(e, "isExecutable", e.attr("isExecutable"), true) {
			p.process(e)
		}
	}
}

// declaration reads what stands beside the processes.
func (p *parser) declaration(e *element) {
	name := e.name.Local
	switch {
	case e.name.Space != spaceBPMN:
	case name == "signal":
		p.signal(e)
	case name == "message":
		if p.id(e) {
			m := &Message{ID: e.attr("id"), Name: e.attr("name"), Line: e.line}
			p.messages[m.ID] = m
			p.defs.Messages = append(p.defs.Messages, m)
		}
	case name == "error":
		if p.id(e) {
			x := &Error{ID: e.attr("id"), Name: e.attr("name"), Line: e.line}
			code, given := e.get("", "errorCode")
			if x.Code = code; !given {
				x.Code = x.ID
			}
			p.errors[x.ID] = x
			p.defs.Errors = append(p.defs.Errors, x)
		}
	case skipped[name], skippedRoot[name], strings.HasSuffix(name, "EventDefinition"):
	default:
		p.unsupported(e)
	}
}

// signal reads the declaration of a signal.
func (p *parser) signal(e *element) {
	if !p.id(e) {
		return
	}
	s := &Signal{ID: e.attr("id"), Name: e.attr("name"), Line: e.line}
	switch scope := cmp.Or(e.ext("scope"), e.attr("scope")); scope {
	case "", "global":
	case "processInstance":
		s.InstanceScope = true
	default:
		p.fail(e, "the scope %q must be global or processInstance", scope)
	}
	if other := p.named[s.Name]; other != nil && other.InstanceScope != s.InstanceScope {
		p.fail(e, "line %d declares the signal %q with another scope", other.Line, s.Name)
	}
	p.named[s.Name] = s
	p.signals[s.ID] = s
	p.defs.Signals = append(p.defs.Signals, s)
}

// drawings notes which processes have a drawing, by themselves or within a collaboration.
func (p *parser) drawings(root *element) {
	for _, diagram := range root.children {
		for _, plane := range diagram.children {
			if plane.name.Space == spaceDI {
				p.drawn[local(plane.attr("bpmnElement"))] = true
			}
		}
	}
	for _, e := range root.children {
		if !e.bpmn("collaboration") || !p.drawn[e.attr("id")] {
			continue
		}
		for _, c := range e.children {
			if ref := c.attr("processRef"); c.bpmn("participant") && ref != "" {
				p.drawn[local(ref)] = true
			}
		}
	}
}

// local cuts the prefix off a qualified name.
func local(ref string) string { return ref[strings.LastIndexByte(ref, ':')+1:] }

// resolve looks a reference up, with its prefix and without.
func resolve[T any](all map[string]*T, ref string) *T {
	if x, ok := all[ref]; ok {
		return x
	}
	return all[local(ref)]
}

// id checks the id of an element that needs one, and that nothing else has it.
func (p *parser) id(e *element) bool {
	id := e.attr("id")
	if id == "" {
		p.fail(e, "needs an id")
		return false
	}
	return p.unique(e, id)
}

// unique checks an id.
func (p *parser) unique(e *element, id string) bool {
	if !wellFormedID(id) {
		p.fail(e, "the id must begin with a letter or _, and go on with letters, digits, _ - and . (at most 255)")
		return false
	}
	if line, ok := p.ids[id]; ok {
		p.fail(e, "the id is used on line %d already", line)
		return false
	}
	p.ids[id] = e.line
	return true
}

// boolean reads the value of an attribute.
func (p *parser) boolean(e *element, name, value string, otherwise bool) bool {
	if value == "" {
		return otherwise
	}
	b, err := strconv.ParseBool(strings.ToLower(value))
	if err != nil {
		p.fail(e, "%s must be true or false, not %q", name, value)
		return otherwise
	}
	return b
}

// flag reads an attribute of Flowable that is false unless it is there.
func (p *parser) flag(e *element, name string) bool { return p.boolean(e, name, e.ext(name), false) }

// stoneHint tells what to do about work that has no home here.
const stoneHint = "hand the work to a stone: a serviceTask with riverstones:stone"

// unsupported refuses an element.
func (p *parser) unsupported(e *element) {
	switch e.name.Local {
	case "scriptTask", "businessRuleTask", "sendTask":
		p.fail(e, "is not supported; %s", stoneHint)
	case "conditionalEventDefinition", "escalationEventDefinition", "compensateEventDefinition",
		"cancelEventDefinition", "linkEventDefinition":
		p.fail(e, "events of this kind are not supported")
	default:
		p.fail(e, "is not supported")
	}
}
