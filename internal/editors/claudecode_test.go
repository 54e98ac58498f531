package editors

import "testing"

// TestWordsForTheCommandInterpreterOfWindows: a home folder may be called Tom&Jerry, and Jerry is no command.
func TestWordsForTheCommandInterpreterOfWindows(t *testing.T) {
	for _, tc := range []struct {
		program, command string
		want             bool
	}{
		{`C:\Users\u\AppData\Roaming\npm\claude.CMD`, `C:\Users\Tom&Jerry\agentrun-mcp.exe`, true},
		{`C:\Users\u\AppData\Roaming\npm\claude.cmd`, `C:\Users\100%\agentrun-mcp.exe`, true},
		{`C:\Users\u\AppData\Roaming\npm\claude.cmd`, `C:\Users\Tom\agentrun-mcp.exe`, false},
		{`C:\Users\u\.local\bin\claude.exe`, `C:\Users\Tom&Jerry\agentrun-mcp.exe`, false},
		{"/home/u/.local/bin/claude", "/home/Tom&Jerry/agentrun-mcp", false},
	} {
		if got := rereads(tc.program, claudeCLI.add(typedStdio(tc.command).Line())); got != tc.want {
			t.Errorf("%s with %s: rereads = %v, want %v", tc.program, tc.command, got, tc.want)
		}
	}
}
