package kit

import (
	"image/color"
	"sync"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
)

// The colours, by name. Those of the toolkit that mean the same are used for it: its own dialogs and menus match then.
const (
	Background fyne.ThemeColorName = theme.ColorNameBackground
	Foreground fyne.ThemeColorName = theme.ColorNameForeground
	Accent     fyne.ThemeColorName = theme.ColorNamePrimary
	Ready      fyne.ThemeColorName = theme.ColorNameSuccess
	Warming    fyne.ThemeColorName = theme.ColorNameWarning
	Problem    fyne.ThemeColorName = theme.ColorNameError
	OnAccent   fyne.ThemeColorName = theme.ColorNameForegroundOnPrimary
	Hover      fyne.ThemeColorName = theme.ColorNameHover
	Clear      fyne.ThemeColorName = "clear"

	Sidebar     fyne.ThemeColorName = "sidebar"
	Card        fyne.ThemeColorName = "card"
	Line        fyne.ThemeColorName = "line"
	Muted       fyne.ThemeColorName = "muted"
	AccentWash  fyne.ThemeColorName = "accentWash"
	ReadyWash   fyne.ThemeColorName = "readyWash"
	WarmingWash fyne.ThemeColorName = "warmingWash"
	ProblemWash fyne.ThemeColorName = "problemWash"
	NeutralWash fyne.ThemeColorName = "neutralWash"
	Code        fyne.ThemeColorName = "code"
	CardShadow  fyne.ThemeColorName = "cardShadow"
	FocusRing   fyne.ThemeColorName = "focusRing"
	Knob        fyne.ThemeColorName = "knob"
	Bubble      fyne.ThemeColorName = "bubble" // what a hint stands on, in white
	Raised      fyne.ThemeColorName = "raised" // the chosen one of several side by side
	Sunken      fyne.ThemeColorName = "sunken" // what can be typed in

	SyntaxKeyword fyne.ThemeColorName = "syntaxKeyword"
	SyntaxString  fyne.ThemeColorName = "syntaxString"
	SyntaxNumber  fyne.ThemeColorName = "syntaxNumber"
	SyntaxName    fyne.ThemeColorName = "syntaxName"
)

// shade is one colour in the light and in the dark theme.
type shade struct{ light, dark color.NRGBA }

func rgb(v uint32) color.NRGBA {
	return color.NRGBA{R: uint8(v >> 16), G: uint8(v >> 8), B: uint8(v), A: 0xff} //nolint:gosec // the bytes of a colour are meant to be cut out
}

func faint(v uint32, alpha uint8) color.NRGBA {
	c := rgb(v)
	c.A = alpha
	return c
}

// shades is the table of all colours.
var shades = map[fyne.ThemeColorName]shade{
	Background:  {rgb(0xF6F7F9), rgb(0x15171C)},
	Sidebar:     {rgb(0xEEF0F4), rgb(0x111318)},
	Card:        {rgb(0xFFFFFF), rgb(0x1C1F26)},
	Line:        {rgb(0xE1E4EA), rgb(0x2A2E37)},
	Foreground:  {rgb(0x16181D), rgb(0xECEEF2)},
	Muted:       {rgb(0x667085), rgb(0x98A1B0)},
	Accent:      {rgb(0x3E63DD), rgb(0x6E8BFF)},
	AccentWash:  {rgb(0xE6EBFC), rgb(0x232C4A)},
	Ready:       {rgb(0x1F9D6B), rgb(0x3FC98E)},
	ReadyWash:   {rgb(0xE2F5EC), rgb(0x16322A)},
	Warming:     {rgb(0xB7791F), rgb(0xE5B04F)},
	WarmingWash: {rgb(0xFBF0DA), rgb(0x35290F)},
	Problem:     {rgb(0xCE2C31), rgb(0xFF6369)},
	ProblemWash: {rgb(0xFCE9E9), rgb(0x3B1A1D)},
	NeutralWash: {rgb(0xE3E6EC), rgb(0x2A2E37)},
	Code:        {rgb(0xF3F5F9), rgb(0x14161B)},
	OnAccent:    {rgb(0xFFFFFF), rgb(0xFFFFFF)},
	CardShadow:  {faint(0x101828, 0x21), faint(0x000000, 0x6E)},
	FocusRing:   {faint(0x3E63DD, 0x59), faint(0x6E8BFF, 0x73)},
	Knob:        {rgb(0xFFFFFF), rgb(0xFFFFFF)},
	Bubble:      {rgb(0x2B303B), rgb(0x3B4252)},
	Raised:      {rgb(0xFFFFFF), rgb(0x2A2E37)},
	Sunken:      {rgb(0xFFFFFF), rgb(0x14161B)},
	Hover:       {faint(0x16181D, 0x0C), faint(0xFFFFFF, 0x0F)},
	Clear:       {color.NRGBA{}, color.NRGBA{}},

	SyntaxKeyword: {rgb(0x7A3EC8), rgb(0xC39BFF)},
	SyntaxString:  {rgb(0x1A7F4E), rgb(0x7FD6A4)},
	SyntaxNumber:  {rgb(0xB4540A), rgb(0xF0A767)},
	SyntaxName:    {rgb(0x2F55C8), rgb(0x8FA8FF)},

	theme.ColorNameButton:              {rgb(0xFFFFFF), rgb(0x1C1F26)},
	theme.ColorNameDisabledButton:      {rgb(0xEEF0F4), rgb(0x1C1F26)},
	theme.ColorNameDisabled:            {rgb(0xA3ABB9), rgb(0x5B6270)},
	theme.ColorNameFocus:               {faint(0x3E63DD, 0x33), faint(0x6E8BFF, 0x40)},
	theme.ColorNameForegroundOnError:   {rgb(0xFFFFFF), rgb(0xFFFFFF)},
	theme.ColorNameForegroundOnSuccess: {rgb(0xFFFFFF), rgb(0x15171C)},
	theme.ColorNameForegroundOnWarning: {rgb(0xFFFFFF), rgb(0x15171C)},
	theme.ColorNameHeaderBackground:    {rgb(0xFFFFFF), rgb(0x1C1F26)},
	theme.ColorNameHyperlink:           {rgb(0x3E63DD), rgb(0x6E8BFF)},
	theme.ColorNameInputBackground:     {color.NRGBA{}, color.NRGBA{}}, // a field draws its own frame
	theme.ColorNameInputBorder:         {color.NRGBA{}, color.NRGBA{}},
	theme.ColorNameMenuBackground:      {rgb(0xFFFFFF), rgb(0x22262E)},
	theme.ColorNameOverlayBackground:   {rgb(0xFFFFFF), rgb(0x1C1F26)},
	theme.ColorNamePlaceHolder:         {rgb(0x8A93A4), rgb(0x737C8C)},
	theme.ColorNamePressed:             {faint(0x16181D, 0x14), faint(0xFFFFFF, 0x1A)},
	theme.ColorNameScrollBar:           {faint(0x16181D, 0x3D), faint(0xFFFFFF, 0x3D)},
	theme.ColorNameScrollBarBackground: {color.NRGBA{}, color.NRGBA{}},
	theme.ColorNameSelection:           {rgb(0xCFDAFB), rgb(0x31407A)},
	theme.ColorNameSeparator:           {rgb(0xE1E4EA), rgb(0x2A2E37)},
	theme.ColorNameShadow:              {faint(0x101828, 0x0A), faint(0x000000, 0x29)}, // also the edges of every scroll, where more looks like dirt
}

// The type scale.
const (
	SizeTitle  = 20
	SizeBody   = 14
	SizeButton = 13
	SizeSmall  = 12.5
	SizeFigure = 24
	SizeCode   = 12
	SizeTiny   = 11
)

// Spacing.
const (
	CardPad       = 16
	Gap           = 14
	CardRadius    = 12
	ControlRadius = 8
	ControlHeight = 33
)

// sizes are those of the toolkit's own widgets, where they differ from its defaults.
var sizes = map[fyne.ThemeSizeName]float32{
	theme.SizeNameText:               SizeBody,
	theme.SizeNameCaptionText:        SizeTiny,
	theme.SizeNameSubHeadingText:     16,
	theme.SizeNameHeadingText:        SizeTitle,
	theme.SizeNameInputRadius:        ControlRadius,
	theme.SizeNameButtonRadius:       ControlRadius,
	theme.SizeNameSelectionRadius:    ControlRadius,
	theme.SizeNameMenuRadius:         ControlRadius,
	theme.SizeNamePopupRadius:        ControlRadius,
	theme.SizeNameCardRadius:         CardRadius,
	theme.SizeNameDialogRadius:       CardRadius,
	theme.SizeNameInnerPadding:       7,
	theme.SizeNameInputBorder:        0,
	theme.SizeNameLineSpacing:        2,
	theme.SizeNameScrollBar:          8,
	theme.SizeNameScrollBarSmall:     4,
	theme.SizeNameScrollBarRadius:    4,
	theme.SizeNameSeparatorThickness: 1,
}

// Mode says who chooses between light and dark.
type Mode string

// The modes.
const (
	FollowSystem Mode = "system"
	AlwaysLight  Mode = "light"
	AlwaysDark   Mode = "dark"
)

// Theme is the look of the whole window: the one place where colours, sizes and fonts come from. Set it before the first widget is
// made.
type Theme struct {
	mode  Mode
	fonts func() map[fyne.TextStyle]fyne.Resource
}

// NewTheme returns the theme of a mode.
func NewTheme(mode Mode) *Theme {
	return &Theme{mode: mode, fonts: sync.OnceValue(evenFonts)}
}

func (t *Theme) variant(system fyne.ThemeVariant) fyne.ThemeVariant {
	switch t.mode {
	case AlwaysLight:
		return theme.VariantLight
	case AlwaysDark:
		return theme.VariantDark
	case FollowSystem:
	}
	return system
}

// Color implements fyne.Theme.
func (t *Theme) Color(name fyne.ThemeColorName, system fyne.ThemeVariant) color.Color {
	v := t.variant(system)
	s, ok := shades[name]
	switch {
	case !ok:
		return theme.DefaultTheme().Color(name, v)
	case v == theme.VariantDark:
		return s.dark
	}
	return s.light
}

// Font implements fyne.Theme.
func (t *Theme) Font(style fyne.TextStyle) fyne.Resource {
	if f, ok := t.fonts()[fyne.TextStyle{Bold: style.Bold && !style.Monospace, Monospace: style.Monospace}]; ok && !style.Symbol && !style.Italic {
		return f
	}
	return theme.DefaultTheme().Font(style)
}

// Icon implements fyne.Theme.
func (t *Theme) Icon(name fyne.ThemeIconName) fyne.Resource { return theme.DefaultTheme().Icon(name) }

// Size implements fyne.Theme.
func (t *Theme) Size(name fyne.ThemeSizeName) float32 {
	if s, ok := sizes[name]; ok {
		return s
	}
	return theme.DefaultTheme().Size(name)
}

// shadeOf is a colour of the theme in use.
func shadeOf(name fyne.ThemeColorName) color.Color { return theme.Color(name) }
