package bpmn_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/river/bpmn"
)

const space = `<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL">`

func TestLimits(t *testing.T) {
	t.Parallel()
	process := space + `<process id="p"><documentation>12345678</documentation><startEvent id="start"/><endEvent id="end"/>` +
		`<sequenceFlow sourceRef="start" targetRef="end"/><sequenceFlow sourceRef="start" targetRef="end"/></process></definitions>`
	for name, c := range map[string]struct{ fits, small bpmn.Limits }{
		"longer than":            {bpmn.Limits{Bytes: len(process)}, bpmn.Limits{Bytes: len(process) - 1}},
		"nested deeper":          {bpmn.Limits{Depth: 3}, bpmn.Limits{Depth: 2}},
		"more than 6 elements":   {bpmn.Limits{Elements: 7}, bpmn.Limits{Elements: 6}},
		"more than 1 nodes":      {bpmn.Limits{Nodes: 2}, bpmn.Limits{Nodes: 1}},
		"more than 1 sequence":   {bpmn.Limits{Flows: 2}, bpmn.Limits{Flows: 1}},
		"attribute xmlns":        {bpmn.Limits{Attribute: 43}, bpmn.Limits{Attribute: 42}},
		"more than 7 bytes of t": {bpmn.Limits{Text: 8}, bpmn.Limits{Text: 7}},
	} {
		_, err := bpmn.Parse([]byte(process), bpmn.Options{Limits: c.fits})
		require.NoError(t, err, name)
		_, err = bpmn.Parse([]byte(process), bpmn.Options{Limits: c.small})
		require.ErrorContains(t, err, name)
	}
}

func TestLimitsHoldInWhatIsSkipped(t *testing.T) {
	t.Parallel()
	deep := space + strings.Repeat(`<x xmlns="urn:x">`, 63)
	_, err := bpmn.Parse([]byte(deep), bpmn.Options{})
	require.ErrorContains(t, err, "not well-formed")
	_, err = bpmn.Parse([]byte(deep+`<x xmlns="urn:x">`), bpmn.Options{})
	require.ErrorContains(t, err, "nested deeper than 64")

	var many strings.Builder
	for i := range 101 {
		many.WriteString(" a" + strings.Repeat("b", i) + `="1"`)
	}
	_, err = bpmn.Parse([]byte(space+"<x"+many.String()+"/></definitions>"), bpmn.Options{})
	require.ErrorContains(t, err, "more than 100 attributes")
}

func TestEncodings(t *testing.T) {
	t.Parallel()
	file := `<?xml version="1.0" encoding="ascii"?>` + space + `<process id="p" name="é"><startEvent id="s"/></process></definitions>`
	d, err := bpmn.Parse([]byte("\uFEFF"+file), bpmn.Options{})
	require.NoError(t, err)
	require.Equal(t, "é", d.Process("p").Name)

	for _, data := range []string{"\xFE\xFF\x00<", "\xFF\xFE<\x00", "\x00<\x00d", "<\x00d\x00"} {
		_, err := bpmn.Parse([]byte(data), bpmn.Options{})
		require.ErrorContains(t, err, "UTF-16")
	}
	_, err = bpmn.Parse([]byte(strings.ReplaceAll(file, "é", "\xE9")), bpmn.Options{})
	require.ErrorContains(t, err, "not in UTF-8")
}

func TestProblemsAreBounded(t *testing.T) {
	t.Parallel()
	file := space + `<process id="p"><startEvent id="s"/>` + strings.Repeat(`<scriptTask id="x"/>`, 5000) + `</process></definitions>`
	_, err := bpmn.Parse([]byte(file), bpmn.Options{})
	var problems bpmn.Problems
	require.ErrorAs(t, err, &problems)
	require.Len(t, problems, bpmn.MaxProblems)
}
