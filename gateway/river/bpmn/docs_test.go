package bpmn_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/river/bpmn"
)

const page = "../../../deploy/docs/models.md"

// The table of elements names every kind that there is.
func TestDocumentedKinds(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	count := 0
	for kind := bpmn.KindStartEvent; kind.String() != "unknown"; kind++ {
		require.Contains(t, string(text), "`"+kind.String()+"`")
		count++
	}
	require.Equal(t, 15, count)
}

// The examples of the page load.
func TestDocumentedExamples(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	blocks := strings.Split(string(text), "```xml\n")
	require.Len(t, blocks, 3)
	for _, block := range blocks[1:] {
		xml, _, _ := strings.Cut(block, "```")
		inner, whole := strings.CutPrefix(xml, `<process id="provision">`)
		p := model(t, inner+`<startEvent id="start"/>`)
		if whole {
			require.Len(t, p.Parameters, 3)
			require.Len(t, p.Outputs, 1)
			continue
		}
		require.Len(t, p.Node("create").Detail.(*bpmn.ServiceTask).Stone.Params, 4)
	}
}
