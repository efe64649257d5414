package console

import (
	"strconv"
	"time"

	"github.com/riverstones/riverstones/gateway/client"
)

// Measures of a chart, in the units of its viewBox.
const (
	chartWidth  = 600
	chartHeight = 200
	chartFoot   = 24 // for the labels of times
	chartHead   = 20 // for the greatest number
	barGap      = 6
)

// chart is bars over time, as SVG draws them: all, and the bad ones of them.
type chart struct {
	Width, Height, Base int
	Bars                []bar
	Max                 int
	Made, Failed        client.Count
	Unknown             bool // not all failures are counted yet
}

// Rate is how many were made in a minute.
func (c *chart) Rate() string {
	minutes := float64(len(c.Bars)) * chartStep.Minutes()
	return strconv.FormatFloat(float64(c.Made.Total)/minutes, 'f', 1, 64)
}

// bar is one span of time.
type bar struct {
	X, Y, W, H   int // of all
	BadY, BadH   int
	Made, Failed int
	From         string // hours and minutes
	Label        bool   // whether From is written below
	Middle       int
}

func newChart(made []client.Count, from time.Time, step time.Duration, zone *time.Location) *chart {
	c := &chart{Width: chartWidth, Height: chartHeight, Base: chartHeight - chartFoot, Made: sumOf(made)}
	for _, n := range made {
		c.Max = max(c.Max, n.Total)
	}
	wide := chartWidth / len(made)
	for i, n := range made {
		b := bar{X: i*wide + barGap/2, W: wide - barGap, Made: n.Total, Label: i%3 == 0, From: from.Add(time.Duration(i) * step).In(zone).Format("15:04")}
		b.H = c.scale(n.Total)
		b.Y, b.Middle = c.Base-b.H, b.X+b.W/2
		c.Bars = append(c.Bars, b)
	}
	return c
}

// fail draws those that failed.
func (c *chart) fail(failed []client.Count) {
	c.Failed = sumOf(failed)
	for i, n := range failed {
		b := &c.Bars[i]
		b.Failed, b.BadH = n.Total, c.scale(n.Total)
		b.BadY = c.Base - b.BadH
	}
}

// scale is the height of a number; a few among many are still seen.
func (c *chart) scale(n int) int {
	if n == 0 || c.Max == 0 {
		return 0
	}
	return max(2, n*(c.Base-chartHead)/c.Max)
}

func sumOf(all []client.Count) client.Count {
	out := client.Count{Exact: true}
	for _, n := range all {
		out.Total += n.Total
		// A span that nobody has counted has no total, and is not inexact.
		out.Exact = out.Exact && (n.Exact || n.Total == 0)
	}
	return out
}
