package app_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	prom "github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

const grafana = "../../../deploy/grafana/"

// Dashboard and alerts ask for what a running system exposes, by labels that it has.
func TestDashboardAndAlerts(t *testing.T) {
	t.Parallel()
	known := metricsOf(t, start(t, settings(t), with("Quick", quick{})))
	used := map[string]bool{}
	for where, expr := range dashboard(t) {
		requireQuery(t, known, used, where, expr)
	}
	for where, expr := range alerts(t) {
		requireQuery(t, known, used, where, expr)
	}
	for name := range known {
		require.True(t, used[name], "%s is on no panel and in no alert", name)
	}
}

// dashboard returns the queries of all panels.
func dashboard(t *testing.T) map[string]string {
	t.Helper()
	raw, err := os.ReadFile(grafana + "riverstones.json")
	require.NoError(t, err)
	var d struct {
		Panels []struct {
			ID      int
			Title   string
			GridPos struct{ X, W int }
			Targets []struct{ RefID, Expr string }
		}
		Templating struct {
			List []struct{ Name, Definition string }
		}
	}
	require.NoError(t, json.Unmarshal(raw, &d))
	out, ids := map[string]string{}, map[int]bool{}
	for _, p := range d.Panels {
		require.False(t, ids[p.ID], "panel %d is there twice", p.ID)
		ids[p.ID] = true
		require.LessOrEqual(t, p.GridPos.X+p.GridPos.W, 24, p.Title)
		for _, q := range p.Targets {
			out["panel "+p.Title+" "+q.RefID] = strings.ReplaceAll(q.Expr, "$__rate_interval", "5m")
		}
	}
	require.Greater(t, len(out), 30)
	for _, v := range d.Templating.List {
		if inner, ok := strings.CutPrefix(v.Definition, "label_values("); ok {
			metric, label, _ := strings.Cut(strings.TrimSuffix(inner, ")"), ", ")
			out["variable "+v.Name] = "count by (" + label + ") (" + metric + ")"
		}
	}
	return out
}

// alerts returns the expressions of all rules, which must be whole.
func alerts(t *testing.T) map[string]string {
	t.Helper()
	raw, err := os.ReadFile(grafana + "alerts.yaml")
	require.NoError(t, err)
	var f struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	d := yaml.NewDecoder(strings.NewReader(string(raw)))
	d.KnownFields(true)
	require.NoError(t, d.Decode(&f))
	out := map[string]string{}
	for _, g := range f.Groups {
		for _, r := range g.Rules {
			require.NotContains(t, out, r.Alert)
			require.Contains(t, []string{"warning", "critical"}, r.Labels["severity"], r.Alert)
			require.NotEmpty(t, r.Annotations["summary"], r.Alert)
			require.NotEmpty(t, r.Annotations["description"], r.Alert)
			if r.For != "" {
				d, err := prom.ParseDuration(r.For)
				require.NoError(t, err, r.Alert)
				require.LessOrEqual(t, time.Duration(d), 15*time.Minute, r.Alert)
			}
			out[r.Alert] = r.Expr
		}
	}
	require.Greater(t, len(out), 10)
	return out
}

// requireQuery parses a query and looks up what it names.
func requireQuery(t *testing.T, known map[string]metric, used map[string]bool, where, query string) {
	t.Helper()
	expr, err := parser.ParseExpr(query)
	require.NoError(t, err, "%s: %s", where, query)
	labels := []string{"instance", "job", "le"}
	parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
		v, ok := n.(*parser.VectorSelector)
		if !ok || !strings.HasPrefix(v.Name, "riverstones_") {
			if ok {
				require.Regexp(t, "^(process|go)_", v.Name, where)
			}
			return nil
		}
		m, ok := known[strings.TrimSuffix(v.Name, "_bucket")]
		require.True(t, ok, "%s: there is no %s", where, v.Name)
		used[m.name] = true
		labels = append(labels, m.labels...)
		for _, matcher := range v.LabelMatchers {
			if matcher.Name != prom.MetricNameLabel {
				require.Contains(t, m.labels, matcher.Name, "%s: %s has no such label", where, v.Name)
			}
		}
		return nil
	})
	parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
		if a, ok := n.(*parser.AggregateExpr); ok {
			for _, label := range a.Grouping {
				require.True(t, slices.Contains(labels, label), "%s: nothing has the label %s", where, label)
			}
		}
		return nil
	})
}
