package river_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// block is a part of a process with one way in and one way out, for which it is
// easy to say what can happen.
type block struct {
	kind  string
	id    string
	parts []*block
}

// grow makes a random block of a size. Within a loop there are no inclusive
// gateways: they would wait for tokens that come around.
func grow(r *rand.Rand, n *int, size int, looped bool) *block {
	*n++
	b := &block{id: fmt.Sprint(*n)}
	if size <= 1 {
		b.kind = []string{"give", "take", "take", "plain"}[r.IntN(4)]
		return b
	}
	kinds := []string{"seq", "seq", "seq", "xor", "and", "loop", "sub", "ends", "try", "trysub", "or", "orsure"}
	if looped {
		kinds = kinds[:10]
	}
	b.kind = kinds[r.IntN(len(kinds))]
	parts := 2
	if b.kind == "loop" || b.kind == "sub" {
		parts = 1
	}
	for range parts {
		b.parts = append(b.parts, grow(r, n, size/parts, looped || b.kind == "loop"))
	}
	return b
}

// skips reports whether the block can be gone through without a giver done.
func (b *block) skips() bool {
	all := func() bool { return !slices.ContainsFunc(b.parts, func(p *block) bool { return !p.skips() }) }
	switch b.kind {
	case "give":
		return false
	case "xor", "or", "try", "trysub":
		return slices.ContainsFunc(b.parts, (*block).skips)
	case "orsure":
		return b.parts[0].skips()
	default:
		return all()
	}
}

// early adds the takers in the block that can be come to without a giver done,
// if the block itself can.
func (b *block) early(out map[string]bool) {
	if b.kind == "take" {
		out["take"+b.id] = true
	}
	for _, p := range b.parts {
		p.early(out)
		if b.kind == "seq" && !p.skips() {
			return
		}
	}
}

// draw writes the block behind a node, and returns its last node.
func (b *block) draw(w *strings.Builder, from string) string {
	flow := func(from, to, mark string) { fmt.Fprintf(w, "%s>%s%s ", from, to, mark) }
	switch b.kind {
	case "give", "take", "plain":
		id := map[string]string{"give": "a", "take": "take", "plain": "b"}[b.kind] + b.id
		flow(from, id, "")
		return id
	case "seq":
		return b.parts[1].draw(w, b.parts[0].draw(w, from))
	case "xor", "and", "or", "orsure":
		letter := map[string]string{"xor": "x", "and": "p", "or": "o", "orsure": "o"}[b.kind]
		split, join := letter+b.id, letter+b.id+"j"
		flow(from, split, "")
		for i, p := range b.parts {
			mark := "?"
			if b.kind == "and" || b.kind == "orsure" && i == 0 {
				mark = ""
			}
			first := "b" + b.id + "f" + p.id // so that the condition is the flow's own
			flow(split, first, mark)
			flow(p.draw(w, first), join, "")
		}
		return join
	case "loop":
		begin, end := "x"+b.id, "x"+b.id+"j"
		flow(from, begin, "")
		flow(b.parts[0].draw(w, begin), end, "")
		flow(end, begin, "?")
		return end
	case "sub", "ends":
		b.sub(w, from, b.parts)
		return "U" + b.id
	default: // an activity that a timer may interrupt, and then something else is done
		join := "x" + b.id + "j"
		activity := "U" + b.id
		if b.kind == "trysub" {
			b.sub(w, from, b.parts[:1])
		} else {
			activity = b.parts[0].draw(w, from)
		}
		fmt.Fprintf(w, "timer%s^%s ", b.id, activity)
		flow(activity, join, "")
		flow(b.parts[1].draw(w, "timer"+b.id), join, "")
		return join
	}
}

// sub writes a subprocess, in which the parts go on beside each other to an end each.
func (b *block) sub(w *strings.Builder, from string, parts []*block) {
	fmt.Fprintf(w, "%s>U%s U%s[ s%s>p%s ", from, b.id, b.id, b.id, b.id)
	for _, p := range parts {
		fmt.Fprintf(w, "%s>e%s ", p.draw(w, "p"+b.id), "s"+b.id+p.id)
	}
	fmt.Fprint(w, "] ")
}

// simple keeps timers to single tasks: one at the last node of a larger part
// would interrupt that alone.
func (b *block) simple() {
	if b.kind == "try" && b.parts[0].kind != "give" && b.parts[0].kind != "take" && b.parts[0].kind != "plain" {
		b.kind = "trysub"
	}
	for _, p := range b.parts {
		p.simple()
	}
}

// Of random models the takers that are refused are just those that can come
// before a giver.
func TestLintOfRandomModels(t *testing.T) {
	t.Parallel()
	lint := linter(t)
	for seed := range uint64(80) {
		r := rand.New(rand.NewPCG(seed, 7)) //nolint:gosec // the same models every time
		n := 0
		b := &block{kind: "seq", parts: []*block{grow(r, &n, 2+r.IntN(24), false), {kind: "take", id: "last"}}}
		b.simple()
		var w strings.Builder
		words := "s>" + "b0 "
		last := b.draw(&w, "b0")
		words += w.String() + last + ">e a0>e0" // one that nobody comes to gives too
		want := map[string]bool{}
		b.early(want)
		got := map[string]bool{}
		said := lint(draw(words))
		for part := range strings.SplitSeq(said, "p.bpmn: ") {
			if _, after, ok := strings.Cut(part, `serviceTask "take`); ok {
				id, _, _ := strings.Cut(after, `"`)
				got["take"+id] = true
			}
		}
		require.Equal(t, want, got, "seed %d: %s\n%s", seed, words, said)
	}
}
