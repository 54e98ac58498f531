package ui

import (
	"fyne.io/fyne/v2"

	"github.com/agentrun-tray/agentrun-tray/internal/ui/kit"
)

// statCard is a large figure with a curve or a bar below it.
type statCard struct {
	root   *fyne.Container
	title  *kit.Text
	figure *kit.Text
	note   *kit.Text
	spark  *kit.Spark
	bar    *kit.Bar
	foot   *kit.Text
	lower  *fyne.Container
}

func newStatCard(tone fyne.ThemeColorName) *statCard {
	c := &statCard{
		title: kit.NewText("", kit.SmallStrong, kit.Muted).Trim(), figure: kit.NewText("", kit.Figure, kit.Foreground),
		note: kit.NewText("", kit.Small, kit.Muted).Trim(), spark: kit.NewSpark(tone), bar: kit.NewBar(), foot: kit.NewText("", kit.Small, kit.Muted).Trim(),
	}
	c.lower = kit.Pad(6, 0, 0, 0, kit.Col(6, c.bar, c.foot))
	c.root = kit.InCard(kit.Col(2, c.title, kit.Caption(200, 8, c.figure, c.note), kit.Spring(), kit.Layer(kit.Fix(0, 42, c.spark), c.lower)))
	return c
}

// curve shows a curve, of a text and figures.
func (c *statCard) curve(title, figure, note string, values []float64) {
	c.title.Set(title)
	relaid := c.figure.Set(figure)
	c.note.Set(note)
	c.spark.Set(values)
	if relaid || c.spark.Hidden {
		c.spark.Hidden, c.lower.Hidden = false, true
		c.root.Refresh()
	}
}

// share shows a bar.
func (c *statCard) share(title, figure, note, foot string, part float64, tone fyne.ThemeColorName) {
	c.title.Set(title)
	relaid := c.figure.Set(figure)
	c.note.Set(note)
	c.foot.Set(foot)
	c.bar.Set(part, tone)
	if relaid || !c.spark.Hidden {
		c.spark.Hidden, c.lower.Hidden = true, false
		c.root.Refresh()
	}
}
