package kit

import (
	"slices"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"
)

// Cell is what a table shows of an item in a column.
type Cell struct {
	Text string
	Tone fyne.ThemeColorName // Foreground if empty
	Bold bool
	Mono bool
	Pill bool // as a pill in this tone
	// Act is the word of a button at the end of the cell, for [Rows.Pressed]; at most one in a row has one. ActOf is how it is read out.
	Act, ActOf string
}

// Column is one column of a table.
type Column[T any] struct {
	Title   string
	Width   float32 // at least
	Grow    float32 // share of the room left over
	Drop    int     // columns with the highest are left out first where there is too little room; 0: never
	Cell    func(T) Cell
	Compare func(a, b T) int // nil: cannot be sorted by
}

const (
	rowHeight    = 35 // the list puts 4 between rows; each row paints 2 more on both sides
	rowPitch     = 39
	headerHeight = 32
	cellGap      = 14
)

// Rows is a table: a line per item, of which only those in sight are drawn. It can be sorted by tapping a title and filtered by
// words. One row is selected: with the mouse, or with the arrow keys.
type Rows[T any] struct {
	Root *fyne.Container
	// Selected is told of a selection somebody made.
	Selected func(T)
	// Pressed is told of the button in a row, where there is one.
	Pressed func(T)
	// Pinned says which items stand above the others, whatever is sorted by; nil: none.
	Pinned func(T) bool
	// Find is what the filter finds an item by beside its cells; nil: nothing.
	Find func(T) string

	columns []Column[T]
	key     func(T) string
	empty   *Para

	items    []T
	filter   string
	order    []int // of items, filtered and sorted
	sortBy   int
	falling  bool
	chosen   string
	shown    []bool
	lefts    []float32
	widths   []float32
	list     *rowList[T]
	quiet    bool // the list is told what is chosen, and need not tell it back
	header   *header[T]
	live     map[*rowView[T]]bool
	width    float32
	nothing  string
	filtered string
}

// NewRows makes a table. key tells items apart over time; the texts stand where there is nothing, and where the filter leaves
// nothing.
func NewRows[T any](key func(T) string, nothing, filtered string, columns ...Column[T]) *Rows[T] {
	r := &Rows[T]{columns: columns, key: key, empty: NewPara("", Small, Muted).Centre(), live: map[*rowView[T]]bool{}, sortBy: -1, width: -1, nothing: nothing, filtered: filtered}
	r.list = newRowList(r)
	r.header = newHeader(r)
	body := container.New(&tableLayout[T]{r}, r.header, r.list, r.empty)
	r.Root = container.NewStack(NewCard(), Pad(4, 8, 8, 8, body))
	return r
}

// SortBy sorts by a column.
func (r *Rows[T]) SortBy(column int, falling bool) {
	r.sortBy, r.falling = column, falling
	r.arrange()
}

// Keep takes over from a table with the same columns what it is sorted by and which row is selected.
func (r *Rows[T]) Keep(before *Rows[T]) {
	r.chosen = before.chosen
	r.SortBy(before.sortBy, before.falling)
}

// Set changes the items. The table keeps the slice. Who has scrolled down sees the same rows still when others have come above.
func (r *Rows[T]) Set(items []T) {
	offset := r.list.GetScrollOffset()
	top, key := int(offset/rowPitch), ""
	if offset > 0 && top < len(r.order) {
		key = r.key(r.At(top))
	}
	r.items = items
	r.arrange()
	if key == "" {
		return
	}
	if at := r.find(key); at > top { // one that has gone up itself is not followed
		r.list.ScrollToOffset(offset + float32(at-top)*rowPitch)
	}
}

// Touch draws the rows in sight again: what their cells say depends on more than the items, such as the time.
func (r *Rows[T]) Touch() {
	for v := range r.live {
		v.update()
	}
}

// Filter keeps rows that have all the words of a text.
func (r *Rows[T]) Filter(text string) {
	if text = strings.ToLower(strings.TrimSpace(text)); text != r.filter {
		r.filter = text
		r.arrange()
	}
}

// Len is the number of rows shown.
func (r *Rows[T]) Len() int { return len(r.order) }

// At is the item of a row.
func (r *Rows[T]) At(row int) T { return r.items[r.order[row]] }

// Height is what all rows together take.
func (r *Rows[T]) Height() float32 { return headerHeight + float32(max(1, len(r.order)))*rowPitch + 14 }

// Choose selects the row of a key, without telling.
func (r *Rows[T]) Choose(key string) {
	if key != r.chosen {
		r.chosen = key
		r.Touch()
	}
}

// Reveal scrolls until the selected row is in sight, and reports whether there is one: the filter may have left it out.
func (r *Rows[T]) Reveal() bool {
	at := r.row()
	if at >= 0 {
		r.list.ScrollTo(at)
	}
	return at >= 0
}

// Chosen is the key of the selected row.
func (r *Rows[T]) Chosen() string { return r.chosen }

func (r *Rows[T]) pick(row int) {
	if row < 0 || row >= len(r.order) {
		return
	}
	item := r.At(row)
	if key := r.key(item); key != r.chosen {
		r.chosen = key
		r.Touch()
		if r.Selected != nil {
			r.Selected(item)
		}
	}
}

// row is where the chosen item stands; -1 if it is not shown.
func (r *Rows[T]) row() int { return r.find(r.chosen) }

// find is where the item of a key stands; -1 if it is not shown.
func (r *Rows[T]) find(key string) int {
	for row := range r.order {
		if r.key(r.At(row)) == key {
			return row
		}
	}
	return -1
}

// arrange filters and sorts, and draws what is in sight.
func (r *Rows[T]) arrange() {
	before := len(r.order)
	r.order = r.order[:0]
	wanted := strings.Fields(r.filter)
	for n, item := range r.items {
		if r.matches(item, wanted) {
			r.order = append(r.order, n)
		}
	}
	if r.sortBy >= 0 || r.Pinned != nil {
		compare := r.compare()
		slices.SortStableFunc(r.order, func(a, b int) int {
			return compare(r.items[a], r.items[b])
		})
	}
	if len(r.order) != before {
		r.list.Refresh()
	}
	r.Touch()
	text := ""
	switch {
	case len(r.items) == 0:
		text = r.nothing
	case len(r.order) == 0:
		text = r.filtered
	}
	if r.empty.Text() != text {
		r.empty.Set(text)
		r.Root.Refresh()
	}
	r.header.update()
}

// compare is the order of the rows.
func (r *Rows[T]) compare() func(a, b T) int {
	return func(a, b T) int {
		if r.Pinned != nil {
			if up := r.Pinned(a); up != r.Pinned(b) {
				if up {
					return -1
				}
				return 1
			}
		}
		if r.sortBy < 0 {
			return 0
		}
		if r.falling {
			a, b = b, a
		}
		return r.columns[r.sortBy].Compare(a, b)
	}
}

func (r *Rows[T]) matches(item T, wanted []string) bool {
	if len(wanted) == 0 {
		return true
	}
	var all strings.Builder
	for _, c := range r.columns {
		all.WriteString(strings.ToLower(c.Cell(item).Text))
		all.WriteByte('\n')
	}
	if r.Find != nil {
		all.WriteString(strings.ToLower(r.Find(item)))
	}
	for _, word := range wanted {
		if !strings.Contains(all.String(), word) {
			return false
		}
	}
	return true
}

// measure shares a width among the columns.
func (r *Rows[T]) measure(width float32) {
	if width == r.width {
		return
	}
	r.width = width
	r.shown = make([]bool, len(r.columns))
	for n := range r.shown {
		r.shown[n] = true
	}
	var need, grow float32
	for {
		need, grow = 0, 0
		last, worst := -1, 0
		count := 0
		for n, c := range r.columns {
			if !r.shown[n] {
				continue
			}
			need += c.Width
			grow += c.Grow
			count++
			if c.Drop > worst {
				last, worst = n, c.Drop
			}
		}
		need += cellGap*float32(max(0, count-1)) + 16
		if need <= width || last < 0 {
			break
		}
		r.shown[last] = false
	}
	r.lefts, r.widths = make([]float32, len(r.columns)), make([]float32, len(r.columns))
	x := float32(8)
	for n, c := range r.columns {
		if !r.shown[n] {
			continue
		}
		w := c.Width
		if grow > 0 {
			w += max(0, width-need) * c.Grow / grow
		}
		r.lefts[n], r.widths[n] = x, w
		x += w + cellGap
	}
}

// rowList is the toolkit's list, on which the arrow keys go on from the chosen row.
type rowList[T any] struct {
	widget.List
	rows *Rows[T]
	at   int // the row that the keys go on from
}

func newRowList[T any](r *Rows[T]) *rowList[T] {
	l := &rowList[T]{rows: r}
	l.Length = func() int { return len(r.order) }
	l.CreateItem = func() fyne.CanvasObject {
		v := newRowView(r)
		r.live[v] = true
		return v
	}
	l.UpdateItem = func(id widget.ListItemID, o fyne.CanvasObject) {
		if v, ok := o.(*rowView[T]); ok {
			v.at = id
			v.update()
		}
	}
	l.HideSeparators = true
	l.OnHighlighted = func(id widget.ListItemID) {
		l.at = id
		if !r.quiet {
			r.pick(id)
		}
	}
	l.ExtendBaseWidget(l)
	return l
}

// FocusGained implements fyne.Focusable.
func (l *rowList[T]) FocusGained() {
	l.follow()
	l.rows.quiet = true
	l.List.FocusGained()
	l.rows.quiet = false
}

// follow has the keys go on from the chosen row, which stands elsewhere when others have come.
func (l *rowList[T]) follow() {
	if at := l.rows.row(); at >= 0 && at != l.at {
		l.rows.quiet = true
		l.Highlight(at)
		l.rows.quiet = false
	}
}

// TypedKey implements fyne.Focusable.
func (l *rowList[T]) TypedKey(e *fyne.KeyEvent) {
	l.follow()
	switch e.Name {
	case fyne.KeySpace, fyne.KeyReturn, fyne.KeyEnter: // of a row that the keyboard is on and that is not chosen yet
		l.rows.pick(l.at)
	case fyne.KeyHome:
		l.Highlight(0)
	case fyne.KeyEnd:
		l.Highlight(len(l.rows.order) - 1)
	case fyne.KeyPageUp:
		l.Highlight(max(0, l.rows.row()-l.page()))
	case fyne.KeyPageDown:
		l.Highlight(min(len(l.rows.order)-1, l.rows.row()+l.page()))
	default:
		l.List.TypedKey(e)
	}
}

// page is how many rows are in sight.
func (l *rowList[T]) page() int { return max(1, int(l.Size().Height/rowPitch)) }

type tableLayout[T any] struct{ rows *Rows[T] }

func (l *tableLayout[T]) MinSize([]fyne.CanvasObject) fyne.Size {
	return fyne.NewSize(200, headerHeight+rowPitch)
}

func (l *tableLayout[T]) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	l.rows.measure(size.Width)
	place(objects[0], 0, 0, size.Width, headerHeight)
	place(objects[1], 0, headerHeight, size.Width, max(0, size.Height-headerHeight))
	objects[2].Resize(fyne.NewSize(size.Width-40, 0))
	m := objects[2].MinSize()
	place(objects[2], 20, headerHeight+max(4, min(60, (size.Height-headerHeight-m.Height)/2)), size.Width-40, m.Height)
}
