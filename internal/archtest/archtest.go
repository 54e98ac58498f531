// Package archtest holds the table of floors: which package of ours may import which. Imports go down a floor, never sideways
// or up, so that a mechanism knows nothing of the product and a face holds no logic. The test of this package reads the
// import lines of the whole tree; a new package adds its line to the table.
package archtest

// floors maps each package, by its path below internal (cmd programs by their path below the module), to its floor. A package
// may import packages of lower floors and those inside its own folder. Packages that are not listed are refused.
var floors = map[string]int{
	// words and small tools: the standard library only
	"sandbox":    0,
	"filelock":   0,
	"paths":      0,
	"phrase":     0,
	"atomicfile": 0,
	"version":    0,
	"assets":     0,

	// mechanisms: nothing of ours above floor 0, so that each could leave as its own library
	"agentrun":                   1,
	"localengine":                1,
	"localengine/guest":          1,
	"localengine/guest/manifest": 1,
	"pool":                       1,
	"secrets":                    1,
	"shim":                       1,
	"corefile":                   1,
	"sandbox/memfiles":           1,
	"carry":                      1,
	"status":                     1,
	"autostart":                  1,
	"activity":                   1,
	"logging":                    1,
	"link":                       1,
	"ledger":                     1,
	"cost":                       1,
	"figures":                    1,
	"editors/configedit":         1, // text edits of settings files, whosever
	"ui/kit":                     1, // widgets without a word of the product
	"ui/words":                   1,

	// adaptors and the places where things are kept
	// the emulator of the cloud's service: it runs code on localengine. Besides tests only a command imports it.
	"agentrun/agentruntest": 2,
	"backend/cloud":         2,
	"backend/local":         2,
	"backend/mock":          2,
	"config":                2,
	"editors":               2,
	"tokens":                2,
	"instance":              2,

	"control":        3,
	"reason":         3, // why something failed, in a form for every language
	"interpreter":    3,
	"bridge":         3,
	"editors/doctor": 3,

	"mcpserver":        4,
	"notebook":         4,
	"editors/computer": 4,

	"app": 5,
	"ui":  5,

	"desktop": 6, // joins the core with the window

	"cmd/agentrun-mcp":  7,
	"cmd/agentrunctl":   7,
	"cmd/agentrun-tray": 7,
}

// lone lists packages which import nothing of ours outside their own folder, whatever their floor would allow.
var lone = []string{"agentrun", "localengine", "localengine/guest", "localengine/guest/manifest", "pool", "logging", "status", "link", "editors/configedit"}

// helpers are packages that only tests and builds import: they may use what they need to, and nothing else may use them.
var helpers = []string{
	"archtest",
	"bench",
	"editors/clients",
	"e2e",
	"sandbox/sandboxtest",
	"secrets/secretstest",
	"suites",
	"localengine/guest/tick",
	"localengine/guest/manifest/cmd",
	"packaging/mcpb",
}

// outside says which packages alone may import a library (by the beginning of its path).
var outside = map[string][]string{
	"github.com/mark3labs/mcp-go":            {"mcpserver"},
	"github.com/tetratelabs/wazero":          {"localengine"},
	"github.com/zalando/go-keyring":          {"secrets"},
	"fyne.io":                                {"ui", "cmd/agentrun-tray"},
	"fyne.io/fyne/v2/app":                    {"cmd/agentrun-tray"}, // brings cgo and a display
	"github.com/srwiley/rasterx":             {"ui/kit"},
	"golang.org/x/image":                     {"ui/kit"},
	"github.com/modelcontextprotocol/go-sdk": {}, // a peer for tests
	"github.com/jackc/puddle":                {}, // a peer for benchmarks
	"github.com/klauspost/compress":          {"localengine/guest"},
	"golang.org/x/sys":                       {"localengine", "autostart", "bridge", "paths", "corefile"},
	"golang.org/x/term":                      {"cmd/agentrunctl"},
	"github.com/tailscale/hujson":            {"editors/configedit", "config"},
	"github.com/pelletier/go-toml":           {"editors/configedit"},
	"go.yaml.in/yaml":                        {"editors/configedit"},
}
