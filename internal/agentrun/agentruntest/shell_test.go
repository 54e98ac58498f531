package agentruntest_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun"
	"github.com/agentrun-tray/agentrun-tray/internal/agentrun/agentruntest"
)

func TestCommands(t *testing.T) {
	s := start(t, agentruntest.Options{})
	c := clientOf(t, s, nil)
	id := open(t, c)
	for name, content := range map[string]string{"hello.txt": "hello\n", "dir/a.txt": "a", "args.py": "import sys, os\nprint(sys.argv, os.environ.get('K'))\nopen('made.txt', 'w').write('made')\nsys.exit(7)"} {
		if _, err := c.WriteFile(t.Context(), id, "/home/user/"+name, content); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		command        string
		code           int
		stdout, stderr string // stderr: a part
	}{
		{"echo hello world", 0, "hello world\n", ""},
		{`echo -n "a  b" 'c $HOME' $HOME \$x "\"q\""`, 0, `a  b c $HOME /home/user $x "q"`, ""},
		{"true && echo yes || echo no", 0, "yes\n", ""},
		{"false && echo yes || echo no", 0, "no\n", ""},
		{"false; echo $?", 0, "1\n", ""},
		{"false", 1, "", ""},
		{"exit 3; echo never", 3, "", ""},
		{"pwd; cd dir && pwd && ls", 0, "/home/user\n/home/user/dir\na.txt\n", ""},
		{"cat hello.txt dir/a.txt", 0, "hello\na", ""},
		{"cat < hello.txt", 0, "hello\n", ""},
		{"cat nothing.txt", 1, "", "No such file or directory"},
		{"ls -la dir", 0, "-rw-r--r-- 1 user user 1 " + time.Now().UTC().Format("Jan _2") + " ", ""},
		{"mkdir -p x/y && echo 1 > x/y/f && echo 2 >> x/y/f && cat x/y/f && rm -r x && test -d x || echo gone", 0, "1\n2\ngone\n", ""},
		{"rm nothing", 1, "", "No such file"},
		{"rm -rf nothing", 0, "", ""},
		{"cp hello.txt b.txt && mv b.txt dir && ls dir", 0, "a.txt\nb.txt\n", ""},
		{"A=1; B=$A$A; echo ${B} $A", 0, "11 1\n", ""},
		{"[ -f hello.txt ] && [ x = x ] && ! true", 1, "", ""},
		{"[ -f hello.txt ] && test a != b && echo both", 0, "both\n", ""},
		{"echo out; echo err >&2", 0, "out\n", "err"},
		{"cat nothing 2> e.txt; cat e.txt", 0, "cat: nothing: No such file or directory\n", ""},
		{"cat nothing > e.txt 2>&1; cat e.txt", 0, "cat: nothing: No such file or directory\n", ""},
		{"cat nothing 2>/dev/null", 1, "", ""},
		{"# only a comment\necho on # the next line", 0, "on\n", ""},
		{"frobnicate", 127, "", "frobnicate: command not found"},
		{"python3 -c 'print(6 * 7)'", 0, "42\n", ""},
		{"K=v python3 args.py one 'two three'", 7, "['args.py', 'one', 'two three'] v\n", ""},
		{"cat made.txt", 0, "made", ""},
		{"python3 -c '1/0'", 1, "", "ZeroDivisionError"},
		{"python3 -c 'import sys; sys.exit(\"sorry\")'", 1, "", "sorry"},
		{"python3 -c 'import sys; sys.exit()'", 0, "", ""},
		{"node -e 'process.exit(4)'", 4, "", ""},
		{"node -e 'null.x'", 1, "", "TypeError"},
		{"python3 nothing.py", 2, "", "can't open file"},
		{"node -e \"console.log([1,2].length, process.argv.length)\"", 0, "2 2\n", ""},
		{"timeout 0.2 sleep 20; echo $?", 0, "124\n", ""},
		{"timeout 0.2 python3 -c 'while True: pass'", 124, "", ""},
		{"timeout 10 echo quick", 0, "quick\n", ""},
		{"echo a | cat", 0, "a\n", ""},
		{"echo a | cat; false | true; echo $?; true | false", 1, "a\n0\n", ""},
		{"printf 'a\\nb\\nc\\n' | tail -n 2 | head -n 1", 0, "b\n", ""},
		{"printf 'abcdef' | tail -c +3 | head -c 2; echo abc | wc -c; echo abc | base64", 0, "cd4\nYWJjCg==\n", ""},
		{"python3 -c 'while True: print(1)' | head -n 0; python3 -c 'print(\"x\" * 1000)' | wc -c", 0, "1001\n", ""},
		{"ls *.txt", 2, "", "patterns"},
		{"echo $(cd dir; pwd) \"$(echo 'a  b')\" $(echo 'a  b')", 0, "/home/user/dir a  b a b\n", ""},
		{"x=$(false); echo $? $x; x=$(echo y); echo $? $x; false; x=$?; echo $x", 0, "1\n0 y\n1\n", ""},
		{"for x in a 'b c' $(echo d e); do echo $x; done", 0, "a\nb c\nd\ne\n", ""},
		{"if [ 1 -gt 2 ]; then echo more; elif false; then echo no; else echo less; fi", 0, "less\n", ""},
		{"x=; while [ \"$x\" != aaa ]; do x=a$x; done; echo $x; until true; do echo never; done; echo $?", 0, "aaa\n0\n", ""},
		{"(cd dir; x=1; pwd); pwd; echo \"[$x]\"; { x=2; }; echo $x", 0, "/home/user/dir\n/home/user\n[]\n2\n", ""},
		{"(echo a; echo b >&2; exit 3) > g.txt 2>&1; echo $?; cat g.txt", 0, "3\na\nb\n", ""},
		{"sh -c 'echo $0 $1 $#; exit 4' name 'a b'; echo $?; echo 'echo in $1' > s.sh; bash s.sh x", 0, "name a b 1\n4\nin x\n", ""},
		{"sh -c 'echo \"it'\\''s\"'", 0, "it's\n", ""},
		{"sh -c 'exec sh -c \"exit 3\"; echo never'; echo $?", 0, "3\n", ""},
		{"command -v bash && command -v frobnicate || echo none", 0, "/usr/bin/bash\nnone\n", ""},
		{"sh -c 'exit 5' & wait $!; echo $?", 0, "5\n", ""},
		{"setsid sh -c 'sleep 100 & sleep 100' & p=$!; until kill -0 -- -$p 2>/dev/null; do sleep 0.1; done; kill -KILL -- -$p; wait $p; echo $?; kill -0 -- -$p || echo gone", 0, "137\ngone\n", "No such process"},
		{"timeout 2 sh -c 'sleep 100 & echo $! > child; sleep 100'; echo $?; kill -0 $(cat child) 2>/dev/null || echo gone", 0, "124\ngone\n", ""},
		{"timeout -k 1 0.2 sleep 100; echo $?", 0, "124\n", ""},
		{"sleep 100 & kill $!; wait $!; echo $?", 0, "143\n", ""},
		{"[ ! -e nothing ] && [ ! -e hello.txt ] || echo one", 0, "one\n", ""},
		{"case x in x) echo x;; esac", 2, "", "control structures"},
		{"echo $((1+1))", 2, "", "arithmetic"},
		{"echo a | | cat", 2, "", "no command where one should be"},
		{"(echo a", 2, "", "not closed"},
		{"while true; do echo a", 2, "", "no done"},
		{"cat <<EOF\nx\nEOF", 2, "", "here-documents"},
		{"echo 'open", 2, "", "not closed"},
		{"echo x > /etc/passwd", 1, "", "no files outside"},
		{"kill 99999", 1, "", "No such process"},
		{"kill -0 $$ && echo alive", 0, "alive\n", ""},
		{"sleep 0.1 & wait; echo done", 0, "done\n", ""},
	}
	for _, test := range tests {
		t.Run(test.command, func(t *testing.T) {
			done := command(t, c, id, test.command)
			r := done.Result
			if int(r.ExitCode) != test.code || done.Status != "completed" || r.Cwd != agentrun.HomeFolder {
				t.Errorf("it ended with %+v, want the exit code %d", done, test.code)
			}
			if beginning := strings.HasPrefix(test.command, "ls -la"); r.Stdout != test.stdout && (!beginning || !strings.HasPrefix(r.Stdout, test.stdout)) {
				t.Errorf("it printed %q, want %q", r.Stdout, test.stdout)
			}
			if !strings.Contains(r.Stderr, test.stderr) || test.stderr == "" && r.Stderr != "" {
				t.Errorf("it complained %q, want %q", r.Stderr, test.stderr)
			}
		})
	}
}

// TestABackgroundProcess is how work that takes longer than a run may is done.
func TestABackgroundProcess(t *testing.T) {
	s := start(t, agentruntest.Options{})
	c := clientOf(t, s, nil)
	id := open(t, c)
	code := "import time\nprint('begun', flush=True)\ntime.sleep(1)\nopen('result.txt', 'w').write('42')\nprint('ended')"
	if _, err := c.WriteFile(t.Context(), id, "/home/user/long.py", code); err != nil {
		t.Fatal(err)
	}
	began := command(t, c, id, "nohup python3 -u long.py > out.log 2>&1 & echo $!")
	pid := strings.TrimSpace(began.Result.Stdout)
	if !began.OK() || pid == "" {
		t.Fatalf("it began as %+v", began)
	}
	if found, err := c.ListProcesses(t.Context(), id); err != nil || len(found) != 0 {
		t.Errorf("ListProcesses = %+v, %v, want nothing that was started by other means", found, err)
	}
	if !command(t, c, id, "kill -0 "+pid).OK() {
		t.Error("it is not there")
	}
	for range 600 { // as its user has to
		if !command(t, c, id, "kill -0 "+pid+" 2>/dev/null || exit 1; sleep 0.1").OK() {
			break
		}
	}
	if r := command(t, c, id, "cat out.log result.txt"); r.Result.Stdout != "begun\nended\n42" {
		t.Errorf("it left %q, %q", r.Result.Stdout, r.Result.Stderr)
	}
	endless := strings.TrimSpace(command(t, c, id, "sleep 1000 & echo $!").Result.Stdout)
	if r := command(t, c, id, "kill "+endless+"; kill -0 "+endless); r.Result.ExitCode != 1 {
		t.Errorf("after kill the process gives %+v, want it gone", r)
	}
}

func TestTheGatewayHasNoPatience(t *testing.T) {
	s := start(t, agentruntest.Options{GatewayLimit: 3 * time.Second})
	c := clientOf(t, s, nil)
	id := open(t, c)
	_, err := c.RunCommand(t.Context(), id, agentrun.CommandSpec{Command: "sleep 5; echo done > done.txt", Timeout: time.Second})
	if agentrun.KindOf(err) != agentrun.KindGatewayTimeout {
		t.Fatalf("RunCommand = %v, want %s", err, agentrun.KindGatewayTimeout)
	}
	for range 600 {
		if file, err := c.ReadFile(t.Context(), id, "/home/user/done.txt"); err == nil && file.Content == "done\n" {
			return
		}
		_, err := c.RunCommand(t.Context(), id, agentrun.CommandSpec{Command: "sleep 0.1"})
		if err != nil && agentrun.KindOf(err) != agentrun.KindGatewayTimeout {
			t.Fatal(err)
		}
	}
	t.Error("the command did not go on")
}

func TestProcessesOfTheService(t *testing.T) {
	for _, shape := range []agentruntest.Shape{{}, {NumbersAsText: true}} {
		s := start(t, agentruntest.Options{Shape: shape})
		c := clientOf(t, s, nil)
		id := open(t, c)
		ended := make(chan agentrun.Command, 1)
		go func() {
			done, err := c.RunCommand(context.WithoutCancel(t.Context()), id, agentrun.CommandSpec{Command: "touch begun.txt; sleep 20"})
			if err != nil {
				t.Errorf("RunCommand = %v", err)
			}
			ended <- done
		}()
		await(t, s, "RunCommand", 1)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for {
			found, err := c.ListProcesses(ctx, id)
			if err != nil {
				t.Fatal(err)
			}
			if len(found) == 0 {
				continue // it has come, and is about to begin
			}
			p := found[0]
			if p.Status != "running" || !strings.Contains(p.Command, "sleep 20") {
				t.Errorf("the process is %+v", p)
			}
			if one, err := c.GetProcess(t.Context(), id, p.ID); err != nil || one.ID != p.ID || one.Cwd != agentrun.HomeFolder || one.Usage == nil {
				t.Errorf("GetProcess = %+v, %v", one, err)
			}
			if killed, err := c.KillProcess(t.Context(), id, p.ID); err != nil || !killed.Stopped || killed.ID != p.ID {
				t.Errorf("KillProcess = %+v, %v", killed, err)
			}
			if _, err := c.GetProcess(t.Context(), id, p.ID); agentrun.KindOf(err) != agentrun.KindProcessNotFound {
				t.Errorf("GetProcess afterwards = %v, want %s", err, agentrun.KindProcessNotFound)
			}
			break
		}
		if done := <-ended; done.OK() || done.Result.ExitCode != 143 {
			t.Errorf("the command ended as %+v, want it terminated", done)
		}
	}
}
