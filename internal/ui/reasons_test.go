package ui

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun"
	"github.com/agentrun-tray/agentrun-tray/internal/config"
	"github.com/agentrun-tray/agentrun-tray/internal/reason"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
	"github.com/agentrun-tray/agentrun-tray/internal/secrets"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
	"github.com/agentrun-tray/agentrun-tray/internal/tokens"
	"github.com/agentrun-tray/agentrun-tray/internal/ui/words"
)

func TestErrorsSpeakTheLanguageOfTheWindow(t *testing.T) {
	_, refused := config.Default().With("pool.warm", 1000)
	cloud := func(kind agentrun.Kind) error {
		return &sandbox.Error{Code: sandbox.CodeCredentialsRejected, Message: "could not use the account: no (request REQ-1)", Err: &agentrun.APIError{Kind: kind, Message: "said", Host: "fc.example.com"}}
	}
	for _, tc := range []struct {
		name    string
		err     error
		en, zh  string
		unknown bool
	}{
		{name: "a wrong secret", err: cloud(agentrun.KindSignatureRejected), en: "The access key secret is wrong, or", zh: "AccessKey Secret 不正确"},
		{name: "no network", err: cloud(agentrun.KindUnreachable), en: "There is no connection to fc.example.com.", zh: "无法连接 fc.example.com。"},
		{name: "a locked keychain", err: fmt.Errorf("keep: %w", &secrets.KeychainError{State: secrets.Locked, Why: "locked"}), en: "The keychain is locked.", zh: "系统钥匙串已锁定。"},
		{name: "no credentials", err: secrets.ErrNone, en: "There are no AgentRun credentials.", zh: "还没有 AgentRun 凭证。"},
		{name: "credentials that cannot be right", err: secrets.Credentials{AccessKeyID: "a b", AccessKeySecret: secrets.NewValue("x"), AccountID: "1"}.Check(), en: "access_key_id", zh: "凭证中有不正确的内容：access_key_id。"},
		{name: "a value out of bounds", err: refused, en: "The setting pool.warm cannot be that: 1000 is not between 0 and 100.", zh: "设置项 pool.warm 不能用这个值（1000 is not between 0 and 100）。"},
		{name: "a settings file that is broken", err: fmt.Errorf("change the setting x: %w", fmt.Errorf("settings.json %w", config.ErrNotJSON)), en: "settings.json is not valid JSON.", zh: "文件不是有效的 JSON"},
		{name: "a token's name", err: fmt.Errorf("%q %w", "a b", tokens.ErrName), en: "Use 1 to 64 letters", zh: "请用 1 到 64 个字母"},
		{name: "a full disk", err: fmt.Errorf("write: %w", &fs.PathError{Op: "write", Path: "/x", Err: syscall.ENOSPC}), en: "The disk is full.", zh: "磁盘已满"},
		{name: "no permission", err: fmt.Errorf("write: %w", &fs.PathError{Op: "open", Path: "/x", Err: syscall.EACCES}), en: "The file system does not allow it: ", zh: "文件系统不允许此操作"},
		{name: "a code of the tool contract", err: sandbox.Errorf(sandbox.CodeQuotaExceeded, "there are 100 contexts already; stop one"), en: "There are 100 contexts already; stop one.", zh: "已达到数量上限（there are 100 contexts already; stop one）。"},
		{name: "a paused pool", err: sandbox.Errorf(sandbox.CodeServerNotReady, "%w", reason.New(reason.Paused, status.Args{}, "it was paused")), en: "The pool is paused.", zh: "已暂停"},
		{name: "an editor's settings", err: reason.New(reason.EditorUnreadable, status.Args{Detail: "line 3"}, "line 3"), en: "Its settings file cannot be read, so it was left alone.", zh: "无法读取其设置文件，因此没有改动"},
		{name: "no patience", err: context.DeadlineExceeded, en: "It took too long.", zh: "耗时过长"},
		{name: "something nobody knows", err: errors.New("it broke"), en: "It broke.", zh: "It broke.", unknown: true},
	} {
		for tag, want := range map[string]string{words.English: tc.en, words.Chinese: tc.zh} {
			got := sentence(words.In(tag), tc.err)
			if !strings.Contains(got, want) {
				t.Errorf("%s: %s is %q, want %q in it", tag, tc.name, got, want)
			}
			if tag == words.Chinese && !tc.unknown && speaksEnglish(got) {
				t.Errorf("%s is English in Chinese: %q", tc.name, got)
			}
		}
	}
}

var (
	inBrackets = regexp.MustCompile(`（[^）]*）`)
	threeWords = regexp.MustCompile(`[a-z]+ [a-z]+ [a-z]+`)
)

func outsideBrackets(text string) string { return inBrackets.ReplaceAllString(text, "") }

// speaksEnglish reports whether a text has an English sentence in it; what stands in brackets is a detail for who wants to know more.
func speaksEnglish(text string) bool { return threeWords.MatchString(outsideBrackets(text)) }

func TestProblemsSpeakTheLanguageOfTheWindow(t *testing.T) {
	d := &desk{Words: words.In(words.Chinese)}
	for _, tc := range []struct {
		problem   status.Problem
		what, why string
	}{
		{
			status.Problem{Code: status.NoSandbox, What: "No.", Why: "because of something", Todo: "Wait for it now.", Reason: "cloud-quota", Args: status.Args{Backend: "local"}},
			"目前无法创建沙箱。", "该账号的 AgentRun 实例配额已用尽。请结束不需要的沙箱，或在阿里云配额中心提高配额。会自动重试。期间新的上下文在本机创建。",
		},
		{ // what is tried again by itself is nothing to be told to do
			status.Problem{Code: status.Unreachable, What: "No.", Reason: "cloud-unavailable", Args: status.Args{Backend: "local"}},
			"本应就绪的沙箱目前无法访问。", "AgentRun 暂时不可用。每分钟以及每次调用失败时都会再试一次；恢复后照常继续。期间新的上下文在本机创建。",
		},
		{
			status.Problem{Code: status.Credentials, What: "There are none here.", Todo: "Log in with it.", Reason: string(reason.NoCredentials)},
			"代码应在 AgentRun 云端运行，但还没有密钥。", "还没有 AgentRun 凭证。请在设置中更正，或改为在本机运行代码。",
		},
		{
			status.Problem{Code: status.PortTaken, What: "It is taken now.", Args: status.Args{Port: "7411", Address: "127.0.0.1:8000"}},
			"端口 7411 已被占用，改用 127.0.0.1:8000。", "通过网址连接的编辑器需要新地址。要固定下来，请在设置中换一个端口。",
		},
		{
			status.Problem{Code: status.Settings, What: "It is bad.", Reason: string(reason.SettingDefault), Args: status.Args{Setting: "pool.warm", Detail: "-1 is bad, so 3 is used"}},
			"设置项“保持就绪的会话”无法使用。", "文件中的值没有采用（-1 is bad, so 3 is used）。请在设置中更正。",
		},
		{ // a host that does not say what the sentence names
			status.Problem{Code: status.LeftBehind, What: "Some may run."},
			"Some may run.", "它们会在启动后六小时内自行结束。",
		},
	} {
		what, why := d.problem(tc.problem)
		if what != tc.what || why != tc.why {
			t.Errorf("%+v is\n%q, %q, want\n%q, %q", tc.problem, what, why, tc.what, tc.why)
		}
	}
}
