package task_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue/task"
)

func TestSealed(t *testing.T) {
	t.Parallel()
	for doc, want := range map[string]bool{
		`{"$sealed":"1:k:x"}`: true, "{ \"$sealed\" :\n\"1:k:x\" , \"$digest\":\"k:y\"} more": true,
		`{"$sealed":"1:k:x","other":"y"}`: false, `{"$sealed":1}`: false, `{"$digest":"x","$sealed":"y"}`: false,
		`{}`: false, ``: false, `"$sealed"`: false, `{"$sealed":"1:k`: false, `{"$sealed"`: false,
	} {
		require.Equal(t, want, task.Sealed([]byte(doc)), doc)
	}
}

// What is sealed is masked whole, put back for its mask, and hidden no second time.
func TestSealedValuesAreOpaque(t *testing.T) {
	t.Parallel()
	doc := []byte(`{"password":{"$sealed":"1:k:aa"},"text":{"$sealed":"1:k:bb"},"list":[{"$sealed":"1:k:cc"},{"pwd":"clear"}]}`)
	shown := task.Redact(doc)
	require.JSONEq(t, `{"password":"******","text":"******","list":["******",{"pwd":"******"}]}`, string(shown))
	require.JSONEq(t, string(doc), string(task.Restore(shown, doc)))
	require.Equal(t, []string{"clear"}, task.Secrets(doc, nil))
	hidden := task.Hide(doc, []string{"text"}, "", func(value []byte) []byte {
		require.Equal(t, `"clear"`, string(value))
		return []byte(`"hidden"`)
	})
	require.JSONEq(t, `{"password":{"$sealed":"1:k:aa"},"text":{"$sealed":"1:k:bb"},"list":[{"$sealed":"1:k:cc"},{"pwd":"hidden"}]}`, string(hidden))
	var found []string
	for from, to := range task.EachSealed(doc) {
		found = append(found, string(doc[from:to]))
	}
	require.Equal(t, []string{`{"$sealed":"1:k:aa"}`, `{"$sealed":"1:k:bb"}`, `{"$sealed":"1:k:cc"}`}, found)
	require.Equal(t, 5, task.ValueEnd([]byte(`[1,2],"x"`)))
	require.Zero(t, task.ValueEnd([]byte(`[1`)))
}
