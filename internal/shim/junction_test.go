package shim

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// TestJunction reads the buffer back as NTFS does.
func TestJunction(t *testing.T) {
	const target = `C:\Users\Jané Doe\AppData\Local\Programs\AgentRun Tray`
	b := junction(target)
	u16 := func(at int) int { return int(binary.LittleEndian.Uint16(b[at:])) }
	if tag := binary.LittleEndian.Uint32(b); tag != 0xA0000003 {
		t.Errorf("tag = %#x, want that of a mount point", tag)
	}
	if u16(4) != len(b)-8 {
		t.Errorf("the data has %d bytes, and says %d", len(b)-8, u16(4))
	}
	name := func(offset, length int) string {
		var text []rune
		for n := 0; n < length; n += 2 {
			text = append(text, rune(u16(16+offset+n)))
		}
		return string(text)
	}
	if got := name(u16(8), u16(10)); got != `\??\`+target {
		t.Errorf("the name for the system is %q", got)
	}
	if got := name(u16(12), u16(14)); got != target {
		t.Errorf("the name for people is %q", got)
	}
	if !bytes.HasSuffix(b, []byte{'y', 0, 0, 0}) || u16(16+u16(8)+u16(10)) != 0 {
		t.Error("the names do not end with a zero")
	}
}
