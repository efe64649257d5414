package task_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue/task"
)

func TestConcealer(t *testing.T) {
	t.Parallel()
	const secret = `s3cr"et<\x`
	quoted := func(v any) string {
		b, err := json.Marshal(v)
		require.NoError(t, err)
		return string(b)
	}
	var k task.Concealer
	k.Add([]byte(`{"pwd":`+quoted(secret)+`,"pin":"4711","token":"abc","note":"plain"}`), []string{"pin"})
	require.Equal(t, len(secret)+4, k.Size())
	nested := quoted(map[string]string{"a": quoted(map[string]string{"b": quoted([]string{secret})})})
	for text, want := range map[string]string{
		"no secret, plain": "no secret, plain",
		"with " + secret + ", " + secret + " and 4711": "with ******, ****** and ******",
		"abc is too short":           "abc is too short",
		"as %q: " + `"s3cr\"et<\\x"`: `as %q: "******"`,
		"deep " + nested:             "deep " + strings.Replace(nested, nestedForm(nested), "******", 1),
		`{"password":"unknown"}`:     `{"password":"******"}`,
		"":                           "",
	} {
		require.Equal(t, want, k.Mask(text))
	}
	for _, around := range []string{"", "u:", "xy:"} {
		for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.RawURLEncoding} {
			masked := k.Mask("basic " + enc.EncodeToString([]byte(around+secret+"?>tail")))
			require.Contains(t, masked, task.Mask)
			require.NotContains(t, masked, enc.EncodeToString([]byte(around + secret))[4:12])
		}
	}
	var none, more task.Concealer
	require.Equal(t, secret, none.Mask(secret))
	more.Add([]byte(`{"pwd":"other"}`), nil)
	both := more.Joined(&k)
	require.Equal(t, "****** ******", both.Mask(secret+" other"))
	require.Equal(t, "****** other", k.Mask(secret+" other"), "was changed")
	require.Same(t, &k, none.Joined(&k))
	require.Same(t, both, both.Joined(nil))
}

// nestedForm is how the secret reads within three strings.
func nestedForm(nested string) string {
	from := strings.Index(nested, "s3cr")
	return nested[from : strings.LastIndex(nested, "x")+1]
}
