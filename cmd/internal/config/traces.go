package config

import (
	"net/url"
	"strings"
)

// The variables of OpenTelemetry that name a collector, and the one that
// switches everything off.
const (
	envOTLP       = "OTEL_EXPORTER_OTLP_ENDPOINT"
	envOTLPTraces = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	envOTLPOff    = "OTEL_SDK_DISABLED"
)

// pathTraces is where a collector takes spans.
const pathTraces = "/v1/traces"

// readTraces makes the address that spans are sent to. Ours is one of a
// collector, as in OpenTelemetry's variable for all signals; the one for traces
// is taken as it is.
func readTraces(c *Config, variable func(name string) string, p *Problems) {
	given, name := c.Traces, keyOTLP.path
	whole := false
	if given == "" {
		if given, name = variable(envOTLPTraces), envOTLPTraces; given != "" {
			whole = true
		} else {
			given, name = variable(envOTLP), envOTLP
		}
	}
	c.Traces = ""
	if given == "" || strings.EqualFold(variable(envOTLPOff), "true") {
		return
	}
	u, err := url.Parse(given)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		p.addf(name, "is not the URL of a collector, such as http://127.0.0.1:4318")
		return
	}
	if u.User != nil {
		p.addf(name, "must not hold a password: set OTEL_EXPORTER_OTLP_HEADERS")
		return
	}
	if !whole {
		u.Path = strings.TrimSuffix(u.Path, "/")
		if !strings.HasSuffix(u.Path, pathTraces) {
			u.Path += pathTraces
		}
	}
	c.Traces = u.String()
}
