package ui

import (
	"bytes"
	"image"
	_ "image/gif"  // formats that code shows pictures in
	_ "image/jpeg" //
	_ "image/png"  //
	"slices"
	"strconv"
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"

	"github.com/agentrun-tray/agentrun-tray/internal/notebook"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
	"github.com/agentrun-tray/agentrun-tray/internal/ui/kit"
)

const (
	codeLines    = 60       // of code that are shown before somebody asks for more
	outputLines  = 200      // of output, its last
	pictureWide  = 560      // a picture is not shown wider
	pictureTall  = 360      // nor taller
	picturePixel = 40 << 20 // one with more pixels is not decoded
)

// cellView is one cell of a notebook: its code, what came of it, and what can be done.
type cellView struct {
	root *fyne.Container
	d    *desk
	menu notebookMenu

	cell      *notebook.Cell
	language  string
	code      *kit.CodeView
	edge      *kit.Box
	output    *fyne.Container
	outer     *fyne.Container // of output
	stdout    *kit.CodeView
	stderr    *kit.CodeView
	notices   *kit.Para
	cut       *kit.Text
	value     *kit.CodeView
	pictures  *fyne.Container
	failure   *kit.Para
	fold      *kit.Button
	folding   *fyne.Container // of fold
	traceback *kit.CodeView
	unfolded  bool
	allCode   bool
	more      *kit.Button
	number    *kit.Text
	client    *kit.Text
	took      *kit.Text
	copy      *kit.Button
	again     *kit.Button
	stop      *kit.Button
	foot      *fyne.Container
	relaid    bool
}

func newCellView(d *desk, menu notebookMenu, language string) *cellView {
	c := &cellView{d: d, menu: menu, language: language}
	c.code, c.stdout, c.stderr, c.value, c.traceback = kit.NewCodeView(), kit.NewCodeView(), kit.NewCodeView(), kit.NewCodeView(), kit.NewCodeView()
	c.edge = kit.NewBox(kit.Accent, 0).Wide(3, 0)
	c.notices = kit.NewPara("", kit.Small, kit.Warming)
	c.cut = kit.NewText("", kit.Small, kit.Muted).Trim()
	c.pictures = kit.Col(8)
	c.failure = kit.NewPara("", kit.SmallStrong, kit.Problem)
	c.fold = kit.NewLeadButton("chevron-right", d.Say("cell.traceback"), kit.Quiet, c.toggle)
	c.more = kit.NewButton("", kit.Ghost, c.showAll)
	c.number, c.client, c.took = kit.NewText("", kit.Small, kit.Muted), kit.NewText("", kit.Small, kit.Muted).Trim(), kit.NewText("", kit.Small, kit.Muted)
	c.copy = kit.NewButton(d.Say("copy"), kit.Quiet, func() { d.copy(c.cell.Code) })
	c.again = kit.NewButton(d.Say("cell.again"), kit.Quiet, func() { menu.again(c.cell.Code) })
	c.stop = kit.NewLeadButton("stop", d.Say("cell.interrupt"), kit.Halt, func() { menu.interrupt(c.cell.RunID) })
	c.foot = kit.Row(10, c.number, c.took, kit.Grow(c.client), c.copy, c.again, c.stop)
	c.folding = kit.Row(0, c.fold, kit.Spring())
	c.output = kit.Col(6, c.notices, c.cut, c.stdout, c.stderr, c.pictures, c.value, c.failure, c.folding, c.traceback)
	c.outer = kit.Pad(8, 14, 8, 13, c.output)
	c.root = kit.Layer(
		kit.NewBox(kit.Card, 10).Outline(kit.Line),
		kit.Col(0,
			kit.Pad(1, 1, 0, 1, kit.Layer(kit.NewBox(kit.Code, 0).TopCorners(9), kit.FullRow(0, c.edge, kit.Grow(kit.Pad(9, 12, 9, 12, kit.Col(2, c.code, kit.Row(0, c.more, kit.Spring()))))))),
			c.outer,
			kit.NewRule(),
			kit.Pad(3, 7, 3, 13, c.foot),
		))
	return c
}

func (c *cellView) toggle() {
	c.unfolded = !c.unfolded
	c.arrange()
	c.menu.reflow()
}

func (c *cellView) showAll() {
	c.allCode = true
	c.setCode()
	c.root.Refresh()
	c.menu.reflow()
}

// render draws a cell and reports whether it is taller or lower now.
func (c *cellView) render(cell *notebook.Cell, now time.Time) bool {
	if cell == c.cell {
		return c.tick(now)
	}
	if c.cell == nil || c.cell.Code != cell.Code {
		c.cell = cell
		c.setCode()
		c.relaid = true
	}
	old := c.cell
	c.cell = cell
	res := cell.Result
	printed := tail(res.Stdout, kit.Foreground)
	if at := len(printed) - 1; at >= 0 && cell.State == notebook.CellRunning {
		printed[at] = append(printed[at], kit.Span{Text: "▌", Tone: kit.Foreground}) // more may come
	}
	told := ""
	if len(cell.Notices) > 0 { // which are shown as they went out: they are for the editor
		told = c.d.Say("cell.told") + "\n" + strings.Join(cell.Notices, "\n")
	}
	changed := c.notices.Set(told)
	changed = c.stdout.Set(printed) || changed
	changed = c.stderr.Set(tail(res.Stderr, kit.Warming)) || changed
	switch lost := res.Cut.Stdout + res.Cut.Stderr; {
	case lost > 0:
		c.cut.Set(c.d.Say("cell.cut", "n", lost))
	default:
		c.cut.Set("")
	}
	if old == cell || len(old.Result.Displays) != len(res.Displays) {
		c.showPictures(res)
		changed = true
	}
	var value [][]kit.Span
	if res.Value != nil && picture(*res.Value) == nil {
		value = tail(res.Value.Text, kit.Foreground)
	}
	changed = c.value.Set(value) || changed
	failure, trace := "", ""
	if f := res.Failure; f != nil {
		failure, trace = f.Name, f.Traceback
		if f.Message != "" {
			failure = c.d.Say("cell.failure", "name", f.Name, "message", f.Message)
		}
	}
	changed = c.failure.Set(failure) || changed
	changed = c.traceback.Set(tail(trace, kit.Muted)) || changed
	changed = c.arrange() || changed
	return c.tick(now) || changed
}

func (c *cellView) setCode() {
	lines := kit.Colour(c.cell.Code, c.language)
	label := ""
	if len(lines) > codeLines && !c.allCode {
		label = c.d.Count("cell.more", len(lines)-codeLines)
		lines = lines[:codeLines]
	}
	c.code.Set(lines)
	c.more.Hidden = label == ""
	c.more.Set(label)
}

// arrange hides what is empty, and reports whether that changed anything.
func (c *cellView) arrange() bool {
	res := c.cell.Result
	changed := false
	hide := func(o fyne.CanvasObject, hidden bool) {
		if o.Visible() == hidden {
			changed = true
			if hidden {
				o.Hide()
			} else {
				o.Show()
			}
		}
	}
	trace := res.Failure != nil && res.Failure.Traceback != ""
	value := res.Value != nil && picture(*res.Value) == nil
	hide(c.notices, len(c.cell.Notices) == 0)
	hide(c.cut, c.cut.Text() == "")
	hide(c.stdout, res.Stdout == "")
	hide(c.stderr, res.Stderr == "")
	hide(c.pictures, len(c.pictures.Objects) == 0)
	hide(c.value, !value)
	hide(c.failure, res.Failure == nil)
	hide(c.folding, !trace)
	hide(c.traceback, !trace || !c.unfolded)
	hide(c.outer, len(c.cell.Notices) == 0 && res.Stdout == "" && res.Stderr == "" && len(c.pictures.Objects) == 0 && !value && res.Failure == nil)
	icon := "chevron-right"
	if c.unfolded {
		icon = "chevron-down"
	}
	c.fold.SetIcon(icon, c.d.Say("cell.traceback"))
	hide(c.stop, c.cell.State == notebook.CellDone)
	hide(c.again, c.cell.State != notebook.CellDone)
	if changed {
		c.root.Refresh()
	}
	return changed
}

// tick says how long the cell takes or took, and reports whether the cell is taller or lower since it was asked.
func (c *cellView) tick(now time.Time) bool {
	cell := c.cell
	text, tone := c.d.Took(cell.Result.Duration), kit.Muted
	switch cell.State {
	case notebook.CellRunning:
		text, tone = c.d.Say("cell.running", "time", c.d.Short(now.Sub(cell.StartedAt))), kit.Accent
	case notebook.CellWaiting:
		text, tone = c.d.Say("cell.waiting"), kit.Warming
	case notebook.CellDone:
	}
	number := ""
	if cell.Number > 0 {
		number = "#" + strconv.Itoa(cell.Number)
	}
	relaid := c.number.Set(number)
	relaid = c.took.Set(text) || relaid
	c.took.SetTone(tone)
	c.client.Set(c.d.client(cell.Client))
	if relaid {
		c.foot.Refresh()
	}
	relaid, c.relaid = c.relaid, false
	return relaid
}

// tail is the last of a long text, so that the window need not draw all of it.
func tail(text string, tone fyne.ThemeColorName) [][]kit.Span {
	if text == "" {
		return nil
	}
	const most = 64 << 10 // bytes, before lines are counted
	if len(text) > most {
		text = text[len(text)-most:]
		text = text[strings.IndexByte(text, '\n')+1:]
	}
	lines := kit.Plainly(text, tone)
	if len(lines) > outputLines {
		lines = lines[len(lines)-outputLines:]
	}
	return lines
}

// showPictures puts what the code showed below its text: pictures as pictures, the rest as its plain form.
func (c *cellView) showPictures(res sandbox.Result) {
	c.pictures.Objects = nil
	all := res.Displays
	if res.Value != nil && picture(*res.Value) != nil {
		all = append(slices.Clip(all), *res.Value)
	}
	for _, o := range all {
		if p := picture(o); p != nil {
			c.pictures.Objects = append(c.pictures.Objects, p)
			continue
		}
		text := kit.NewCodeView()
		text.Set(tail(o.Text, kit.Foreground))
		c.pictures.Objects = append(c.pictures.Objects, text)
	}
	c.pictures.Refresh()
}

// picture is an output as a picture; nil if it has none that can be drawn.
func picture(o sandbox.Output) fyne.CanvasObject {
	for _, form := range []string{"image/png", "image/jpeg", "image/gif"} {
		data, ok := o.MIME[form]
		if !ok {
			continue
		}
		conf, _, err := image.DecodeConfig(bytes.NewReader(data))
		if err != nil || conf.Width <= 0 || conf.Height <= 0 || conf.Width*conf.Height > picturePixel {
			continue
		}
		img := canvas.NewImageFromReader(bytes.NewReader(data), "picture."+strings.TrimPrefix(form, "image/"))
		img.FillMode = canvas.ImageFillContain
		w, h := float32(conf.Width), float32(conf.Height)
		shrink := min(1, pictureWide/w, pictureTall/h)
		return kit.Row(0, kit.Fix(w*shrink, h*shrink, img), kit.Spring())
	}
	return nil
}
