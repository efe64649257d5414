package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode"

	"github.com/spf13/cobra"
)

// output is the flag -o: a table for people, or JSON for programs.
type output string

const (
	asTable output = "table"
	asJSON  output = "json"
)

// flag adds -o to a command.
func (o *output) flag(c *cobra.Command) {
	*o = asTable
	c.Flags().VarP(o, "output", "o", "table for people, json for programs")
}

// String, Set and Type make output a flag.
func (o *output) String() string { return string(*o) }

// Set takes one of the two.
func (o *output) Set(s string) error {
	if v := output(s); v == asTable || v == asJSON {
		*o = v
		return nil
	}
	return fmt.Errorf("%q is neither table nor json", s)
}

// Type is shown in --help.
func (o *output) Type() string { return "format" }

func (o *output) json() bool { return *o == asJSON }

// printJSON prints one value, indented, text as it is.
func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// printTable aligns rows below a head. Cells are made printable.
func printTable(w io.Writer, head []string, rows [][]string) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{head}, rows...) {
		cells := make([]string, len(row))
		for i, c := range row {
			if cells[i] = printable(c); c == "" {
				cells[i] = "-"
			}
		}
		fmt.Fprintln(tw, strings.TrimRight(strings.Join(cells, "\t"), " "))
	}
	return tw.Flush()
}

// printPairs prints names with their values.
func printPairs(w io.Writer, pairs [][2]string) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, p := range pairs {
		fmt.Fprintf(tw, "%s\t%s\n", p[0], printable(p[1]))
	}
	return tw.Flush()
}

// printable takes away what could steer a terminal: texts come from tasks,
// which anybody may have published. Line breaks stay.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) || r == '\n' {
			return r
		}
		return '�'
	}, s)
}

// oneLine shortens a text to n characters on one line.
func oneLine(s string, n int) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}
