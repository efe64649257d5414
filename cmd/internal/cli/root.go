// Package cli is the command line of the riverstones binary: one file for each
// subcommand. It reads flags, environment and signals, which no other package
// does, and prints for people or, with -o json, for programs. Main calls it.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/riverstones/riverstones/cmd/internal/config"
)

// Exit codes.
const (
	ExitOK     = 0
	ExitFailed = 1 // the command could not do its work, or the task it waited for failed
	ExitUsage  = 2 // flags, environment or configuration are wrong; nothing was done
	ExitKilled = 130
)

// Process is what a command sees of the world.
type Process struct {
	Args    []string // without the program's name
	Environ []string
	In      io.Reader
	Out     io.Writer // results
	Err     io.Writer // progress, logs and errors
	Version string    // of the release, "" if built by hand
}

// Main runs the command line of this process and returns its exit code.
func Main(version string) int {
	return Run(context.Background(), Process{Args: os.Args[1:], Environ: os.Environ(),
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Version: version})
}

// Run runs one command line until it is done or ctx ends, and returns its exit
// code. The end of ctx is a graceful stop, as SIGTERM is.
func Run(ctx context.Context, p Process) int {
	root := newRoot(&p)
	root.SetArgs(p.Args)
	root.SetIn(p.In)
	root.SetOut(p.Out)
	root.SetErr(p.Err)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return ExitOK
	}
	if _, silent := errors.AsType[silentError](err); !silent {
		fmt.Fprintln(p.Err, "riverstones: "+printable(err.Error()))
	}
	if isUsage(err) {
		return ExitUsage
	}
	if _, unchecked := errors.AsType[uncheckedError](err); unchecked {
		return ExitUnchecked
	}
	return ExitFailed
}

// silentError is a failure that was shown already.
type silentError struct{ error }

// usageError is a command line that cannot be meant.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

func isUsage(err error) bool {
	_, usage := errors.AsType[usageError](err)
	_, wrong := errors.AsType[config.Problems](err)
	return usage || wrong
}

const rootHelp = `Riverstones runs the tasks of distributed workflows: orchestrators publish tasks
over REST, stones work them, and every change of status is kept.

Settings come from defaults, a YAML file (--config), the environment
(RIVERSTONES_*) and flags; a later one wins. The flag --limits-body is the
variable RIVERSTONES_LIMITS_BODY and the key limits.body of the file.

Exit codes: 0 done; 1 failed, or the task that was waited for failed; 2 wrong
flags or configuration, or verify could not check; 130 stopped at once by a
second signal.`

func newRoot(p *Process) *cobra.Command {
	root := &cobra.Command{
		Use:           "riverstones",
		Short:         "Tasks of distributed workflows, from REST to the worker and back",
		Long:          rootHelp,
		Example:       "  riverstones dev --demo\n  riverstones task list --process 2910431",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          args(cobra.NoArgs),
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usagef("%w; see %s --help", err, c.CommandPath())
	})
	root.AddCommand(newDev(p), newServe(p), newWork(p), newMigrate(p), newTask(p), newProcess(p), newStone(p), newCallback(p), newDeadletter(p), newQuarantine(p), newEvents(p), newVerify(p), newBench(p), newVersion(p))
	return root
}

// args makes a wrong number of arguments a usage error.
func args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, given []string) error {
		if err := check(c, given); err != nil {
			return usagef("%w; see %s --help", err, c.CommandPath())
		}
		return nil
	}
}
