package bench

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/riverstones/riverstones/store"
)

const (
	rounds    = 3 // of plain tasks and processes in turns
	starters  = 64
	listTries = 30
	pageSize  = 500
)

// ProcessResult is what a run of processes measured. The names of its members
// are fixed; new ones are added at the end.
type ProcessResult struct {
	Process       string             `json:"process"`
	Instances     int                `json:"instances"`
	Verified      int                `json:"verified"`
	StartsPerS    float64            `json:"starts_per_s"`         // from the first POST to the last answer
	InstancesPerS float64            `json:"instances_per_s"`      // from the first POST or signal to the commit of the last end
	CPUPer1000    float64            `json:"cpu_s_per_1000"`       // instances, start to end
	StartP50      float64            `json:"start_p50_ms"`         // from a POST to its answer
	StartP99      float64            `json:"start_p99_ms"`         //
	P50           float64            `json:"p50_ms"`               // from the POST or signal to the commit of the end
	P99           float64            `json:"p99_ms"`               //
	PlainPerS     float64            `json:"plain_tasks_per_s"`    // tasks without a process, in turns with the instances
	PlainCPU      float64            `json:"plain_cpu_s_per_1000"` // tasks
	PerStone      float64            `json:"per_stone_ratio"`      // tasks of stones in processes per second, to PlainPerS
	CPUPerStone   float64            `json:"cpu_per_stone_ratio"`  // CPU of a task in a process, to that of one without
	PeakRSS       float64            `json:"peak_rss_mib"`
	Executions    int                `json:"executions,omitzero"` // that stood when lists were asked for
	Lists         map[string]float64 `json:"list_ms,omitzero"`    // median of a query of executions over HTTP
	Waiting       int                `json:"waiting"`             // other instances that stood meanwhile
	Rate          float64            `json:"rate_per_s"`
	Store         string             `json:"store"`
	CPUs          int                `json:"cpus"`
}

// RunProcess measures processes once: cfg.Tasks instances of cfg.Process.
func RunProcess(ctx context.Context, cfg Config, log *zap.Logger) (res ProcessResult, err error) {
	err = with(ctx, cfg, log, func(r *run) error {
		p := &processes{run: r, model: models[r.cfg.Process], key: "bench-" + r.tag}
		if err := p.deploy(ctx); err != nil {
			return err
		}
		if err := p.ready(ctx); err != nil {
			return fmt.Errorf("warm up: %w", err)
		}
		if err := p.measure(ctx); err != nil {
			return err
		}
		res = p.result()
		res.Verified, err = p.verify(ctx)
		return err
	})
	return res, err
}

// processes measures instances of one model.
type processes struct {
	*run

	model model
	key   string

	starts, instances, plain phaseSum
	executions               int
	lists                    map[string]float64
	peak                     float64
}

// phaseSum adds up what phases took.
type phaseSum struct {
	n        int
	seconds  float64
	cpu      float64
	answered []time.Duration
	ended    []time.Duration // from the request to the commit of the end
}

// during measures do, which drives l.
func (s *phaseSum) during(r *run, l *loader, do func() error) error {
	tree := r.tree()
	cpu, begin := tree.CPU(), time.Now()
	if err := do(); err != nil {
		return err
	}
	end := l.last
	if l.watch.ended.Load() > 0 {
		end = l.watch.last()
		s.ended = append(s.ended, l.watch.latencies()...)
	}
	s.n += len(l.watch.ends)
	s.seconds += end.Sub(begin).Seconds()
	s.cpu += tree.CPU() - cpu
	s.answered = append(s.answered, l.answered...)
	return nil
}

func (s *phaseSum) perSecond() float64 {
	if s.n == 0 {
		return 0
	}
	return float64(s.n) / s.seconds
}

func (s *phaseSum) cpuPer1000() float64 { return 1000 * s.cpu / float64(max(1, s.n)) }

func (r *run) tree() Tree {
	if r.cfg.PgPID > 0 {
		return Tree{os.Getpid(), r.cfg.PgPID}
	}
	return Tree{os.Getpid()}
}

// starter starts instances of a model.
func (p *processes) starter(w *watch, key string) *loader {
	cfg := p.cfg
	cfg.Batch, cfg.Connections = 1, max(cfg.Connections, starters)
	l := newLoader(p.app.Addr(), &cfg, w)
	l.make = func(int) requests { return newStart(w.prefix, key) }
	return l
}

// measure does plain tasks and processes in turns, so that a machine that gets
// slower shows in both.
func (p *processes) measure(ctx context.Context) error {
	peak := p.tree().Peak()
	defer func() { p.peak = peak() }()
	if p.model.stones == nil {
		return p.receive(ctx)
	}
	for i := range rounds {
		n := (p.cfg.Tasks + i) / rounds
		if n == 0 {
			continue
		}
		tag := p.tag + "r" + strconv.Itoa(i)
		plain := newLoader(p.app.Addr(), &p.cfg, newWatch(tag+"t", n*p.model.plain()))
		if err := p.plain.during(p.run, plain, func() error { return p.drive(ctx, plain, p.cfg.Rate) }); err != nil {
			return err
		}
		l := p.starter(newWatch(tag, n), p.key)
		if err := p.instances.during(p.run, l, func() error { return p.drive(ctx, l, p.cfg.Rate) }); err != nil {
			return err
		}
		p.starts.n += n
		p.starts.seconds += l.last.Sub(l.first).Seconds()
		p.starts.answered = append(p.starts.answered, l.answered...)
	}
	return nil
}

// receive starts all instances, then asks for lists, then signals all.
func (p *processes) receive(ctx context.Context) error {
	l := p.starter(newWatch(p.tag+"s", p.cfg.Tasks), p.key)
	if err := p.starts.during(p.run, l, func() error { return l.run(ctx, p.cfg.Rate) }); err != nil {
		return err
	}
	ids, err := p.waiting(ctx, l.watch.prefix)
	if err != nil {
		return err
	}
	if err := p.askLists(ctx, l.watch.prefix); err != nil {
		return err
	}
	s := p.starter(newWatch(p.tag+"s", p.cfg.Tasks), p.key)
	s.make = func(int) requests { return &signals{ids} }
	return p.instances.during(p.run, s, func() error { return p.drive(ctx, s, p.cfg.Rate) })
}

// waiting returns the executions that wait, by the numbers of their instances.
func (p *processes) waiting(ctx context.Context, prefix string) ([]string, error) {
	ids, byInstance := make([]string, p.cfg.Tasks), map[string]string{}
	st := p.app.Store()
	f := store.ExecutionFilter{Key: p.key, Activity: waits, Paging: store.Paging{Size: pageSize}}
	for total := p.cfg.Tasks; f.Start < total; f.Start += pageSize {
		var rows []store.ExecutionView
		var err error
		if rows, total, err = st.Executions(ctx, f); err != nil {
			return nil, err
		}
		for i := range rows {
			byInstance[rows[i].Instance] = rows[i].ID
		}
	}
	err := p.each(ctx, func(in *store.Instance) error {
		number, err := strconv.Atoi(strings.TrimPrefix(in.BusinessKey, prefix))
		if err != nil || byInstance[in.ID] == "" {
			return fmt.Errorf("%w: instance %s waits at nothing", ErrCount, in.BusinessKey)
		}
		ids[number] = byInstance[in.ID]
		return nil
	})
	if err == nil && slices.Contains(ids, "") {
		err = fmt.Errorf("%w: only %d of %d instances wait", ErrCount, len(byInstance), len(ids))
	}
	return ids, err
}

// each calls f for all measured instances.
func (p *processes) each(ctx context.Context, f func(in *store.Instance) error) error {
	q := store.InstanceFilter{Key: p.key, Paging: store.Paging{Size: pageSize}}
	for total := 1; q.Start < total; q.Start += pageSize {
		var rows []store.Instance
		var err error
		if rows, total, err = p.app.Store().Instances(ctx, q); err != nil {
			return err
		}
		for i := range rows {
			if err := f(&rows[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// verify reads every instance back: completed, with each stone's task done once.
func (p *processes) verify(ctx context.Context) (good int, err error) {
	want := slices.Sorted(slices.Values(p.model.stones))
	return good, p.each(ctx, func(in *store.Instance) error {
		if in.Status != store.Completed {
			return fmt.Errorf("%w: instance %s has not completed", ErrCount, in.BusinessKey)
		}
		done, err := p.app.Store().Activities(ctx, in.ID)
		if err != nil {
			return err
		}
		var tasks []string
		for i := range done {
			if done[i].Task != "" {
				tasks = append(tasks, done[i].Activity)
			}
		}
		if slices.Sort(tasks); !slices.Equal(tasks, want) {
			return fmt.Errorf("%w: instance %s has done %v, not %v", ErrCount, in.BusinessKey, tasks, want)
		}
		good++
		return nil
	})
}

func (p *processes) result() ProcessResult {
	out := ProcessResult{
		Process: p.cfg.Process, Instances: p.cfg.Tasks, Waiting: p.cfg.Waiting, Rate: p.cfg.Rate, PeakRSS: round(p.peak),
		StartsPerS: round(p.starts.perSecond()), InstancesPerS: round(p.instances.perSecond()),
		CPUPer1000: round(p.instances.cpuPer1000() + p.starts.cpuPer1000()),
		StartP50:   quantile(p.starts.answered, .5), StartP99: quantile(p.starts.answered, .99),
		P50: quantile(p.instances.ended, .5), P99: quantile(p.instances.ended, .99),
		PlainPerS: round(p.plain.perSecond()), PlainCPU: round(p.plain.cpuPer1000()),
		Executions: p.executions, Lists: p.lists, CPUs: runtime.NumCPU(),
	}
	settings := p.settings()
	out.Store = settings.StoreName()
	if p.plain.n > 0 {
		stones := float64(p.model.plain())
		out.PerStone = round(stones * p.instances.perSecond() / p.plain.perSecond())
		out.CPUPerStone = round(p.instances.cpuPer1000() / stones / p.plain.cpuPer1000())
	}
	return out
}
