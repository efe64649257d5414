package config

import (
	"fmt"
	"strings"
)

// Problem is one thing that is wrong with one key.
type Problem struct {
	Key  string // its path, such as limits.body
	Text string // what is wrong and what to do
	file bool   // it can stand in the file only
}

// String names the key in all its spellings.
func (p Problem) String() string {
	if p.file {
		return p.Key + ": " + p.Text
	}
	return fmt.Sprintf("%s: %s (--%s, %s)", p.Key, p.Text, flagOf(p.Key), envOf(p.Key))
}

// Problems are all that is wrong, so that one run tells everything.
type Problems []Problem

// Error lists them, one a line.
func (p Problems) Error() string {
	if len(p) == 1 {
		return "configuration: " + p[0].String()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "configuration has %d problems:", len(p))
	for _, one := range p {
		b.WriteString("\n  " + one.String())
	}
	return b.String()
}

func (p *Problems) add(path, text string) { *p = append(*p, Problem{Key: path, Text: text}) }

func (p *Problems) addf(path, format string, args ...any) { p.add(path, fmt.Sprintf(format, args...)) }

// closest returns the known name that takes the fewest edits from name, "" if
// none is near.
func closest(name string, known []string) string {
	best, least := "", 1+max(2, len(name)/3)
	for _, k := range known {
		if d := edits(name, k); d < least {
			best, least = k, d
		}
	}
	return best
}

// edits is the Levenshtein distance of two short names.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
