package sandboxtest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// Programs are pieces of code in one language, each of which does one thing that the suite can check. A program that is nil or
// empty stands for something the backend does not do in that language; all others are needed.
type Programs struct {
	// Print writes a text and a line end to stdout, PrintErr to stderr. They may be joined with line ends between them.
	Print, PrintErr func(text string) string
	// Set gives a variable a number and has no value.
	Set func(name string, number int) string
	// Get has the variable's number as its value, whose Text is the number in decimal. If there is no such variable it fails
	// with the exception named Undefined.
	Get       func(name string) string
	Undefined string
	// Raise fails with the exception named Raised and this message.
	Raise  func(message string) string
	Raised string
	// Broken cannot be parsed.
	Broken string
	// Pad is code of exactly so many bytes, which does nothing.
	Pad func(size int) string
	// Loop prints "started" and a line end and then never ends, but may be interrupted at any time.
	Loop string
	// Deaf is Loop, but ignores interrupts as far as the language lets it.
	Deaf string
	// Flood writes so many bytes, a multiple of 1,024, to stdout.
	Flood func(size int) string
	// Show displays an object that has this representation, Rich has it as its value.
	Show, Rich func(mime string, data []byte) string
	// WriteFile makes a file with this text, PrintFile writes the text of a file to stdout.
	WriteFile func(path, text string) string
	PrintFile func(path string) string
	// GrowFile makes a file of this size.
	GrowFile func(path string, size int64) string
}

// FakePrograms are those of [Fake].
func FakePrograms() map[sandbox.Language]Programs {
	programs := Programs{
		Print:     func(text string) string { return "print " + text },
		PrintErr:  func(text string) string { return "stderr " + text },
		Set:       func(name string, number int) string { return fmt.Sprintf("set %s %d", name, number) },
		Get:       func(name string) string { return "get " + name },
		Undefined: "NameError",
		Raise:     func(message string) string { return "raise ValueError " + message },
		Raised:    "ValueError",
		Broken:    "prnt hello",
		Pad:       func(size int) string { return strings.Repeat("#", size) },
		Loop:      "print started\nloop",
		Deaf:      "ignore\nprint started\nloop",
		Flood:     func(size int) string { return fmt.Sprintf("flood %d", size) },
		Show: func(mime string, data []byte) string {
			return "show " + mime + " " + base64.StdEncoding.EncodeToString(data)
		},
		Rich: func(mime string, data []byte) string {
			return "value " + mime + " " + base64.StdEncoding.EncodeToString(data)
		},
		WriteFile: func(path, text string) string { return "write " + path + " " + text },
		PrintFile: func(path string) string { return "cat " + path },
	}
	return map[sandbox.Language]Programs{sandbox.Python: programs, sandbox.JavaScript: programs}
}

// RealPrograms are those of backends which run Python and JavaScript. What is a matter of the kernel and not of the language
// (displays, and files from JavaScript) is as the kernels of package localengine have it; other backends change it.
func RealPrograms() map[sandbox.Language]Programs {
	return map[sandbox.Language]Programs{sandbox.Python: python(), sandbox.JavaScript: javaScript()}
}

func python() Programs {
	shown := func(mime string, data []byte) string {
		return fmt.Sprintf(`class Shown:
    def __repr__(self): return 'shown'
    def _repr_mimebundle_(self, include=None, exclude=None):
        return {'text/plain': 'shown', %s: %s}
`, quote(mime), quote(base64.StdEncoding.EncodeToString(data)))
	}
	return Programs{
		Print:     func(text string) string { return "print(" + quote(text) + ")" },
		PrintErr:  func(text string) string { return "import sys; print(" + quote(text) + ", file=sys.stderr)" },
		Set:       func(name string, number int) string { return fmt.Sprintf("%s = %d", name, number) },
		Get:       func(name string) string { return name },
		Undefined: "NameError",
		Raise:     func(message string) string { return "raise ValueError(" + quote(message) + ")" },
		Raised:    "ValueError",
		Broken:    "def f(:\n  pass",
		Pad:       func(size int) string { return strings.Repeat("#", size) },
		Loop:      "print('started', flush=True)\nwhile True: pass",
		Deaf: `print('started', flush=True)
while True:
    try:
        while True: pass
    except BaseException:
        pass`,
		Flood: func(size int) string {
			return fmt.Sprintf("for _ in range(%d): print('x' * 1023)", size/1024)
		},
		Show: func(mime string, data []byte) string { return shown(mime, data) + "display(Shown())" },
		Rich: func(mime string, data []byte) string { return shown(mime, data) + "Shown()" },
		WriteFile: func(path, text string) string {
			return fmt.Sprintf("with open(%s, 'w', encoding='utf-8') as f: f.write(%s)", quote(path), quote(text))
		},
		PrintFile: func(path string) string {
			return fmt.Sprintf("print(open(%s, encoding='utf-8').read(), end='')", quote(path))
		},
		GrowFile: func(path string, size int64) string {
			return fmt.Sprintf("with open(%s, 'wb') as f: f.truncate(%d)", quote(path), size)
		},
	}
}

func javaScript() Programs {
	return Programs{
		Print:     func(text string) string { return "console.log(" + quote(text) + ")" },
		PrintErr:  func(text string) string { return "console.error(" + quote(text) + ")" },
		Set:       func(name string, number int) string { return fmt.Sprintf("let %s = %d;", name, number) },
		Get:       func(name string) string { return name },
		Undefined: "ReferenceError",
		Raise:     func(message string) string { return "throw new TypeError(" + quote(message) + ")" },
		Raised:    "TypeError",
		Broken:    "function f( {",
		Pad:       func(size int) string { return "//" + strings.Repeat("-", size-2) },
		Loop:      "console.log('started'); while (true) {}",
		Flood: func(size int) string {
			return fmt.Sprintf("for (let i = 0; i < %d; i++) console.log('x'.repeat(1023))", size/1024)
		},
		Show: func(mime string, data []byte) string {
			return fmt.Sprintf("display({'text/plain': 'shown', %s: %s}, {raw: true});", quote(mime), quote(base64.StdEncoding.EncodeToString(data)))
		},
		Rich: func(mime string, data []byte) string {
			return fmt.Sprintf("({[Symbol.for('Jupyter.display')]() { return {'text/plain': 'shown', %s: %s} }})", quote(mime), quote(base64.StdEncoding.EncodeToString(data)))
		},
		WriteFile: func(path, text string) string {
			return "require('fs').writeFileSync(" + quote(path) + ", " + quote(text) + ")"
		},
		PrintFile: func(path string) string {
			return "process.stdout.write(require('fs').readFileSync(" + quote(path) + ", 'utf8'))"
		},
	}
}

// quote writes a text as a literal that Python and JavaScript read alike.
func quote(text string) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(text); err != nil {
		panic(err) // a string always encodes
	}
	return strings.TrimSuffix(b.String(), "\n")
}
