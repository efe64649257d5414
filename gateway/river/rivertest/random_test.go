package rivertest_test

import (
	"fmt"
	"strings"

	"pgregory.net/rapid"
)

// drawing makes a random model that is well formed: what forks joins again, and
// there are no loops, so that every instance comes to its end.
type drawing struct {
	t     *rapid.T
	xml   *strings.Builder
	count int
	left  int // blocks that may still be drawn
}

// drawModel returns the elements of a process.
func drawModel(t *rapid.T, blocks int) string {
	d := &drawing{t: t, xml: &strings.Builder{}, left: blocks}
	d.scope(0)
	return d.xml.String()
}

func (d *drawing) id(kind string) string {
	d.count++
	return fmt.Sprintf("%s%d", kind, d.count)
}

func (d *drawing) add(format string, args ...any) { fmt.Fprintf(d.xml, format+"\n", args...) }

func (d *drawing) flow(nodes ...string) { d.add("%s", strings.Join(nodes, " -> ")) }

// scope draws from a start to an end.
func (d *drawing) scope(depth int) {
	start, end := d.id("start"), d.id("end")
	d.add(`<startEvent id=%q/><endEvent id=%q/>`, start, end)
	at := start
	for range rapid.IntRange(1, 3).Draw(d.t, "length") {
		entry, exit := d.block(depth)
		d.flow(at, entry)
		at = exit
	}
	d.flow(at, end)
}

// block draws something with one way in and one way out.
func (d *drawing) block(depth int) (entry, exit string) {
	kinds := []func(*drawing, int) (string, string){receive, user, catch, guarded, several, events}
	if d.left--; d.left > 0 && depth < 3 {
		kinds = append(kinds, fork, choice, inclusive, sub, loopSub, erring, ending, calling)
	}
	return rapid.SampledFrom(kinds).Draw(d.t, "block")(d, depth)
}

func one(d *drawing, kind, format string) (entry, exit string) {
	id := d.id(kind)
	d.add(format, id)
	return id, id
}

func receive(d *drawing, _ int) (entry, exit string) {
	return one(d, "receive", `<receiveTask id=%q/>`)
}

func user(d *drawing, _ int) (entry, exit string) { return one(d, "user", `<userTask id=%q/>`) }

func catch(d *drawing, _ int) (entry, exit string) {
	return one(d, "catch", `<intermediateCatchEvent id=%q><signalEventDefinition signalRef="goSignal"/></intermediateCatchEvent>`)
}

func calling(d *drawing, _ int) (entry, exit string) {
	return one(d, "call", `<callActivity id=%q calledElement="called"/>`)
}

// several is a task in several instances.
func several(d *drawing, _ int) (entry, exit string) {
	id := d.id("several")
	d.add(`<userTask id=%q>%s</userTask>`, id, d.loop())
	return id, id
}

func (d *drawing) loop() string {
	return fmt.Sprintf(`<multiInstanceLoopCharacteristics isSequential="%t"><loopCardinality>%d</loopCardinality></multiInstanceLoopCharacteristics>`,
		rapid.Bool().Draw(d.t, "sequential"), rapid.IntRange(0, 3).Draw(d.t, "instances"))
}

// guarded is an activity with boundary events: the way of an interrupting one
// comes back, that of the other ends by itself.
func guarded(d *drawing, depth int) (entry, exit string) {
	id, merge := d.id("guarded"), d.id("merge")
	if depth < 3 && rapid.Bool().Draw(d.t, "scope") {
		d.add(`<subProcess id=%q>`, id)
		d.scope(depth + 1)
		d.add(`</subProcess>`)
	} else {
		d.add(`<receiveTask id=%q/>`, id)
	}
	d.add(`<exclusiveGateway id=%q/>`, merge)
	d.flow(id, merge)
	if rapid.Bool().Draw(d.t, "interrupting") {
		b, task := d.id("boundary"), d.id("receive")
		d.add(`<boundaryEvent id=%q attachedToRef=%q><messageEventDefinition messageRef="mailMessage"/></boundaryEvent><receiveTask id=%q/>`, b, id, task)
		d.flow(b, task, merge)
	}
	if rapid.Bool().Draw(d.t, "beside") {
		b, task, end := d.id("beside"), d.id("receive"), d.id("end")
		d.add(`<boundaryEvent id=%q attachedToRef=%q cancelActivity="false"><signalEventDefinition signalRef="goSignal"/></boundaryEvent><receiveTask id=%q/><endEvent id=%q/>`, b, id, task, end)
		d.flow(b, task, end)
	}
	return id, merge
}

func events(d *drawing, _ int) (entry, exit string) {
	g, a, b, merge := d.id("events"), d.id("catch"), d.id("mail"), d.id("merge")
	d.add(`<eventBasedGateway id=%q/><exclusiveGateway id=%q/>`, g, merge)
	d.add(`<intermediateCatchEvent id=%q><signalEventDefinition signalRef="goSignal"/></intermediateCatchEvent>`, a)
	d.add(`<intermediateCatchEvent id=%q><messageEventDefinition messageRef="mailMessage"/></intermediateCatchEvent>`, b)
	d.flow(g, a, merge)
	d.flow(g, b, merge)
	return g, merge
}

// branches draws two or three ways between two gateways of a kind.
func (d *drawing) branches(kind string, depth int, condition func(i int) string) (entry, exit string) {
	split, join := d.id("split"), d.id("join")
	preset := ""
	if condition(0) != "" {
		preset = fmt.Sprintf(` default="d%s"`, split)
	}
	d.add(`<%s id=%q%s/><%s id=%q/>`, kind, split, preset, kind, join)
	for i := range rapid.IntRange(2, 3).Draw(d.t, "branches") {
		in, out := d.block(depth + 1)
		switch {
		case preset == "":
			d.flow(split, in)
		case i == 0:
			d.add("%s -> %s #d%s", split, in, split)
		default:
			d.add("%s -> %s %s", split, in, condition(i))
		}
		d.flow(out, join)
	}
	return split, join
}

func fork(d *drawing, depth int) (entry, exit string) {
	return d.branches("parallelGateway", depth, func(int) string { return "" })
}

func choice(d *drawing, depth int) (entry, exit string) {
	return d.branches("exclusiveGateway", depth, func(i int) string { return fmt.Sprintf("${n == %d}", i) })
}

func inclusive(d *drawing, depth int) (entry, exit string) {
	return d.branches("inclusiveGateway", depth, func(i int) string { return fmt.Sprintf("${n >= %d}", i) })
}

func sub(d *drawing, depth int) (entry, exit string) {
	id := d.id("sub")
	d.add(`<subProcess id=%q>`, id)
	d.scope(depth + 1)
	d.add(`</subProcess>`)
	return id, id
}

func loopSub(d *drawing, depth int) (entry, exit string) {
	id := d.id("loop")
	d.add(`<subProcess id=%q>%s`, id, d.loop())
	d.scope(depth + 1)
	d.add(`</subProcess>`)
	return id, id
}

// erring is a subprocess that ends with an error, which is caught.
func erring(d *drawing, _ int) (entry, exit string) {
	id, s, f, a, b, bad, e, bnd, merge := d.id("erring"), d.id("start"), d.id("fork"), d.id("receive"), d.id("user"), d.id("bad"), d.id("end"), d.id("boundary"), d.id("merge")
	d.add(`<subProcess id=%q><startEvent id=%q/><parallelGateway id=%q/><receiveTask id=%q/><userTask id=%q/>`, id, s, f, a, b)
	d.add(`<endEvent id=%q><errorEventDefinition errorRef="badError"/></endEvent><endEvent id=%q/>`, bad, e)
	d.flow(s, f, a, bad)
	d.flow(f, b, e)
	d.add(`</subProcess><boundaryEvent id=%q attachedToRef=%q><errorEventDefinition/></boundaryEvent><exclusiveGateway id=%q/>`, bnd, id, merge)
	d.flow(id, merge)
	d.flow(bnd, merge)
	return id, merge
}

// ending is a subprocess that one of its tokens terminates.
func ending(d *drawing, _ int) (entry, exit string) {
	id, s, f, a, b, stop, e := d.id("ending"), d.id("start"), d.id("fork"), d.id("receive"), d.id("catch"), d.id("stop"), d.id("end")
	d.add(`<subProcess id=%q><startEvent id=%q/><parallelGateway id=%q/><receiveTask id=%q/>`, id, s, f, a)
	d.add(`<intermediateCatchEvent id=%q><signalEventDefinition signalRef="goSignal"/></intermediateCatchEvent>`, b)
	d.add(`<endEvent id=%q><terminateEventDefinition/></endEvent><endEvent id=%q/>`, stop, e)
	d.flow(s, f, a, stop)
	d.flow(f, b, e)
	d.add(`</subProcess>`)
	return id, id
}
