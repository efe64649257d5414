package machinestone

import (
	"os"
	"strconv"
	"strings"
)

// alive reports whether the process is still there, and still the same.
func (p process) alive() bool {
	if boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id"); err == nil && p.boot != "" && strings.TrimSpace(string(boot)) != p.boot {
		return false
	}
	b, err := os.ReadFile("/proc/" + strconv.Itoa(p.pid) + "/stat")
	if err != nil {
		return false
	}
	state, start := parseStat(string(b))
	if p.start == "" || start != p.start {
		return false
	}
	if state == "Z" || state == "X" { // it has ended, and its parent may be this process
		reaped(p.pid)
		return false
	}
	return true
}
