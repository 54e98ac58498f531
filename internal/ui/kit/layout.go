package kit

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
)

// Grow marks a child of a Row or a Col that takes a share of the room left over.
func Grow(o fyne.CanvasObject) fyne.CanvasObject { return grown{o, 1} }

// GrowBy is Grow with a weight.
func GrowBy(weight float32, o fyne.CanvasObject) fyne.CanvasObject { return grown{o, weight} }

// Spring is an empty child that takes the room left over.
func Spring() fyne.CanvasObject { return Grow(container.NewWithoutLayout()) }

// SpringBy is Spring with a weight.
func SpringBy(weight float32) fyne.CanvasObject { return GrowBy(weight, container.NewWithoutLayout()) }

// grown carries the weight to the container, which keeps the child alone.
type grown struct {
	fyne.CanvasObject
	weight float32
}

// unwrap splits children from their weights.
func unwrap(items []fyne.CanvasObject) ([]fyne.CanvasObject, map[fyne.CanvasObject]float32) {
	weights := make(map[fyne.CanvasObject]float32)
	children := make([]fyne.CanvasObject, len(items))
	for n, o := range items {
		if g, ok := o.(grown); ok {
			o = g.CanvasObject
			weights[o] = g.weight
		}
		children[n] = o
	}
	return children, weights
}

// Row puts children side by side, centred from top to bottom.
func Row(gap float32, items ...fyne.CanvasObject) *fyne.Container {
	children, weights := unwrap(items)
	return container.New(&row{gap: gap, weights: weights}, children...)
}

// FullRow is a Row whose children are all as tall as the tallest.
func FullRow(gap float32, items ...fyne.CanvasObject) *fyne.Container {
	children, weights := unwrap(items)
	return container.New(&row{gap: gap, weights: weights, full: true}, children...)
}

// BaseRow is a Row whose texts stand on one line, whatever their sizes.
func BaseRow(gap float32, items ...fyne.CanvasObject) *fyne.Container {
	children, weights := unwrap(items)
	return container.New(&row{gap: gap, weights: weights, base: true}, children...)
}

type row struct {
	gap        float32
	weights    map[fyne.CanvasObject]float32
	full, base bool
}

type hasBaseline interface{ Baseline() float32 }

func (r *row) MinSize(objects []fyne.CanvasObject) fyne.Size {
	var w, h float32
	n := 0
	for _, o := range objects {
		if !o.Visible() {
			continue
		}
		m := o.MinSize()
		w += m.Width
		h = max(h, m.Height)
		n++
	}
	return fyne.NewSize(w+r.gap*float32(max(0, n-1)), h)
}

func (r *row) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	rest, total := size.Width, float32(0)
	n := 0
	var line float32
	for _, o := range objects {
		if !o.Visible() {
			continue
		}
		n++
		rest -= o.MinSize().Width
		total += r.weights[o]
		if b, ok := o.(hasBaseline); ok {
			line = max(line, b.Baseline())
		}
	}
	rest -= r.gap * float32(max(0, n-1))
	// where there is too little room, those that grow give way first
	x := float32(0)
	for _, o := range objects {
		if !o.Visible() {
			continue
		}
		m := o.MinSize()
		w := m.Width
		if weight := r.weights[o]; weight > 0 {
			w = max(0, w+rest*weight/total)
		}
		switch b, ok := o.(hasBaseline); {
		case r.full:
			place(o, x, 0, w, size.Height)
		case r.base && ok:
			place(o, x, line-b.Baseline(), w, m.Height)
		default:
			o.Resize(fyne.NewSize(w, m.Height)) // so that a text that wraps knows its width
			m = o.MinSize()
			place(o, x, (size.Height-m.Height)/2, w, m.Height)
		}
		x += w + r.gap
	}
}

// Col puts children one below the other, each as wide as the column.
func Col(gap float32, items ...fyne.CanvasObject) *fyne.Container {
	children, weights := unwrap(items)
	return container.New(&col{gap: gap, weights: weights}, children...)
}

type col struct {
	gap     float32
	weights map[fyne.CanvasObject]float32
}

func (c *col) MinSize(objects []fyne.CanvasObject) fyne.Size {
	var w, h float32
	n := 0
	for _, o := range objects {
		if !o.Visible() {
			continue
		}
		m := o.MinSize()
		w = max(w, m.Width)
		h += m.Height
		n++
	}
	return fyne.NewSize(w, h+c.gap*float32(max(0, n-1)))
}

func (c *col) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	rest, total := size.Height, float32(0)
	n := 0
	for _, o := range objects {
		if !o.Visible() {
			continue
		}
		n++
		if o.Size().Width != size.Width { // so that a text that wraps knows its width before its height is asked for
			o.Resize(fyne.NewSize(size.Width, max(o.Size().Height, o.MinSize().Height)))
		}
		rest -= o.MinSize().Height
		total += c.weights[o]
	}
	rest = max(0, rest-c.gap*float32(max(0, n-1)))
	y := float32(0)
	for _, o := range objects {
		if !o.Visible() {
			continue
		}
		h := o.MinSize().Height
		if weight := c.weights[o]; weight > 0 {
			h += rest * weight / total
		}
		place(o, 0, y, size.Width, h)
		y += h + c.gap
	}
}

// Pad leaves room around a child: top, right, bottom, left.
func Pad(top, right, bottom, left float32, o fyne.CanvasObject) *fyne.Container {
	return container.New(pad{top, right, bottom, left}, o)
}

// PadAll leaves the same room on all sides.
func PadAll(room float32, o fyne.CanvasObject) *fyne.Container { return Pad(room, room, room, room, o) }

type pad struct{ top, right, bottom, left float32 }

func (p pad) MinSize(objects []fyne.CanvasObject) fyne.Size {
	if !objects[0].Visible() {
		return fyne.Size{}
	}
	m := objects[0].MinSize()
	return fyne.NewSize(m.Width+p.left+p.right, m.Height+p.top+p.bottom)
}

func (p pad) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	place(objects[0], p.left, p.top, max(0, size.Width-p.left-p.right), max(0, size.Height-p.top-p.bottom))
}

// Fix gives a child a least width and height; 0 leaves that to the child.
func Fix(width, height float32, o fyne.CanvasObject) *fyne.Container {
	return container.New(fix{width, height}, o)
}

type fix struct{ width, height float32 }

func (f fix) MinSize(objects []fyne.CanvasObject) fyne.Size {
	m := objects[0].MinSize()
	if f.width > 0 {
		m.Width = f.width
	}
	if f.height > 0 {
		m.Height = f.height
	}
	return m
}

func (f fix) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	place(objects[0], 0, 0, size.Width, size.Height)
}

// Cap is as wide as it can be up to a width, centred, and as high as its child.
func Cap(width float32, o fyne.CanvasObject) *fyne.Container {
	return container.New(limit{width}, o)
}

type limit struct{ width float32 }

func (l limit) MinSize(objects []fyne.CanvasObject) fyne.Size {
	m := objects[0].MinSize()
	return fyne.NewSize(min(m.Width, l.width), m.Height)
}

func (l limit) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	w := min(l.width, size.Width)
	place(objects[0], (size.Width-w)/2, 0, w, size.Height)
}

// Steady has a child in the middle from top to bottom, and leaves its top where it is when the child becomes taller or lower: what
// somebody is about to press stays under the pointer. In a room of another size, and after Centre, it is in the middle again.
type Steady struct {
	Root *fyne.Container

	room fyne.Size // that the top was found for
	top  float32
}

// NewSteady makes a Steady.
func NewSteady(o fyne.CanvasObject) *Steady {
	s := &Steady{}
	s.Root = container.New(steady{s}, o)
	return s
}

// Centre has the child in the middle again when it is laid out next.
func (s *Steady) Centre() { s.room = fyne.Size{} }

type steady struct{ *Steady }

func (s steady) MinSize(objects []fyne.CanvasObject) fyne.Size { return objects[0].MinSize() }

func (s steady) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	o := objects[0]
	height := o.MinSize().Height
	for range 3 { // a text that wraps has its height only when it knows its width
		o.Resize(fyne.NewSize(size.Width, height))
		height = o.MinSize().Height
	}
	left := max(0, size.Height-height)
	if size != s.room {
		s.room, s.top = size, left/2
	}
	place(o, 0, min(s.top, left), size.Width, height)
}

// Grid puts children of equal width side by side, as many as there is room for, and goes on below.
func Grid(least, gap float32, items ...fyne.CanvasObject) *fyne.Container {
	return container.New(&grid{least: least, gap: gap}, items...)
}

// Even is a Grid whose rows have as many children each as can be: four of which three would fit are two and two.
func Even(least, gap float32, items ...fyne.CanvasObject) *fyne.Container {
	return container.New(&grid{least: least, gap: gap, even: true}, items...)
}

// fewest is how many columns a wide grid has at least.
const fewest = 3

type grid struct {
	least, gap float32
	even       bool
	width      float32 // it was laid out in
}

func (g *grid) columns(width float32, count int) int {
	fit := int((width + g.gap) / (g.least + g.gap))
	if g.even {
		fit = max(1, fit)
		rows := (count + fit - 1) / fit
		return (count + rows - 1) / rows
	}
	return max(1, min(fit, max(count, fewest))) // one card alone does not take the whole width
}

// rowHeights are those of the rows at a width.
func (g *grid) rowHeights(objects []fyne.CanvasObject, columns int) []float32 {
	var heights []float32
	n := 0
	for _, o := range objects {
		if !o.Visible() {
			continue
		}
		if n%columns == 0 {
			heights = append(heights, 0)
		}
		last := &heights[len(heights)-1]
		*last = max(*last, o.MinSize().Height)
		n++
	}
	return heights
}

func shown(objects []fyne.CanvasObject) int {
	n := 0
	for _, o := range objects {
		if o.Visible() {
			n++
		}
	}
	return n
}

// widen tells all children the width of a column, which texts that wrap have to know before their height is asked for, and returns it.
func (g *grid) widen(objects []fyne.CanvasObject, columns int, width float32) float32 {
	w := (width - g.gap*float32(columns-1)) / float32(columns)
	for _, o := range objects {
		if o.Visible() && o.Size().Width != w {
			o.Resize(fyne.NewSize(w, max(o.Size().Height, o.MinSize().Height)))
		}
	}
	return w
}

func (g *grid) MinSize(objects []fyne.CanvasObject) fyne.Size {
	if shown(objects) == 0 {
		return fyne.Size{}
	}
	columns := g.columns(max(g.width, g.least), shown(objects))
	if g.width > 0 { // another child may have come or gone since, and with it the width of all
		g.widen(objects, columns, g.width)
	}
	heights := g.rowHeights(objects, columns)
	h := g.gap * float32(len(heights)-1)
	for _, row := range heights {
		h += row
	}
	return fyne.NewSize(g.least, h)
}

func (g *grid) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	g.width = size.Width
	count := shown(objects)
	if count == 0 {
		return
	}
	columns := g.columns(size.Width, count)
	w := g.widen(objects, columns, size.Width)
	heights := g.rowHeights(objects, columns)
	y, n := float32(0), 0
	for _, o := range objects {
		if !o.Visible() {
			continue
		}
		if n > 0 && n%columns == 0 {
			y += heights[n/columns-1] + g.gap
		}
		place(o, float32(n%columns)*(w+g.gap), y, w, heights[n/columns])
		n++
	}
}

// Split puts children side by side, each with its share of the width and all equally tall, or one below the other where the width
// is less than a limit.
func Split(limit, gap float32, items ...fyne.CanvasObject) *fyne.Container {
	children, weights := unwrap(items)
	return container.New(&split{limit: limit, gap: gap, weights: weights}, children...)
}

type split struct {
	limit, gap float32
	weights    map[fyne.CanvasObject]float32
	width      float32
}

func (s *split) stacked() bool { return s.width < s.limit }

func (s *split) MinSize(objects []fyne.CanvasObject) fyne.Size {
	c := col{gap: s.gap}
	m := c.MinSize(objects)
	if s.stacked() {
		return m
	}
	m.Height = 0
	for _, o := range objects {
		if o.Visible() {
			m.Height = max(m.Height, o.MinSize().Height)
		}
	}
	return m
}

func (s *split) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	s.width = size.Width
	if s.stacked() {
		c := col{gap: s.gap}
		c.Layout(objects, size)
		return
	}
	var total float32
	for _, o := range objects {
		if o.Visible() {
			total += max(s.weights[o], 1)
		}
	}
	room := size.Width - s.gap*float32(shown(objects)-1)
	x := float32(0)
	for _, o := range objects {
		if !o.Visible() {
			continue
		}
		w := room * max(s.weights[o], 1) / total
		place(o, x, 0, w, size.Height)
		x += w + s.gap
	}
}

// Shares puts children side by side, each with its share of the whole width whatever it would like.
func Shares(gap float32, items ...fyne.CanvasObject) *fyne.Container {
	children, weights := unwrap(items)
	return container.New(&shares{gap: gap, weights: weights}, children...)
}

type shares struct {
	gap     float32
	weights map[fyne.CanvasObject]float32
}

func (s *shares) MinSize(objects []fyne.CanvasObject) fyne.Size {
	var h float32
	for _, o := range objects {
		h = max(h, o.MinSize().Height)
	}
	return fyne.NewSize(40*float32(len(objects)), h)
}

func (s *shares) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	var total float32
	for _, o := range objects {
		total += max(s.weights[o], 1)
	}
	room := size.Width - s.gap*float32(len(objects)-1)
	x := float32(0)
	for _, o := range objects {
		w := room * max(s.weights[o], 1) / total
		h := o.MinSize().Height
		place(o, x, (size.Height-h)/2, w, h)
		x += w + s.gap
	}
}

// Stacked puts four children below each other: what is above a table, the table, what is above the rest, and the rest, which takes
// what is left. share says how tall the table may be in a height.
func Stacked(gap float32, share func(height float32) float32, top, table, middle, rest fyne.CanvasObject) *fyne.Container {
	return container.New(&stacked{gap, share}, top, table, middle, rest)
}

type stacked struct {
	gap   float32
	share func(float32) float32
}

func (s *stacked) MinSize(objects []fyne.CanvasObject) fyne.Size {
	w := float32(0)
	for _, o := range objects {
		w = max(w, o.MinSize().Width)
	}
	return fyne.NewSize(w, 200)
}

func (s *stacked) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	y := float32(0)
	for n, o := range objects {
		h := o.MinSize().Height
		switch n {
		case 1:
			h = s.share(size.Height)
		case 3:
			h = max(0, size.Height-y)
		}
		place(o, 0, y, size.Width, h)
		if h > 0 {
			y += h + s.gap
		}
	}
}

// Lead puts a text and more about it on one line: the text takes the width it needs, the rest is for the other, and both stand on
// one line.
func Lead(gap float32, text, about *Text) *fyne.Container {
	return container.New(&lead{gap}, text, about)
}

type lead struct{ gap float32 }

func (l *lead) MinSize(objects []fyne.CanvasObject) fyne.Size {
	return (&row{gap: l.gap}).MinSize(objects)
}

func (l *lead) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	text, ok := objects[0].(*Text)
	about, also := objects[1].(*Text)
	if !ok || !also {
		return
	}
	w := min(text.face.width(text.full)+1, size.Width)
	base := max(text.Baseline(), about.Baseline())
	top := (size.Height - max(text.MinSize().Height, about.MinSize().Height)) / 2
	place(text, 0, top+base-text.Baseline(), w, text.MinSize().Height)
	place(about, w+l.gap, top+base-about.Baseline(), max(0, size.Width-w-l.gap), about.MinSize().Height)
}
