package bench

import (
	"math"
	"runtime"
	"slices"
	"time"
)

// Result is what a run measured. The names of its members are fixed; new ones
// are added at the end.
type Result struct {
	TasksPerS        float64 `json:"tasks_per_s"`         // from the first POST to the commit of the last transition
	AcceptsPerS      float64 `json:"accepts_per_s"`       // from the first POST to the last answer
	CPUPer1000       float64 `json:"cpu_s_per_1000"`      // seconds, of this process and that of --pg-pid
	P50              float64 `json:"p50_ms"`              // from a task's POST to the commit of its last transition
	P99              float64 `json:"p99_ms"`              //
	RecorderLagP99   float64 `json:"recorder_lag_p99_ms"` // from storing a message to its commit
	PeakRSS          float64 `json:"peak_rss_mib"`        // of the same processes, pages they share counted once
	AcceptP50        float64 `json:"accept_p50_ms"`       // from a POST to its answer
	AcceptP99        float64 `json:"accept_p99_ms"`       //
	RecorderLagP50   float64 `json:"recorder_lag_p50_ms"` //
	Seconds          float64 `json:"seconds"`             //
	Tasks            int     `json:"tasks"`               //
	Verified         int     `json:"verified"`            // tasks found ended once, with five transitions in order
	Connections      int     `json:"connections"`         //
	Batch            int     `json:"batch"`               //
	Stones           int     `json:"stones"`              //
	Concurrency      int     `json:"concurrency"`         //
	Rate             float64 `json:"rate"`                //
	Store            string  `json:"store"`               //
	NATS             string  `json:"nats"`                //
	CPUs             int     `json:"cpus"`                //
	DatabaseMeasured bool    `json:"database_measured"`   // whether CPU and memory include --pg-pid
}

func (r *run) result(w *watch, l *loader, begin time.Time, cpu, memory float64) Result {
	cfg, settings, end := &r.cfg, r.settings(), w.last()
	n, latencies := float64(cfg.Tasks), w.latencies()
	w.mu.Lock()
	defer w.mu.Unlock()
	return Result{
		TasksPerS: round(n / end.Sub(begin).Seconds()), AcceptsPerS: round(n / l.last.Sub(begin).Seconds()),
		CPUPer1000: round(1000 * cpu / n), PeakRSS: round(memory),
		P50: quantile(latencies, .5), P99: quantile(latencies, .99),
		RecorderLagP50: quantile(w.lag, .5), RecorderLagP99: quantile(w.lag, .99),
		AcceptP50: quantile(l.answered, .5), AcceptP99: quantile(l.answered, .99),
		Seconds: round(end.Sub(begin).Seconds()), Tasks: cfg.Tasks, Connections: cfg.Connections, Batch: cfg.Batch,
		Stones: cfg.Stones, Concurrency: cfg.Concurrency, Rate: cfg.Rate,
		Store: settings.StoreName(), NATS: settings.NATSName(), CPUs: runtime.NumCPU(), DatabaseMeasured: cfg.PgPID > 0,
	}
}

// quantile returns the q-quantile in milliseconds, 0 of nothing. It sorts d.
func quantile(d []time.Duration, q float64) float64 {
	if len(d) == 0 {
		return 0
	}
	slices.Sort(d)
	return round(float64(d[int(q*float64(len(d)-1))]) / float64(time.Millisecond))
}

// round keeps what a measurement can mean.
func round(v float64) float64 { return math.Round(v*1e4) / 1e4 }
