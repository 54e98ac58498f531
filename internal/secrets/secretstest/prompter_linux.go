package secretstest

import (
	"sync"

	"github.com/godbus/dbus/v5"
)

// Prompter stands for somebody whom the keyring asks for its password, and who sends the question away each time.
type Prompter struct {
	conn   *dbus.Conn
	asked  chan struct{}
	saying sync.WaitGroup
}

// How a keyring asks: it wants a window, and says whom to tell what came of it.
const (
	prompterName      = "org.gnome.keyring.SystemPrompter"
	prompterPath      = "/org/gnome/keyring/Prompter"
	prompterInterface = "org.gnome.keyring.internal.Prompter"
	prompterCallback  = "org.gnome.keyring.internal.Prompter.Callback"
)

// Dismissing has somebody at the bus who does not open the keyring.
func (b *Bus) Dismissing() *Prompter {
	b.t.Helper()
	conn, err := dbus.Connect(b.address)
	if err != nil {
		b.t.Fatalf("connect to the bus: %v", err)
	}
	p := &Prompter{conn: conn, asked: make(chan struct{}, 100)}
	b.t.Cleanup(func() {
		p.saying.Wait()
		_ = conn.Close()
	})
	if err := conn.Export(p, prompterPath, prompterInterface); err != nil {
		b.t.Fatalf("play a prompter: %v", err)
	}
	if reply, err := conn.RequestName(prompterName, dbus.NameFlagDoNotQueue); err != nil || reply != dbus.RequestNameReplyPrimaryOwner {
		b.t.Fatalf("play a prompter: %v, %v", reply, err)
	}
	return p
}

// BeginPrompting is called over the bus by who wants to ask.
func (p *Prompter) BeginPrompting(sender dbus.Sender, callback dbus.ObjectPath) *dbus.Error {
	p.asked <- struct{}{}
	p.ready(sender, callback, "")
	return nil
}

// PerformPrompt is called over the bus with the question itself.
func (p *Prompter) PerformPrompt(sender dbus.Sender, callback dbus.ObjectPath, _ string, _ map[string]dbus.Variant, _ string) *dbus.Error {
	p.ready(sender, callback, "no")
	return nil
}

// ready says what somebody has answered, and that the next question can come. The keyring takes that only after the answer to its own
// call, which is sent when this returns and so is there before the one to a call of ours.
func (p *Prompter) ready(sender dbus.Sender, callback dbus.ObjectPath, answer string) {
	p.saying.Go(func() {
		_ = p.conn.BusObject().Call("org.freedesktop.DBus.Peer.Ping", 0).Err // the bus is there, or there is nobody to tell
		p.conn.Object(string(sender), callback).Go(prompterCallback+".PromptReady", dbus.FlagNoReplyExpected, nil, answer, map[string]dbus.Variant{}, "")
	})
}

// StopPrompting is called over the bus by who does not want to ask any more.
func (p *Prompter) StopPrompting(sender dbus.Sender, callback dbus.ObjectPath) *dbus.Error {
	p.conn.Object(string(sender), callback).Go(prompterCallback+".PromptDone", dbus.FlagNoReplyExpected, nil)
	return nil
}

// Asked is how often somebody was asked since the last time.
func (p *Prompter) Asked() int {
	n := len(p.asked)
	for range n {
		<-p.asked
	}
	return n
}
