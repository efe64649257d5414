package machinestone

import (
	"context"
	"os"
	"strconv"
	"strings"
	"time"
)

// process is who a machine is: a pid alone may long belong to somebody else.
type process struct {
	pid   int
	start string // when it began, in the kernel's words; "" if not known
	boot  string // of the system it began under; "" if not known
}

// readProcess reads what a launcher wrote, and when.
func readProcess(file string) (p process, since time.Time, ok bool) {
	info, err := os.Stat(file)
	if err != nil {
		return p, since, false
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return p, since, false
	}
	lines := strings.Split(string(b), "\n")
	if p.pid, err = strconv.Atoi(lines[0]); err != nil || p.pid <= 1 || len(lines) < 3 {
		return p, since, false
	}
	_, p.start = parseStat(lines[1])
	p.boot = lines[2]
	return p, info.ModTime(), true
}

// parseStat takes the state and the start time out of a line of /proc/PID/stat.
// The name before them may hold blanks and brackets.
func parseStat(line string) (state, start string) {
	f := strings.Fields(line[strings.LastIndexByte(line, ')')+1:])
	if len(f) < 20 {
		return "", ""
	}
	return f[0], f[19]
}

// end asks the process and its group to end, and kills them after the grace.
func (p process) end(ctx context.Context, grace time.Duration) error {
	p.signal(false)
	soft, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	gone := func() bool { return !p.alive() }
	if until(soft, gone) == nil {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	p.signal(true)
	return until(ctx, gone)
}
