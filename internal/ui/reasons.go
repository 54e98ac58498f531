package ui

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/agentrun-tray/agentrun-tray/internal/reason"
	"github.com/agentrun-tray/agentrun-tray/internal/secrets"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
	"github.com/agentrun-tray/agentrun-tray/internal/ui/words"
)

// sentence puts an error into the language of the window. One whose reason nobody knows says what it says.
func sentence(w *words.Words, err error) string {
	why := reason.Of(err)
	if text, ok := because(w, string(why.Code), why.Args); ok {
		return text
	}
	return asSentence(err.Error())
}

// because puts a reason into words, if it can be.
func because(w *words.Words, code string, args status.Args) (string, bool) {
	if code == "" || !w.Has("reason."+code) {
		return "", false
	}
	text := w.Say("reason."+code, args.Pairs()...)
	return asSentence(text), !unfilled.MatchString(text)
}

// unfilled is the name of something that a text should have and that nobody has told.
var unfilled = regexp.MustCompile(`\{[a-z]+\}`)

// problem puts a problem into words: in those for its reason where there are some, in those of its kind, or in the host's own English.
func (d *desk) problem(p status.Problem) (what, why string) {
	code, args := string(p.Code), p.Args
	if args.Backend != "" {
		args.Backend = d.backend(args.Backend)
	}
	switch {
	case args.Setting == "":
	case d.Has("setting." + args.Setting): // as its row is called
		args.Setting = d.Say("setting.named", "name", d.Say("setting."+args.Setting))
	default:
		args.Setting = d.Say("setting.unknown", "name", args.Setting)
	}
	of := func(own string, texts ...string) string {
		for _, text := range texts {
			if text != "" && !unfilled.MatchString(text) {
				return text
			}
		}
		return own
	}
	said := func(key string, text string) string {
		if !d.Has(key) {
			return ""
		}
		return text
	}
	pairs := args.Pairs()
	what = of(p.What, said("problem."+code+"."+p.Reason, d.Say("problem."+code+"."+p.Reason, pairs...)), said("problem."+code, d.Say("problem."+code, pairs...)))
	todo := of(p.Todo, said("todo."+code+"."+p.Reason, d.Say("todo."+code+"."+p.Reason, pairs...)), said("todo."+code, d.Say("todo."+code, pairs...)))
	if args.Backend != "" {
		todo = d.Say("problem.both", "why", todo, "todo", d.Say("problem.meanwhile", "backend", args.Backend))
	}
	why, ok := because(d.Words, p.Reason, args)
	if ok && (p.Code == status.NoSandbox || p.Code == status.Unreachable) && d.Has("retried."+p.Reason) {
		why = d.Say("retried."+p.Reason, args.Pairs()...) // which does not ask for what is done by itself
	}
	if !ok && p.Why != "" {
		why = asSentence(p.Why)
	}
	if why != "" && todo != "" {
		return what, d.Say("problem.both", "why", why, "todo", todo)
	}
	return what, why + todo
}

// asSentence begins a text as a sentence does, and ends it like one.
func asSentence(text string) string {
	text = strings.TrimSpace(text)
	if text == "" {
		return text
	}
	first, size := utf8.DecodeRuneInString(text)
	text = string(unicode.ToUpper(first)) + text[size:]
	if last, _ := utf8.DecodeLastRuneInString(text); !strings.ContainsRune(".!?。！？", last) {
		text += "."
	}
	return text
}

// accountNote says where the key will be kept, or what is in the way.
func (d *desk) accountNote(a Account) string {
	if text, ok := because(d.Words, string(reason.FaultyCredentials), status.Args{Fields: a.Faulty}); ok {
		return text
	}
	if a.Source == secrets.FromEnvironment {
		return d.Say("account.environment")
	}
	if text, ok := because(d.Words, string(reason.Keychain(a.Keychain).Code), status.Args{}); ok {
		return text
	}
	if a.Hint != "" {
		return asSentence(a.Hint)
	}
	return d.Say("account.kept")
}
