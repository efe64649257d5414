package bpmn_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/riverstones/riverstones/gateway/river/bpmn"
)

func BenchmarkParse(b *testing.B) {
	for name, data := range map[string][]byte{
		"drawn":     files(b, "models/flowable.bpmn20.xml")["testdata/models/flowable.bpmn20.xml"],
		"500 tasks": row(500),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := bpmn.Parse(data, bpmn.Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkParseHostile reads files that a careless parser would take far longer for than for others of
// their size.
func BenchmarkParseHostile(b *testing.B) {
	for name, process := range map[string]string{
		"text in pieces": "<documentation>" + strings.Repeat("x<!---->", 200_000) + "</documentation>",
		"references": `<extensionElements><r:parameters xmlns:r="http://riverstones.io/bpmn">[` +
			strings.Repeat(`{"name":"a","default":"Ref:a"},`, 5000) + `{"name":"b"}]</r:parameters></extensionElements>`,
		"signals":  "</process>" + strings.Repeat(`<signal id="a" name="b"/>`, 90_000) + `<process id="q">`,
		"gateways": gateways(1998),
	} {
		data := []byte(space + `<process id="p">` + process + `</process></definitions>`)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				_, err := bpmn.Parse(data, bpmn.Options{})
				if (err == nil) != (name == "gateways") {
					b.Fatal(err)
				}
			}
		})
	}
}

// gateways returns n inclusive gateways that lead to and fro.
func gateways(n int) string {
	var b strings.Builder
	b.WriteString(`<startEvent id="g0"/>`)
	for i := range n {
		fmt.Fprintf(&b, `<inclusiveGateway id="g%d"/><sequenceFlow sourceRef="g%d" targetRef="g%d"/>`, i+1, i, i+1)
		if i > 0 {
			fmt.Fprintf(&b, `<sequenceFlow sourceRef="g%d" targetRef="g%d"/>`, i+1, i)
		}
	}
	return b.String()
}

// row returns a process of n user tasks, one behind the other.
func row(n int) []byte {
	var s strings.Builder
	s.WriteString(space + `<process id="p"><startEvent id="t0"/>`)
	for i := range n {
		fmt.Fprintf(&s, `<userTask id="t%d" name="Task"/><sequenceFlow id="f%d" sourceRef="t%d" targetRef="t%d"/>`, i+1, i, i, i+1)
	}
	s.WriteString(`</process></definitions>`)
	return []byte(s.String())
}
