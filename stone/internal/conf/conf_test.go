package conf_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/stone"
	"github.com/riverstones/riverstones/stone/internal/conf"
)

type sample struct {
	Name   string        `json:"name"`
	Every  time.Duration `json:"every"`
	Codes  []int         `json:"codes"`
	Params []stone.Param `json:"params"`
}

func TestDecode(t *testing.T) {
	t.Parallel()
	for _, doc := range []string{
		"name: x\nevery: 90s\ncodes: [1, 2]\nparams:\n  - {name: size, type: integer, default: 12345678901234567890, maxValue: 9.5}\n",
		`{"name":"x","every":"90s","codes":[1,2],"params":[{"name":"size","type":"integer","default":12345678901234567890,"maxValue":9.5}]}`,
	} {
		var s sample
		require.NoError(t, conf.Decode([]byte(doc), &s))
		require.Equal(t, 90*time.Second, s.Every)
		require.Equal(t, []int{1, 2}, s.Codes)
		require.Equal(t, "12345678901234567890", string(s.Params[0].Default))
		require.InDelta(t, 9.5, *s.Params[0].MaxValue, 0)
	}
	for _, doc := range []string{"name: 1", "every: 90", "every: soon", "nmae: x", "name: x\nname: y", `{"name":"x","name":"y"}`, "[1]", "a: [", "codes: [x]"} {
		require.Error(t, conf.Decode([]byte(doc), new(sample)), doc)
	}
}
