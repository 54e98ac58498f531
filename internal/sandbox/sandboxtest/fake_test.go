package sandboxtest_test

import (
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox/sandboxtest"
)

func harness(opt sandboxtest.FakeOptions) func(*testing.T) sandboxtest.Harness {
	return func(*testing.T) sandboxtest.Harness {
		fake := sandboxtest.NewFake(opt)
		return sandboxtest.Harness{
			Backend: fake, Live: fake.LiveSessions, Programs: sandboxtest.FakePrograms(), Lose: func(id string) { fake.KillSession(id) },
		}
	}
}

func TestFakeKeepsTheContract(t *testing.T) {
	sandboxtest.RunInBubble(t, harness(sandboxtest.FakeOptions{}))
}

func TestFakeWithAShellKeepsTheContract(t *testing.T) {
	sandboxtest.RunInBubble(t, func(t *testing.T) sandboxtest.Harness {
		h := harness(sandboxtest.FakeOptions{Traits: func(traits *sandbox.Traits) { traits.Shell, traits.MaxCommandTime = true, time.Minute }})(t)
		h.Commands = sandboxtest.FakeCommands()
		return h
	})
}

func TestFakeKeepsTheContractOutsideABubble(t *testing.T) {
	sandboxtest.Run(t, func(t *testing.T) sandboxtest.Harness {
		h := harness(sandboxtest.FakeOptions{})(t)
		h.Brief = 200 * time.Millisecond
		return h
	})
}

func TestFakeKeepsTheContractWithFewerAbilities(t *testing.T) {
	sandboxtest.RunInBubble(t, harness(sandboxtest.FakeOptions{Traits: func(traits *sandbox.Traits) {
		traits.Languages = []sandbox.Language{sandbox.JavaScript}
		traits.KeepsStateOnInterrupt, traits.Streams, traits.SharesFiles = false, false, true
		traits.MaxContexts = 4
	}}))
}
