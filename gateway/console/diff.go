package console

import (
	"slices"
	"strings"
)

const (
	// diffLines is how many lines of two texts that differ are compared one by
	// one; longer ones are shown as replaced.
	diffLines   = 1500
	diffContext = 3
	diffRows    = 600 // that are shown
)

// diff is two texts side by side.
type diff struct {
	Rows    []diffRow
	Changed bool
	Cut     bool
}

// diffRow is a line of each text; a number of 0 is none. Skip stands for lines
// that are the same.
type diffRow struct {
	Left, Right   int
	Before, After string
	Del, Add      bool
	Skip          int
}

func newDiff(before, after string) *diff {
	a, b := strings.Split(before, "\n"), strings.Split(after, "\n")
	d := &diff{Changed: before != after}
	if !d.Changed {
		return d
	}
	d.Rows = fold(pair(a, b, common(a, b)))
	if len(d.Rows) > diffRows {
		d.Rows, d.Cut = d.Rows[:diffRows], true
	}
	return d
}

// common returns which line of b each line of a is, -1 for none: a longest
// common subsequence.
func common(a, b []string) []int {
	match := make([]int, len(a))
	for i := range match {
		match[i] = -1
	}
	head := 0
	for head < len(a) && head < len(b) && a[head] == b[head] {
		match[head] = head
		head++
	}
	tail := 0
	for tail < len(a)-head && tail < len(b)-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		match[len(a)-1-tail] = len(b) - 1 - tail
		tail++
	}
	x, y := a[head:len(a)-tail], b[head:len(b)-tail]
	if len(x) > diffLines || len(y) > diffLines {
		return match
	}
	// longest[i][j] is the length for x[i:] and y[j:].
	wide := len(y) + 1
	longest := make([]int, (len(x)+1)*wide)
	for i, left := range slices.Backward(x) {
		for j, right := range slices.Backward(y) {
			if left == right {
				longest[i*wide+j] = 1 + longest[(i+1)*wide+j+1]
			} else {
				longest[i*wide+j] = max(longest[(i+1)*wide+j], longest[i*wide+j+1])
			}
		}
	}
	for i, j := 0, 0; i < len(x) && j < len(y); {
		switch {
		case x[i] == y[j]:
			match[head+i] = head + j
			i, j = i+1, j+1
		case longest[(i+1)*wide+j] >= longest[i*wide+j+1]:
			i++
		default:
			j++
		}
	}
	return match
}

// pair puts lines that belong together side by side.
func pair(a, b []string, match []int) []diffRow {
	var out []diffRow
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		if i < len(a) && match[i] == j {
			out = append(out, diffRow{Left: i + 1, Right: j + 1, Before: a[i], After: b[j]})
			i, j = i+1, j+1
			continue
		}
		next := len(b) // the line of b before which all of it is new
		from := i
		for from < len(a) && match[from] < 0 {
			from++
		}
		if from < len(a) {
			next = match[from]
		}
		for i < from || j < next {
			row := diffRow{}
			if i < from {
				row.Left, row.Before, row.Del = i+1, a[i], true
				i++
			}
			if j < next {
				row.Right, row.After, row.Add = j+1, b[j], true
				j++
			}
			out = append(out, row)
		}
	}
	return out
}

// fold leaves out lines that are the same and far from a change.
func fold(rows []diffRow) []diffRow {
	near := make([]bool, len(rows))
	for i, r := range rows {
		if r.Del || r.Add {
			for k := max(0, i-diffContext); k <= min(len(rows)-1, i+diffContext); k++ {
				near[k] = true
			}
		}
	}
	var out []diffRow
	for i, r := range rows {
		if near[i] {
			out = append(out, r)
			continue
		}
		if n := len(out); n == 0 || out[n-1].Skip == 0 {
			out = append(out, diffRow{})
		}
		out[len(out)-1].Skip++
	}
	return out
}
