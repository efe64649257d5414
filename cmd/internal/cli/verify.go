package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap/zapcore"

	"github.com/riverstones/riverstones/cmd/internal/app"
	"github.com/riverstones/riverstones/cmd/internal/config"
	"github.com/riverstones/riverstones/cmd/internal/telemetry"
	"github.com/riverstones/riverstones/store/audit"
)

// ExitUnchecked is how `verify` ends that could not be done.
const ExitUnchecked = 2

// uncheckedError is why something could not be verified.
type uncheckedError struct{ error }

// verifying is a command line of verify.
type verifying struct {
	since time.Duration
	after string
	keep  int
	out   output
}

func newVerify(p *Process) *cobra.Command {
	base := config.Default()
	base.LogFormat, base.LogLevel = config.Console, zapcore.WarnLevel
	var v verifying
	c := &cobra.Command{
		Use:   "verify",
		Short: "Compare streams, history and current states of all tasks",
		Long: `Reads both streams up to the recorder's checkpoint, every history and every
current state, compares them, and prints what is wrong:

  lost          a message, or a transition, that should be recorded is not
  doubled       a status stands twice in one attempt, or an attempt ended twice
  orphaned      a task has not ended, and no command of it waits anywhere
  out of order  the state is not what the history says, or the history is not
                one that can have happened

It changes nothing and may run beside a live system. Name its NATS server with
--nats; without it the streams in the data directory are read, which no running
process may be using then. It needs the rights of a recorder.

Exit codes: 0 nothing is wrong, 1 something is, 2 it could not be checked.`,
		Example: `  riverstones verify --store postgres://app@db/riverstones --nats nats://nats:4222
  riverstones verify --since 24h -o json
  riverstones verify --data /var/lib/riverstones`,
		Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			how, err := v.how(p, time.Now())
			if err != nil {
				return err
			}
			cfg, err := load(p, c, base, "roles")
			if err != nil {
				return err
			}
			return v.run(c.Context(), p, cfg, how)
		},
	}
	config.Flags(c.Flags(), base, config.Database, config.Client, config.Logging)
	c.Flags().DurationVar(&v.since, "since", 0, "leave out tasks and messages that are older than this, such as 24h")
	c.Flags().StringVar(&v.after, "created-after", "", "leave out tasks and messages up to this `time`, such as the one an audit that was cut off has told")
	c.Flags().IntVar(&v.keep, "limit", 1000, "show at most this `many` findings; all are counted")
	v.out.flag(c)
	return c
}

// how reads the flags.
func (v *verifying) how(p *Process, now time.Time) (audit.Config, error) {
	after, err := moment("created-after", v.after)
	switch {
	case err != nil:
		return audit.Config{}, err
	case v.since < 0:
		return audit.Config{}, usagef("--since %s: it must not be negative", v.since)
	case v.since > 0 && v.after != "":
		return audit.Config{}, usagef("--since and --created-after exclude each other")
	case v.keep < 1:
		return audit.Config{}, usagef("--limit must be at least 1")
	case v.since > 0:
		after = now.Add(-v.since)
	}
	return audit.Config{After: after, Keep: v.keep, Progress: v.progress(p)}, nil
}

// progress tells now and then how far it is, for people.
func (v *verifying) progress(p *Process) func(audit.Report) {
	const often = 5 * time.Second
	last := time.Now()
	return func(r audit.Report) {
		if v.out.json() || time.Since(last) < often {
			return
		}
		last = time.Now()
		fmt.Fprintf(p.Err, "%d tasks, %d commands, %d events compared, %d findings\n", r.Tasks, r.Commands, r.Events, r.Total())
	}
}

func (v *verifying) run(ctx context.Context, p *Process, cfg config.Config, how audit.Config) error {
	log := telemetry.Logger(p.Err, cfg.LogLevel, cfg.LogFormat)
	ctx, release := withSignals(ctx, p, log)
	defer release()
	r, err := app.Audit(ctx, cfg, how, log)
	if err != nil && len(r.Totals) == 0 && r.Reached.IsZero() {
		return uncheckedError{err}
	}
	if shown := v.show(p, &r, err == nil); shown != nil {
		return uncheckedError{errors.Join(err, shown)}
	}
	switch {
	case err != nil:
		if !r.Reached.IsZero() {
			err = fmt.Errorf("%w\nto go on where it was: --created-after %s", err, r.Reached.UTC().Format(time.RFC3339Nano))
		}
		return uncheckedError{err}
	case !r.Clean():
		return silentError{fmt.Errorf("%d findings", r.Total())}
	case r.Undecided > 0:
		return uncheckedError{fmt.Errorf("%d tasks look wrong and can not be decided on: the recorder is not keeping up, or they go on changing", r.Undecided)}
	default:
		return nil
	}
}

// verified is the report for programs.
type verified struct {
	Clean       bool               `json:"clean"`
	Complete    bool               `json:"complete"`
	Checkpoint  map[string]uint64  `json:"checkpoint"`
	Tasks       int                `json:"tasks"`
	Commands    int                `json:"commands"`
	Events      int                `json:"events"`
	Quarantined int                `json:"quarantined"`
	Undecided   int                `json:"undecided"`
	Totals      map[audit.Kind]int `json:"totals"`
	Findings    []audit.Finding    `json:"findings"`
}

func (v *verifying) show(p *Process, r *audit.Report, complete bool) error {
	if v.out.json() {
		out := verified{Clean: r.Clean(), Complete: complete, Checkpoint: map[string]uint64{"tasks": r.Checkpoint.Tasks, "events": r.Checkpoint.Events},
			Tasks: r.Tasks, Commands: r.Commands, Events: r.Events, Quarantined: r.Quarantined, Undecided: r.Undecided,
			Totals: map[audit.Kind]int{}, Findings: append([]audit.Finding{}, r.Findings...)}
		for _, k := range audit.Kinds() {
			out.Totals[k] = r.Totals[k]
		}
		return printJSON(p.Out, out)
	}
	if len(r.Findings) > 0 {
		var rows [][]string
		for _, f := range r.Findings {
			rows = append(rows, []string{string(f.Kind), f.TaskID, oneLine(f.Detail, 160)})
		}
		if err := printTable(p.Out, []string{"KIND", "TASK", "DETAIL"}, rows); err != nil {
			return err
		}
		if more := r.Total() - len(r.Findings); more > 0 {
			fmt.Fprintf(p.Out, "and %d more\n", more)
		}
		fmt.Fprintln(p.Out)
	}
	_, err := fmt.Fprintf(p.Out, "compared  %d tasks, %d commands up to %d, %d messages of events up to %d\nput away  %d in quarantine\nfound     %s\n",
		r.Tasks, r.Commands, r.Checkpoint.Tasks, r.Events, r.Checkpoint.Events, r.Quarantined, totals(r))
	return err
}

// totals says how many findings there are of each kind.
func totals(r *audit.Report) string {
	if r.Clean() {
		return "nothing"
	}
	var parts []string
	for _, k := range audit.Kinds() {
		if n := r.Totals[k]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, k))
		}
	}
	return strings.Join(parts, ", ")
}
