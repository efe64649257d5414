package console

import (
	"cmp"
	"slices"

	"github.com/riverstones/riverstones/gateway/river/bpmn"
)

// place orders the ranks, and gives each vertex its height.
func (l *layers) place() {
	for i := range sweeps {
		l.sort(i%2 == 0)
	}
	l.columns()
	for _, rank := range l.ranks {
		settle(rank)
	}
	for i := range sweeps {
		l.align(i%2 == 0)
	}
	l.normalize()
}

// sort puts each vertex of a rank where the mean of its neighbours in the rank
// before it is, or behind it.
func (l *layers) sort(forward bool) {
	l.eachRank(forward, func(rank []*vertex) {
		for _, v := range rank {
			v.center = float64(v.order)
			if near := v.near(forward); len(near) > 0 {
				sum := 0
				for _, n := range near {
					sum += n.order
				}
				v.center = float64(sum) / float64(len(near))
			}
			if v.low {
				v.center += 0.4 // below what the activity itself leads to
			}
		}
		slices.SortStableFunc(rank, func(a, b *vertex) int { return cmp.Compare(a.center, b.center) })
		for i, v := range rank {
			v.order = i
		}
	})
}

func (v *vertex) near(before bool) []*vertex {
	if before {
		return v.in
	}
	return v.out
}

func (l *layers) eachRank(forward bool, f func(rank []*vertex)) {
	for i := range l.ranks {
		if !forward {
			i = len(l.ranks) - 1 - i
		}
		f(l.ranks[i])
	}
}

// columns gives each rank its place from the left.
func (l *layers) columns() {
	x := 0
	for _, rank := range l.ranks {
		w := 0
		for _, v := range rank {
			w = max(w, v.w)
		}
		l.left, l.wide = append(l.left, x), append(l.wide, w)
		x += w + columnGap
	}
	l.width = max(0, x-columnGap)
}

// settle keeps the vertices of a rank apart, in their order.
func settle(rank []*vertex) {
	for i := 1; i < len(rank); i++ {
		rank[i].y = max(rank[i].y, rank[i-1].y+rank[i-1].h+rank[i-1].below+rowGap)
	}
}

// align moves the vertices of each rank to where their neighbours are, as far
// as their order allows, so that what pushes others aside shares the way.
func (l *layers) align(forward bool) {
	l.eachRank(forward, func(rank []*vertex) {
		wanted, moved, n := make([]int, len(rank)), 0, 0
		for i, v := range rank {
			wanted[i] = v.y
			if near := v.near(forward); len(near) > 0 {
				sum := 0
				for _, o := range near {
					sum += o.y + o.h/2
				}
				wanted[i] = sum/len(near) - v.h/2
			}
			v.y = wanted[i]
		}
		settle(rank)
		for i, v := range rank {
			moved += v.y - wanted[i]
			n++
		}
		if n == 0 || moved == 0 {
			return
		}
		for _, v := range rank {
			v.y -= moved / n
		}
	})
}

// normalize moves all so that the highest is at 0.
func (l *layers) normalize() {
	top, first := 0, true
	for _, rank := range l.ranks {
		for _, v := range rank {
			if first || v.y < top {
				top, first = v.y, false
			}
		}
	}
	for _, rank := range l.ranks {
		for _, v := range rank {
			v.y -= top
			l.height = max(l.height, v.y+v.h+v.below)
		}
	}
}

// box is where a vertex is drawn, in the middle of its rank.
func (l *layers) box(v *vertex) box {
	return box{l.left[v.rank] + (l.wide[v.rank]-v.w)/2, v.y, v.w, v.h}
}

// route draws the nodes, and the lines between them.
func (l *layers) route(d *drawing) {
	for _, v := range l.all {
		at := l.box(v)
		d.nodes[v.node] = at
		for i, b := range v.node.Boundary {
			d.nodes[b] = box{at.X + eventSize/2 + i*boundaryStep, at.Y + at.H - eventSize/2, eventSize, eventSize}
		}
	}
	tracks := make([]int, len(l.ranks)+1) // lines in the gap behind each rank; the last is before the first
	for _, e := range l.edges {
		d.flows[e.flow] = l.line(d, e, tracks)
	}
}

// track returns a free way up and down in the gap behind a rank, -1 for before
// the first.
func (l *layers) track(rank int, tracks []int) int {
	const lanes = 5
	at := len(l.ranks)
	if rank >= 0 {
		at = rank
	}
	lane := tracks[at] % lanes
	tracks[at]++
	offset := columnGap/2 + []int{0, 8, -8, 16, -16}[lane]
	if rank < 0 {
		return -offset
	}
	return l.left[rank] + l.wide[rank] + offset
}

// line is the way of a flow.
func (l *layers) line(d *drawing, e *edge, tracks []int) []point {
	from, to := d.nodes[e.flow.Source], d.nodes[e.flow.Target]
	var way []point
	if e.flow.Source.Kind() == bpmn.KindBoundaryEvent {
		y := from.Y + from.H + boundaryDrop
		way = []point{{from.X + from.W/2, from.Y + from.H}, {from.X + from.W/2, y}}
	} else {
		way = []point{{from.X + from.W, from.middle()}}
	}
	if e.back {
		return straight(l.lineBack(e, way, to, tracks))
	}
	rank := e.from.rank
	for _, b := range append(slices.Clip(e.bends), nil) {
		y := to.middle()
		if b != nil {
			y = b.y
		}
		if last := way[len(way)-1]; last.Y != y {
			x := l.track(rank, tracks)
			way = append(way, point{x, last.Y}, point{x, y})
		}
		rank++
	}
	return straight(append(way, point{to.X, to.middle()}))
}

// lineBack leads a line below everything to a rank that is not behind.
func (l *layers) lineBack(e *edge, way []point, to box, tracks []int) []point {
	l.height += loopGap
	out, in := l.track(e.from.rank, tracks), l.track(e.to.rank-1, tracks)
	last := way[len(way)-1]
	return append(way, point{out, last.Y}, point{out, l.height}, point{in, l.height}, point{in, to.middle()}, point{to.X, to.middle()})
}

// straight leaves out points that lie on the way between their neighbours.
func straight(way []point) []point {
	out := way[:1:1]
	for i := 1; i < len(way); i++ {
		if n := len(out); n >= 2 && (out[n-1].X == out[n-2].X && way[i].X == out[n-1].X || out[n-1].Y == out[n-2].Y && way[i].Y == out[n-1].Y) {
			out[n-1] = way[i]
			continue
		}
		if way[i] != out[len(out)-1] || i == len(way)-1 && len(out) == 1 {
			out = append(out, way[i])
		}
	}
	return out
}
