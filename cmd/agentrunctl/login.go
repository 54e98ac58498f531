package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun"
	"github.com/agentrun-tray/agentrun-tray/internal/backend/cloud"
	"github.com/agentrun-tray/agentrun-tray/internal/control"
	"github.com/agentrun-tray/agentrun-tray/internal/corefile"
	"github.com/agentrun-tray/agentrun-tray/internal/paths"
	"github.com/agentrun-tray/agentrun-tray/internal/secrets"
)

const (
	patienceAlone   = 10 * time.Second // of the keychain, when nobody is there to answer a question of it
	patienceWatched = time.Minute      // and when somebody is
)

// loginOptions are the words of the command line. None of them is secret: others can read the command lines of programs that run.
type loginOptions struct {
	check, noCheck, replace       bool
	fromEnv, fromFile, scrub      bool
	temporary                     bool
	file, profile                 string
	controlEndpoint, dataEndpoint string
}

// login puts credentials into the keychain, from the keyboard, the environment or the AgentRun CLI's file, after they were checked
// with the service.
func login(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	opt, err := parseLogin(args, stderr)
	if err != nil {
		return err
	}
	dirs, err := paths.Find()
	if err != nil {
		return err
	}
	if err := corefile.Disable(); err != nil {
		return err
	}
	l := &loginRun{opt: opt, dirs: dirs, asker: newAsker(stdin, stderr), out: stdout}
	l.store = openStore(l.asker.terminal != nil)
	if opt.check {
		return l.checkInUse(ctx)
	}
	return l.run(ctx)
}

func parseLogin(args []string, stderr io.Writer) (opt loginOptions, err error) {
	fs := newFlags("login", stderr)
	fs.BoolVar(&opt.check, "check", false, "change nothing; say which credentials are used, and ask AgentRun whether it takes them")
	fs.BoolVar(&opt.fromEnv, "from-env", false, "take the credentials from the environment (AGENTRUN_ACCESS_KEY_ID and the others)")
	fs.BoolVar(&opt.fromFile, "import", false, "take the credentials from the AgentRun CLI's file: ~/"+filepath.ToSlash(secrets.CLIFileName)+", or the FILE behind it")
	fs.StringVar(&opt.profile, "profile", "", "the profile to import (default: the one that the AgentRun CLI uses)")
	fs.BoolVar(&opt.scrub, "scrub", false, "take the secrets out of the imported file afterwards, without asking")
	fs.BoolVar(&opt.temporary, "temporary", false, "the access key is temporary (STS): ask for its security token too")
	fs.StringVar(&opt.controlEndpoint, "control-endpoint", "", "another host of the control plane, such as an emulator's")
	fs.StringVar(&opt.dataEndpoint, "data-endpoint", "", "another host of the data plane, such as an emulator's")
	fs.BoolVar(&opt.noCheck, "no-check", false, "store the credentials without asking AgentRun whether it takes them")
	fs.BoolVar(&opt.replace, "replace", false, "replace credentials of another account or key without asking")
	words, err := parse(fs, args, 1)
	if err != nil {
		return opt, err
	}
	if len(words) == 1 {
		opt.file = words[0]
	}
	typed := opt.temporary || opt.controlEndpoint != "" || opt.dataEndpoint != ""
	switch {
	case opt.file != "" && !opt.fromFile:
		return opt, misused("%q is one word too many: nothing secret belongs on a command line, where others can read it; login asks for it", clipSecret(opt.file))
	case opt.check && (opt.fromEnv || opt.fromFile || typed || opt.noCheck || opt.replace):
		return opt, misused("--check looks at what is there and goes with nothing else")
	case opt.fromEnv && opt.fromFile:
		return opt, misused("--from-env and --import are two places; choose one")
	case typed && (opt.fromEnv || opt.fromFile):
		return opt, misused("--temporary and the endpoints are for credentials that are typed; those of the environment and of the file have their own")
	case (opt.scrub || opt.profile != "") && !opt.fromFile:
		return opt, misused("--scrub and --profile go with --import")
	}
	return opt, nil
}

// clipSecret shows the beginning of a word that may be a secret in the wrong place.
func clipSecret(word string) string { return word[:min(4, len(word))] + "…" }

// openStore is where this user's credentials are. Somebody in front of a terminal may be asked by the keychain, and gets the time
// to answer.
func openStore(watched bool) *secrets.Store {
	patience := patienceAlone
	if watched {
		patience = patienceWatched
	}
	return secrets.Open(secrets.Options{Getenv: os.Getenv, Patience: patience})
}

// loginRun is one login.
type loginRun struct {
	opt   loginOptions
	dirs  paths.Dirs
	store *secrets.Store
	asker *asker
	out   io.Writer
	file  *secrets.CLIFile // what was imported from; nil: nothing
}

func (l *loginRun) run(ctx context.Context) error {
	// A keychain that is of no use is better found before anything is typed.
	before, err := l.store.Keychain().Get(ctx)
	there := !errors.Is(err, secrets.ErrNone)
	if err != nil && there && !errors.Is(err, secrets.ErrDamaged) {
		return err
	}
	c, err := l.gather(ctx)
	if err != nil {
		return err
	}
	c.Region = cmp.Or(c.Region, agentrun.DefaultRegion)
	if err := c.Check(); err != nil {
		return fmt.Errorf("%w; nothing was stored", err)
	}
	if there && !c.SameAs(before) {
		if err := l.mayReplace(ctx, before); err != nil {
			return err
		}
	}
	if !l.opt.noCheck {
		if err := cloud.CheckAccount(ctx, c); err != nil {
			return fmt.Errorf("%w; nothing was stored (--no-check stores them all the same)", err)
		}
	}
	if err := l.store.Keychain().Set(ctx, c); err != nil {
		return err
	}
	said := "Stored in the keychain, and AgentRun takes them: "
	if l.opt.noCheck {
		said = "Stored in the keychain, unchecked: "
	}
	fmt.Fprintf(l.out, "%s%s.\n%s%s", said, describe(c), tellHost(ctx, l.dirs), elsewhere(ctx, l.dirs))
	if env, ok := l.store.Environment(); ok && !env.SameAs(c) {
		fmt.Fprintf(l.out, "The environment has others, which come first for programs that are started from here: %s.\n", describe(env))
	}
	return l.offerScrub(ctx, c)
}

// gather gets the credentials from where they are.
func (l *loginRun) gather(ctx context.Context) (secrets.Credentials, error) {
	switch {
	case l.opt.fromEnv:
		c, ok := l.store.Environment()
		if !ok {
			return c, fmt.Errorf("the environment has no AgentRun credentials; set %s, %s and %s", secrets.Variables(secrets.FieldAccessKeyID)[0], secrets.Variables(secrets.FieldAccessKeySecret)[0], secrets.Variables(secrets.FieldAccountID)[0])
		}
		return c, nil
	case l.opt.fromFile:
		return l.gatherFromFile()
	default:
		return l.gatherTyped(ctx)
	}
}

func (l *loginRun) gatherFromFile() (c secrets.Credentials, err error) {
	name := l.opt.file
	if name == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return c, err
		}
		name = filepath.Join(home, secrets.CLIFileName)
	}
	if l.file, err = secrets.ReadCLIFile(name); err != nil {
		return c, err
	}
	return l.file.Credentials(l.opt.profile)
}

// question is what login asks for.
type question struct {
	field  secrets.Field
	about  string // said before it; "": nothing
	prompt string
	absent string // what no answer means
	secret bool
	into   func(c *secrets.Credentials, answer string)
}

func (l *loginRun) questions() []question {
	list := []question{
		{
			field: secrets.FieldAccessKeyID, prompt: "Access key id: ",
			about: "AgentRun Tray keeps the account's access key in this computer's keychain. Best is the key\nof a RAM user with the policy AliyunAgentRunFullAccess, not the main account's own.",
			into:  func(c *secrets.Credentials, answer string) { c.AccessKeyID = answer },
		},
		{
			field: secrets.FieldAccessKeySecret, prompt: "Access key secret (not shown): ", secret: true,
			into: func(c *secrets.Credentials, answer string) { c.AccessKeySecret = secrets.NewValue(answer) },
		},
		{
			field: secrets.FieldSecurityToken, prompt: "Security token (not shown): ", secret: true,
			into: func(c *secrets.Credentials, answer string) { c.SecurityToken = secrets.NewValue(answer) },
		},
		{
			field: secrets.FieldAccountID, prompt: "Account id: ",
			about: "The account id is the number of the main account, in the console's account menu.",
			into:  func(c *secrets.Credentials, answer string) { c.AccountID = answer },
		},
		{
			field: secrets.FieldRegion, prompt: "Region [" + agentrun.DefaultRegion + "]: ", absent: agentrun.DefaultRegion,
			about: "Regions: " + strings.Join(agentrun.Regions(), ", ") + ", or another.",
			into:  func(c *secrets.Credentials, answer string) { c.Region = answer },
		},
	}
	return slices.DeleteFunc(list, func(q question) bool { return q.field == secrets.FieldSecurityToken && !l.opt.temporary })
}

// gatherTyped asks for what is needed. On a terminal what cannot be right is asked for again.
func (l *loginRun) gatherTyped(ctx context.Context) (secrets.Credentials, error) {
	c := secrets.Credentials{Source: secrets.FromUser, ControlEndpoint: l.opt.controlEndpoint, DataEndpoint: l.opt.dataEndpoint}
	err := l.asker.quietly(func() error {
		questions := l.questions()
		for i, q := range questions {
			if q.about != "" {
				l.asker.say(q.about)
			}
			answer, err := l.answer(ctx, q)
			if err != nil {
				return l.unanswered(questions, i, err)
			}
			q.into(&c, answer)
		}
		return nil
	})
	return c, err
}

// answer asks until the answer can be right; where there is no terminal, once.
func (l *loginRun) answer(ctx context.Context, q question) (string, error) {
	for {
		answer, err := l.ask(ctx, q)
		if err != nil {
			return "", err
		}
		answer = cmp.Or(answer, q.absent)
		wrong := secrets.CheckField(q.field, answer)
		if answer == "" {
			wrong = "that is needed"
		}
		switch {
		case wrong == "":
			return answer, nil
		case l.asker.terminal == nil:
			return "", errors.New(wrong)
		}
		l.asker.say("  " + wrong + ".")
	}
}

func (l *loginRun) ask(ctx context.Context, q question) (string, error) {
	ask := l.asker.line
	if q.secret {
		ask = l.asker.secret
	}
	answer, err := ask(ctx, q.prompt)
	if errors.Is(err, io.EOF) && q.absent != "" && l.asker.terminal == nil {
		return "", nil
	}
	return answer, err
}

// unanswered says what became of a question without a good answer: where there is no terminal, which lines are read.
func (l *loginRun) unanswered(questions []question, at int, err error) error {
	field := name(questions[at].field)
	switch {
	case errors.Is(err, errInterrupted), errors.Is(err, io.EOF) && l.asker.terminal != nil:
		return errInterrupted
	case l.asker.terminal != nil:
		return err
	case !errors.Is(err, io.EOF):
		return fmt.Errorf("line %d of the input, %s: %w; nothing was stored", at+1, field, err)
	}
	names := make([]string, len(questions))
	for i, q := range questions {
		names[i] = name(q.field)
	}
	return fmt.Errorf("the input ended before the %s; it has one line for each of: %s; nothing was stored", field, strings.Join(names, ", "))
}

// name is a field in a sentence.
func name(field secrets.Field) string { return strings.ReplaceAll(string(field), "_", " ") }

// mayReplace lets credentials of another account or key be overwritten only by somebody who knows.
func (l *loginRun) mayReplace(ctx context.Context, before secrets.Credentials) error {
	if l.opt.replace {
		return nil
	}
	what := "The keychain has others already (" + describe(before) + ")"
	if l.asker.terminal == nil {
		return errors.New(lower(what) + "; nothing was stored (--replace replaces them)")
	}
	yes, err := l.asker.yes(ctx, what+". Replace them?")
	if err == nil && !yes {
		err = errors.New("they stay; nothing was stored")
	}
	return err
}

func lower(sentence string) string { return strings.ToLower(sentence[:1]) + sentence[1:] }

// describe names credentials without anything secret.
func describe(c secrets.Credentials) string {
	text := "access key " + cmp.Or(c.AccessKeyID, "unknown")
	if c.SecurityToken.IsSet() {
		text += " (temporary)"
	}
	if c.AccountID != "" {
		text += " of account " + c.AccountID
	}
	text += ", region " + cmp.Or(c.Region, agentrun.DefaultRegion)
	if endpoint := cmp.Or(c.ControlEndpoint, c.DataEndpoint); endpoint != "" {
		text += ", at " + endpoint
	}
	return text
}

// checkInUse says which credentials programs that are started from here use, and whether they are good.
func (l *loginRun) checkInUse(ctx context.Context) error {
	c, err := l.store.Find(ctx)
	if err != nil {
		return err
	}
	where := "the environment"
	if c.Source == secrets.FromKeychain {
		where = "the keychain"
	}
	fmt.Fprintf(l.out, "From %s: %s.\n", where, describe(c))
	if err := c.Check(); err != nil {
		return err
	}
	if err := cloud.CheckAccount(ctx, c); err != nil {
		return err
	}
	_, err = fmt.Fprintln(l.out, "AgentRun takes them.")
	return err
}

// offerScrub takes the secrets out of the file that was imported, if the user wants that.
func (l *loginRun) offerScrub(ctx context.Context, c secrets.Credentials) error {
	if l.file == nil {
		return nil
	}
	name := l.file.Path()
	scrub := l.opt.scrub
	if !scrub && l.asker.terminal != nil {
		var err error
		if scrub, err = l.asker.yes(ctx, fmt.Sprintf("%s still has the secret in the clear. Take it out? The AgentRun CLI cannot use this profile then.", name)); err != nil {
			return err
		}
	}
	if !scrub {
		_, err := fmt.Fprintf(l.out, "%s still has the secret in the clear; login --import --scrub takes it out.\n", name)
		return err
	}
	if err := l.file.Scrub(l.opt.profile, c); err != nil {
		return err
	}
	_, err := fmt.Fprintf(l.out, "%s has the secret no more. It was there in the clear: a new access key, made in the RAM console, is safer.\n", name)
	return err
}

// tellHost lets a running host take up what was changed, and gives a line about it if there is something to say.
func tellHost(ctx context.Context, dirs paths.Dirs) string {
	code, _, err := control.Ask(ctx, dirs, http.MethodPost, "/credentials/changed")
	switch {
	case errors.Is(err, control.ErrNoHost):
		return ""
	case err != nil || code >= http.StatusBadRequest:
		return "The running host could not be told; end it, so that the next one takes this up: agentrunctl stop\n"
	default:
		return "The running host was told.\n"
	}
}

// elsewhere gives a line if the credentials are not used for new contexts, because another backend was chosen.
func elsewhere(ctx context.Context, dirs paths.Dirs) string {
	_, setting, err := chosenBackend(ctx, dirs)
	if err != nil || setting != "local" && setting != "mock" {
		return ""
	}
	return fmt.Sprintf("New contexts are still made on the backend %s, which was chosen; to have them made in the cloud: agentrunctl backend auto\n", setting)
}
