package cloud

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

const (
	// printedHalf is how much is told of the beginning and of the end of what a command has printed, in bytes.
	printedHalf = 64 << 10
	// maxLog is about how much of each stream of a command is kept in the sandbox, in bytes. Then all but its beginning is thrown
	// away.
	maxLog = 16 << 20
	// maxScript keeps what is sent below the 128 KiB that a system takes as one argument.
	maxScript = 100 << 10
)

// The scripts are for any POSIX shell, and are tried with dash, bash and the emulator's. Of signals they write -s NAME, as dash's
// kill takes no -- after -NAME.

// supervise runs the command $2 in the folder $3 with the shell $4, for at most $5 seconds if that is not 0, and keeps what there is to
// know in the folder $1: out and err, pid of the leader of its process group, exit with its exit code when it has ended. Who puts
// stop there, or something else in place of the folder, ends it, however early that comes. It waits for the command itself and
// not for what that leaves behind, but watches the output of both: of a stream with more than $6 bytes it keeps the beginning in
// out.head or err.head, and notes how much it has thrown away in dropped. The leader writes its pid itself, when there is a group that is
// called by it: a busy sandbox may take a while until then.
const supervise = `d=$1
mkdir -p "$d" && cd "$3" && [ ! -e "$d/stop" ] || exit 125
setsid sh -c '
	echo $$ >"$1/pid.new" && mv "$1/pid.new" "$1/pid" && [ ! -e "$1/stop" ] || kill -s KILL -- -$$
	[ "$2" = 0 ] || exec timeout -k 2 "$2" "$3" -c "$4"
	exec "$3" -c "$4"
' lead "$d" "$5" "$4" "$2" </dev/null >>"$d/out" 2>>"$d/err" &
p=$!
(
	while sleep 2 && { kill -s 0 -- -$p || kill -s 0 $p; }; do
		for f in out err; do
			n=$(wc -c <"$d/$f")
			if [ "$n" -gt "$6" ]; then
				[ -e "$d/$f.head" ] || head -c "$7" "$d/$f" >"$d/$f.head"
				echo $f $n >>"$d/dropped"
				: >"$d/$f"
			fi
		done
	done
) >/dev/null 2>&1 &
wait $p
x=$?
[ $x = 124 ] && kill -s KILL -- -$p 2>/dev/null
echo $x >"$d/exit.new" && mv "$d/exit.new" "$d/exit"
`

// look prints what is known of the command with the folder $d, for readReport. The exit code comes first: when there is one, the
// output is complete. A busy sandbox may take a while from the end of the command until its exit code is written.
var look = `if [ -e "$d/exit" ]; then
	echo ":exit $(cat "$d/exit")"
	[ -e "$d/pid" ] && kill -s 0 -- -$(cat "$d/pid") 2>/dev/null && echo ":left"
elif [ -e "$d/pid" ] && kill -s 0 -- -$(cat "$d/pid") 2>/dev/null; then
	echo ":running"
elif [ -e "$d/pid" ]; then
	` + await("exit", 3*time.Second) + `
	[ -e "$d/exit" ] && echo ":exit $(cat "$d/exit")" || echo ":gone"
else
	echo ":none"
fi
[ -e "$d/dropped" ] && echo ":dropped" && cat "$d/dropped"
for f in out err; do
	if [ -e "$d/$f" ]; then
		echo ":size $f $(wc -c <"$d/$f")"
		echo ":head $f"
		if [ -e "$d/$f.head" ]; then
			base64 <"$d/$f.head"
			echo ":tail $f"
			tail -c "$half" "$d/$f" | base64
		else
			head -c "$half" "$d/$f" | base64
			echo ":tail $f"
			tail -c "+$rest" "$d/$f" | tail -c "$half" | base64
		fi
	fi
done
echo ":end"
`

// await is a line of a script that waits until there is such a file in the folder $d, but no longer than asked.
func await(file string, most time.Duration) string {
	return `n=; until [ -e "$d/` + file + `" ] || [ "$n" = ` + strings.Repeat("x", int(most/(100*time.Millisecond))) + ` ]; do n=x$n; sleep 0.1; done`
}

// quote makes a word of the shell that means this text.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// report is what is known of a command.
type report struct {
	noFolder bool // its working folder is not there; nothing was run
	none     bool // it has not begun
	gone     bool // it has ended, and how is not known
	left     bool // it has ended, and something that it started goes on
	exited   bool
	code     int
	out, err stream
}

// stream is what is known of a stream of a command.
type stream struct {
	head, tail []byte
	size       int64 // without what was thrown away
	dropped    int64
}

var errNoReport = errors.New("the answer to the command breaks off")

// readReport reads what look has printed.
func readReport(text string) (report, error) {
	var (
		r    report
		part *[]byte // what base64 belongs to
	)
	streams := map[string]*stream{"out": &r.out, "err": &r.err}
	whole := false
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		of := streams[fields[len(fields)-1]]
		switch {
		case fields[0] == ":nofolder":
			r.noFolder, whole = true, true
		case fields[0] == ":none":
			r.none = true
		case fields[0] == ":gone":
			r.gone = true
		case fields[0] == ":left":
			r.left = true
		case fields[0] == ":running", fields[0] == ":dropped":
		case fields[0] == ":end":
			whole = true
		case fields[0] == ":exit" && len(fields) == 2:
			code, err := strconv.Atoi(fields[1])
			if err != nil {
				return report{}, fmt.Errorf("read an exit code: %w", err)
			}
			r.exited, r.code = true, code
		case fields[0] == ":size" && len(fields) == 3 && streams[fields[1]] != nil:
			size, err := strconv.ParseInt(fields[2], 10, 64)
			if err != nil {
				return report{}, fmt.Errorf("read the size of an output: %w", err)
			}
			streams[fields[1]].size = size
		case fields[0] == ":head" && of != nil:
			part = &of.head
		case fields[0] == ":tail" && of != nil:
			part = &of.tail
		case len(fields) == 2 && streams[fields[0]] != nil: // dropped
			size, err := strconv.ParseInt(fields[1], 10, 64)
			if err != nil {
				return report{}, fmt.Errorf("read how much was thrown away: %w", err)
			}
			streams[fields[0]].dropped += size
		case len(fields) == 1 && part != nil:
			piece, err := base64.StdEncoding.DecodeString(fields[0])
			if err != nil {
				return report{}, fmt.Errorf("read an output: %w", err)
			}
			*part = append(*part, piece...)
		default:
			return report{}, fmt.Errorf("the answer to the command has a line %q", fields[0])
		}
	}
	if !whole {
		return report{}, errNoReport
	}
	return r, nil
}

// over reports whether the command has ended.
func (r report) over() bool { return r.exited || r.gone }

// printed puts the pieces of the streams together.
func (r report) printed() sandbox.Printed {
	var p sandbox.Printed
	p.Stdout, p.Cut.Stdout, p.CutAt.Stdout = r.out.text()
	p.Stderr, p.Cut.Stderr, p.CutAt.Stderr = r.err.text()
	return p
}

// text joins both ends of a stream and says how much is missing where. No character is cut in two.
func (s stream) text() (text string, cut int64, at int) {
	head, tail := s.head, s.tail
	if missing := s.dropped + s.size - int64(len(head)+len(tail)); missing > 0 {
		for n := 1; n < utf8.UTFMax && n <= len(head); n++ {
			if last := head[len(head)-n:]; utf8.RuneStart(last[0]) {
				if !utf8.FullRune(last) {
					head = head[:len(head)-n]
				}
				break
			}
		}
		for n := 0; n < utf8.UTFMax && len(tail) > 0 && !utf8.RuneStart(tail[0]); n++ {
			tail = tail[1:]
		}
		cut = s.dropped + s.size - int64(len(head)+len(tail))
		first := clean(head)
		return first + clean(tail), cut, len(first)
	}
	text = clean(bytes.Join([][]byte{head, tail}, nil))
	return text, 0, len(text)
}

// clean makes text of what a program has printed.
func clean(printed []byte) string { return strings.ToValidUTF8(string(printed), "\uFFFD") }

// inWholeSeconds is a time as timeout(1) takes it everywhere, rounded up.
func inWholeSeconds(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10)
}
