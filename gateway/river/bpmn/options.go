package bpmn

import "cmp"

// Limits bound what a file may cost. A zero field means the default that is given with it.
type Limits struct {
	Bytes     int // of the file, 5 MiB
	Depth     int // of elements within elements, 64
	Elements  int // in the file, with those that are skipped, 100,000
	Nodes     int // of one process at any depth, 2,000
	Flows     int // of one process at any depth, 5,000
	Attribute int // bytes of one attribute's value, 16 KiB
	Text      int // bytes of text in one element, 256 KiB
}

// withDefaults returns l with no field zero.
func (l Limits) withDefaults() Limits {
	return Limits{
		Bytes:     cmp.Or(l.Bytes, 5<<20),
		Depth:     cmp.Or(l.Depth, 64),
		Elements:  cmp.Or(l.Elements, 100_000),
		Nodes:     cmp.Or(l.Nodes, 2_000),
		Flows:     cmp.Or(l.Flows, 5_000),
		Attribute: cmp.Or(l.Attribute, 16<<10),
		Text:      cmp.Or(l.Text, 256<<10),
	}
}

// Options are what [Parse] may be told. The zero value is the default.
type Options struct {
	Limits Limits

	// StoneFor names the stone that stands for an implementation in Java, or
	// says that there is none. Without it every service task in Java is refused.
	StoneFor func(j Java) (code string, ok bool)
}
