package cli

import (
	"cmp"
	"runtime"
	"runtime/debug"
	"strconv"

	"github.com/spf13/cobra"
)

// build is what `version` prints.
type build struct {
	Version  string `json:"version"`
	Commit   string `json:"commit"`
	Time     string `json:"time"`
	Modified bool   `json:"modified"` // built from a tree with changes that were not committed
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func buildOf(version string) build {
	b := build{Version: version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		b.Version = cmp.Or(b.Version, "unknown")
		return b
	}
	b.Version = cmp.Or(b.Version, info.Main.Version, "unknown")
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.time":
			b.Time = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

func newVersion(p *Process) *cobra.Command {
	var out output
	c := &cobra.Command{
		Use:     "version",
		Short:   "Show what this binary was built from",
		Example: "  riverstones version -o json",
		Args:    args(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			b := buildOf(p.Version)
			if out.json() {
				return printJSON(p.Out, b)
			}
			return printPairs(p.Out, [][2]string{{"version", b.Version}, {"commit", cmp.Or(b.Commit, "unknown")},
				{"built from", cmp.Or(b.Time, "unknown")}, {"modified", strconv.FormatBool(b.Modified)}, {"go", b.Go}, {"platform", b.Platform}})
		},
	}
	out.flag(c)
	return c
}
