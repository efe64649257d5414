package dispatch

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
)

const (
	patience = 10 * time.Second
	poll     = time.Millisecond
)

func TestObject(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":      `{}`,
		"null":  `{}`,
		" { } ": `{}`,
		`{"b" : [ 1.50e+07, " \" " ], "a":{"n":12345678901234567890}}`: `{"b":[1.50e+07," \" "],"a":{"n":12345678901234567890}}`,
		`"{ \"a\" : 1 }"`:           `{"a":1}`,
		`{"a\\":"\\\\","b":"\\\""}`: `{"a\\":"\\\\","b":"\\\""}`,
	} {
		out, err := object(json.RawMessage(in))
		require.NoError(t, err, in)
		require.Equal(t, want, string(out))
	}
}

func FuzzCompact(f *testing.F) {
	for _, s := range []string{`{"a": "\\\"", "b":[ {} ]}`, ` [ 1 , 2 ] `, `"\\"`, `{"a\\" : "\\\\"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		want := jsontext.Value(bytes.Clone(in))
		if !want.IsValid() {
			return
		}
		require.NoError(t, want.Compact())
		got, _ := compact(in)
		require.Equal(t, string(want), string(got))
	})
}

func TestClaimsAreBounded(t *testing.T) {
	t.Parallel()
	c := newClaims(3)
	for i := range 10 {
		d := []draft{{cmd: &queue.Command{Names: task.Names{ID: fmt.Sprint("id", i), TaskID: fmt.Sprint("t", i)}}}}
		require.Nil(t, c.take(d))
		c.publish(d[0].mine, uint64(10+i))
	}
	require.Len(t, c.byTask, 3, "the oldest are forgotten")
	require.Contains(t, c.byTask, "t9")
	c.advance(18)
	require.Len(t, c.byTask, 1)
	require.Len(t, c.byID, 1)
	c.advance(19)
	require.Empty(t, c.byTask)
	require.Empty(t, c.byID)

	late := []draft{{cmd: &queue.Command{Names: task.Names{ID: "id", TaskID: "t"}}}}
	require.Nil(t, c.take(late))
	c.publish(late[0].mine, 19)
	require.Empty(t, c.byTask, "recorded before the ack was read")
}

func TestAnOrphanKeepsItsID(t *testing.T) {
	t.Parallel()
	c := newClaims(3)
	drafts := func(id, name string) []draft {
		return []draft{{cmd: &queue.Command{Names: task.Names{ID: id, TaskID: "t", Name: name}}}}
	}
	first := drafts("1", "n")
	require.Nil(t, c.take(first))
	c.release(first[0].mine, errStoreAway, true)
	other := drafts("2", "other")
	require.Nil(t, c.take(other))
	require.Equal(t, "2", other[0].cmd.ID, "other content is another task")
	c.release(other[0].mine, nil, false)
	again := drafts("3", "n")
	require.Nil(t, c.take(again))
	require.Equal(t, "1", again[0].cmd.ID)
	require.Same(t, again[0].mine, c.take(drafts("4", "n")), "who sends it meanwhile waits")
	c.publish(again[0].mine, 1)
	require.Empty(t, c.orphans)
}
