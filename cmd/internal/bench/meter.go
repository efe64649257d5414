package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Tree is a set of processes whose descendants are counted with them. It reads
// /proc: elsewhere than on Linux it measures 0.
type Tree []int

// ticks is how many clock ticks a second has in /proc.
const ticks = 100

// Fields of /proc/PID/stat, counted from the state on.
const (
	fieldParent = 1
	fieldUser   = 11 // then system, and both of children that have ended
)

// CPU is the user and system time of all processes, those that have ended
// included, in seconds.
func (t Tree) CPU() float64 {
	var sum float64
	for i, pid := range t.all() {
		f := stat(pid)
		if len(f) < fieldUser+4 {
			continue
		}
		n := 2
		if i < len(t) {
			n = 4
		}
		for _, s := range f[fieldUser : fieldUser+n] {
			v, _ := strconv.ParseFloat(s, 64)
			sum += v / ticks
		}
	}
	return sum
}

// PSS is the memory of all processes in MiB; pages that several share are
// counted once.
func (t Tree) PSS() float64 {
	var kib float64
	for _, pid := range t.all() {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			continue // it has ended
		}
		for line := range strings.Lines(string(b)) {
			if f := strings.Fields(line); len(f) > 1 && f[0] == "Pss:" {
				v, _ := strconv.ParseFloat(f[1], 64)
				kib += v
			}
		}
	}
	return kib / 1024
}

// Peak looks at the memory each second until stop is called, which returns the
// most it saw.
func (t Tree) Peak() (stop func() float64) {
	done, out := make(chan struct{}), make(chan float64)
	go func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for top := t.PSS(); ; top = max(top, t.PSS()) {
			select {
			case <-done:
				out <- max(top, t.PSS())
				return
			case <-tick.C:
			}
		}
	}()
	return func() float64 { close(done); return <-out }
}

// all are the roots and their descendants.
func (t Tree) all() []int {
	children := map[int][]int{}
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, d := range dirs {
		pid, err := strconv.Atoi(filepath.Base(d))
		if f := stat(pid); err == nil && len(f) > fieldParent {
			parent, _ := strconv.Atoi(f[fieldParent])
			children[parent] = append(children[parent], pid)
		}
	}
	out := slices.Clone([]int(t))
	for i := 0; i < len(out); i++ {
		for _, c := range children[out[i]] {
			if !slices.Contains(out, c) {
				out = append(out, c)
			}
		}
	}
	return out
}

// stat has the fields of /proc/PID/stat from the state on: the name before
// them may hold spaces.
func stat(pid int) []string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	return strings.Fields(rest)
}
