package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/cmd/internal/config"
)

func TestTraces(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		environ       []string
		want, problem string
	}{
		"none":               {},
		"ours":               {environ: []string{"RIVERSTONES_OTLP_ENDPOINT=http://c:4318"}, want: "http://c:4318/v1/traces"},
		"ours whole":         {environ: []string{"RIVERSTONES_OTLP_ENDPOINT=https://c/base/v1/traces"}, want: "https://c/base/v1/traces"},
		"all signals":        {environ: []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4318/"}, want: "http://c:4318/v1/traces"},
		"traces as they are": {environ: []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://c", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://d/x"}, want: "http://d/x"},
		"ours first":         {environ: []string{"RIVERSTONES_OTLP_ENDPOINT=http://a", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://d/x"}, want: "http://a/v1/traces"},
		"off":                {environ: []string{"RIVERSTONES_OTLP_ENDPOINT=http://a", "OTEL_SDK_DISABLED=true"}},
		"no URL":             {environ: []string{"RIVERSTONES_OTLP_ENDPOINT=collector:4318"}, problem: "otlp-endpoint"},
		"a password":         {environ: []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://u:geheim@c"}, problem: "OTEL_EXPORTER_OTLP_ENDPOINT"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := config.Load(config.Sources{Base: config.Default(), Environ: c.environ})
			if c.problem != "" {
				require.ErrorContains(t, err, c.problem)
				require.NotContains(t, err.Error(), "geheim")
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, got.Traces)
		})
	}
}
