package queue

import (
	"testing"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"
)

// What the canonical reader reads, the library reads just so.

func FuzzCanonicalCommand(f *testing.F) {
	for _, s := range []string{
		`{"id":"a","taskId":"b","processInstanceId":"c","name":"d","namespace":"e","stone":"f","businessKey":null,"method":"start","epoch":1,"params":{"a":[{"b":"}\""}]},"outputs":{},"createTime":"2026-02-28T23:59:59.000001Z","deadline":null,"retry":null}`,
		`{"id":"","taskId":"","processInstanceId":"","name":"","namespace":"","stone":"","businessKey":"k","method":"","epoch":0,"params":{},"outputs":{"n":1e5},"createTime":null,"deadline":"0001-01-01T00:00:00.000000Z","retry":null}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		var quick, sure wireCommand
		if c := (canonical{payload: payload}); !c.command(&quick) {
			return
		}
		require.NoError(t, jsonv2.Unmarshal(payload, &sure))
		require.Equal(t, sure, quick)
	})
}

func FuzzCanonicalEvents(f *testing.F) {
	for _, s := range []string{
		`[]`,
		`[{"id":"a","taskId":"b","processInstanceId":"c","name":"d","namespace":"e","stone":"f","method":"start","epoch":1,"delivery":2,"worker":"w","transitions":[{"status":"start.begin","time":"2024-02-29T00:00:00.123456Z"},{"status":"start.failed","time":null,"reason":"r","final":true}],"outputs":{"a":{}},"progress":100},` +
			`{"id":"","taskId":"","processInstanceId":"","name":"","namespace":"","stone":"","method":"","epoch":0,"delivery":0,"worker":"","transitions":[]}]`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		c := canonical{payload: payload}
		quick, ok := c.events()
		if !ok {
			return
		}
		var sure []wireEvent
		require.NoError(t, jsonv2.Unmarshal(payload, &sure))
		require.Len(t, quick, len(sure))
		for i := range sure {
			if len(sure[i].Transitions) == 0 {
				sure[i].Transitions = nil
			}
			require.Equal(t, sure[i], quick[i])
		}
	})
}

// What this package writes is in canonical form, else its readers were for nothing.
func TestWrittenMessagesAreCanonical(t *testing.T) {
	t.Parallel()
	c := Command{Params: []byte(`{"a":"}"}`), Epoch: 1}
	quick := canonical{payload: c.Append(nil)}
	require.True(t, quick.command(&wireCommand{}))
	n := 7
	e := Event{Transitions: make([]Transition, 2), Outputs: []byte(`{}`), Progress: &n}
	quick = canonical{payload: append(e.Append([]byte{'['}), ']')}
	_, ok := quick.events()
	require.True(t, ok)
	quick = canonical{payload: []byte("[" + string(c.Append(nil)) + "]")}
	_, ok = quick.events()
	require.False(t, ok)
}
