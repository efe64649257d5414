package console

import (
	"encoding/xml"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/riverstones/riverstones/gateway/river/bpmn"
)

// diagramOf names the model whose diagram a page shows.
type diagramOf struct{ Model, Key string }

// What a page with a diagram loads.
var (
	diagramScripts = []string{"vendor/bpmn-navigated-viewer-18.31.1.min.js", "diagram.js"}
	diagramStyles  = []string{"vendor/diagram-js-18.31.1.css", "vendor/bpmn-js-18.31.1.css"}
)

// diagram answers the file of a model, to be drawn in the browser. Where it has
// no drawing of the process it is made anew with one.
func (c *console) diagram(v *visit) (page, error) {
	m, err := v.api.Model(v.ctx(), v.PathValue("model"))
	if err != nil {
		return page{}, err
	}
	file, err := v.api.ModelXML(v.ctx(), m.ModelID)
	if err != nil {
		return page{}, err
	}
	return page{Text: drawn(file, m.ModelKey)}, nil
}

// drawn is a file with a drawing of the process of that key. A file that can
// not be read is left as it is: the browser says that there is nothing to draw.
func drawn(file []byte, key string) []byte {
	defs, err := bpmn.Parse(file, bpmn.Options{StoneFor: func(bpmn.Java) (string, bool) { return "Java", true }})
	if err != nil {
		return file
	}
	p := defs.Process(key)
	if p == nil || p.Graphical {
		return file
	}
	return redraw(p)
}

// redraw writes a process with its drawing: what is seen of it, not what it
// does.
func redraw(p *bpmn.Process) []byte {
	w := &bpmnWriter{flows: map[*bpmn.Flow]string{}}
	for _, f := range p.AllFlows() {
		if w.flows[f] = f.ID; f.ID == "" {
			w.flows[f] = "riverstones_flow_" + strconv.Itoa(f.Index)
		}
	}
	w.open("definitions", "xmlns", "http://www.omg.org/spec/BPMN/20100524/MODEL", "xmlns:bpmndi", "http://www.omg.org/spec/BPMN/20100524/DI",
		"xmlns:dc", "http://www.omg.org/spec/DD/20100524/DC", "xmlns:di", "http://www.omg.org/spec/DD/20100524/DI", "targetNamespace", "riverstones")
	w.open("process", "id", p.ID, "name", p.Name, "isExecutable", "true")
	w.scope(&p.Scope)
	w.end("process")
	w.drawing(p, layout(p))
	w.end("definitions")
	return []byte(w.b.String())
}

// bpmnWriter writes BPMN.
type bpmnWriter struct {
	b     strings.Builder
	flows map[*bpmn.Flow]string // their ids
}

// open begins an element, with pairs of attributes; those without value are
// left out.
func (w *bpmnWriter) open(name string, attributes ...string) {
	w.b.WriteString("<" + name)
	for pair := range slices.Chunk(attributes, 2) {
		name, value := pair[0], pair[len(pair)-1]
		if value == "" {
			continue
		}
		w.b.WriteString(" " + name + `="`)
		_ = xml.EscapeText(&w.b, []byte(value)) // a builder takes all
		w.b.WriteString(`"`)
	}
	w.b.WriteString(">")
}

func (w *bpmnWriter) end(name string) { w.b.WriteString("</" + name + ">") }

func (w *bpmnWriter) empty(name string, attributes ...string) {
	w.open(name, attributes...)
	w.end(name)
}

// scope writes the nodes and flows of a process or subprocess.
func (w *bpmnWriter) scope(s *bpmn.Scope) {
	for _, n := range s.Nodes {
		w.node(n)
	}
	for _, f := range s.Flows {
		w.empty("sequenceFlow", "id", w.flows[f], "name", f.Name, "sourceRef", f.Source.ID, "targetRef", f.Target.ID)
	}
}

func (w *bpmnWriter) node(n *bpmn.Node) {
	kind := n.Kind().String()
	attributes := []string{"id", n.ID, "name", n.Name}
	if n.Default != nil {
		attributes = append(attributes, "default", w.flows[n.Default])
	}
	if b, ok := n.Detail.(*bpmn.BoundaryEvent); ok {
		attributes = append(attributes, "attachedToRef", b.AttachedTo.ID, "cancelActivity", strconv.FormatBool(b.Interrupting))
	}
	w.open(kind, attributes...)
	if t := triggerOf(n); t != bpmn.TriggerNone {
		w.empty(t.String()+"EventDefinition", "id", "riverstones_event_"+strconv.Itoa(n.Index))
	}
	if n.Loop != nil {
		w.empty("multiInstanceLoopCharacteristics", "isSequential", strconv.FormatBool(n.Loop.Sequential))
	}
	if in := n.Inner(); in != nil {
		w.scope(in)
	}
	w.end(kind)
}

func triggerOf(n *bpmn.Node) bpmn.Trigger {
	switch d := n.Detail.(type) {
	case *bpmn.StartEvent:
		return d.Trigger
	case *bpmn.EndEvent:
		return d.Trigger
	case *bpmn.CatchEvent:
		return d.Trigger
	case *bpmn.ThrowEvent:
		return d.Trigger
	case *bpmn.BoundaryEvent:
		return d.Trigger
	default:
		return bpmn.TriggerNone
	}
}

// drawing writes where all of it is.
func (w *bpmnWriter) drawing(p *bpmn.Process, d *drawing) {
	w.open("bpmndi:BPMNDiagram", "id", "riverstones_diagram")
	w.open("bpmndi:BPMNPlane", "id", "riverstones_plane", "bpmnElement", p.ID)
	for _, n := range p.AllNodes() {
		expanded, marker := "", ""
		if n.Inner() != nil {
			expanded = "true"
		}
		if n.Kind() == bpmn.KindExclusiveGateway {
			marker = "true"
		}
		w.open("bpmndi:BPMNShape", "id", fmt.Sprintf("riverstones_shape_%d", n.Index), "bpmnElement", n.ID, "isExpanded", expanded, "isMarkerVisible", marker)
		at := d.nodes[n]
		w.empty("dc:Bounds", "x", strconv.Itoa(at.X), "y", strconv.Itoa(at.Y), "width", strconv.Itoa(at.W), "height", strconv.Itoa(at.H))
		w.end("bpmndi:BPMNShape")
	}
	for _, f := range p.AllFlows() {
		way := d.flows[f]
		if len(way) < 2 {
			continue
		}
		w.open("bpmndi:BPMNEdge", "id", fmt.Sprintf("riverstones_edge_%d", f.Index), "bpmnElement", w.flows[f])
		for _, at := range way {
			w.empty("di:waypoint", "x", strconv.Itoa(at.X), "y", strconv.Itoa(at.Y))
		}
		w.end("bpmndi:BPMNEdge")
	}
	w.end("bpmndi:BPMNPlane")
	w.end("bpmndi:BPMNDiagram")
}
