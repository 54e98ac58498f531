package ui

import (
	"fyne.io/fyne/v2"

	"github.com/agentrun-tray/agentrun-tray/internal/ui/kit"
	"github.com/agentrun-tray/agentrun-tray/internal/ui/words"
)

// TroubleOptions say why the program cannot start.
type TroubleOptions struct {
	Language string
	Why      error
	// LogFolder is where the log says more; empty: there is none yet.
	LogFolder string
	// Leave ends the program.
	Leave func()
}

// ShowTrouble fills a window of the toolkit with why the program cannot start.
func ShowTrouble(window fyne.Window, opt TroubleOptions) {
	w := words.In(opt.Language)
	leave := kit.NewButton(w.Say("trouble.leave"), kit.Primary, opt.Leave)
	rows := []fyne.CanvasObject{
		kit.Spring(),
		kit.Row(0, kit.Spring(), kit.NewMark(56), kit.Spring()),
		kit.Pad(18, 0, 8, 0, kit.NewPara(w.Say("trouble.title"), kit.Headline, kit.Foreground).Centre()),
		kit.NewPara(sentence(w, opt.Why), kit.Body, kit.Foreground).Centre(),
	}
	if opt.LogFolder != "" {
		rows = append(rows, kit.Pad(8, 0, 0, 0, kit.NewPara(w.Say("trouble.log", "folder", opt.LogFolder), kit.Small, kit.Muted).Centre()))
	}
	rows = append(rows, kit.Pad(22, 0, 12, 0, kit.Row(12, kit.Spring(), leave, kit.Spring())), kit.Spring())
	window.SetPadded(false)
	window.SetTitle(w.Say("app"))
	window.SetContent(kit.Layer(kit.NewBox(kit.Background, 0), kit.NewPage(kit.Pad(20, 24, 20, 24, kit.Cap(720, kit.Col(0, rows...))))))
	window.Canvas().Focus(leave)
}
