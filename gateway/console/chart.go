package console

import "time"

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
	Made, Failed        int
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

func newChart(made, failed []int, from time.Time, step time.Duration, zone *time.Location) *chart {
	c := &chart{Width: chartWidth, Height: chartHeight, Base: chartHeight - chartFoot}
	for i := range made {
		c.Max = max(c.Max, made[i])
		c.Made += made[i]
		c.Failed += failed[i]
	}
	room := c.Base - chartHead
	scale := func(n int) int {
		if n == 0 || c.Max == 0 {
			return 0
		}
		return max(2, n*room/c.Max) // a few among many are still seen
	}
	wide := chartWidth / len(made)
	for i := range made {
		h, bad := scale(made[i]), scale(failed[i])
		b := bar{X: i*wide + barGap/2, W: wide - barGap, H: h, Y: c.Base - h, BadH: bad, BadY: c.Base - bad, Made: made[i], Failed: failed[i], Label: i%3 == 0}
		b.From = from.Add(time.Duration(i) * step).In(zone).Format("15:04")
		b.Middle = b.X + b.W/2
		c.Bars = append(c.Bars, b)
	}
	return c
}
