package app_test

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun"
	"github.com/agentrun-tray/agentrun-tray/internal/agentrun/agentruntest"
	"github.com/agentrun-tray/agentrun-tray/internal/app"
	"github.com/agentrun-tray/agentrun-tray/internal/cost"
)

// callTool calls a tool of the host by its socket and returns the result's object.
func callTool(t *testing.T, opt app.Options, tool, arguments string) map[string]any {
	t.Helper()
	got := send(t, opt.Dirs, http.MethodPost, "/mcp", "", fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":%q,"arguments":%s,"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"t","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}}}`, tool, arguments))
	text := got.body
	if at := strings.Index(text, "{"); at > 0 { // an event stream
		text, _, _ = strings.Cut(text[at:], "\n")
	}
	var answer struct {
		Result struct {
			StructuredContent map[string]any `json:"structuredContent"`
		}
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil || answer.Result.StructuredContent == nil {
		t.Fatalf("%s = %d %q", tool, got.code, got.body)
	}
	return answer.Result.StructuredContent
}

// TestWhatIsSpentIsWhatWasUsed has a template of another size than ours, and a process that works while nobody calls.
func TestWhatIsSpentIsWhatWasUsed(t *testing.T) {
	service, opt := cloud(t)
	opt.Config.Pool.Warm = 1
	endpoint, err := agentrun.ParseEndpoint(service.URL)
	if err != nil {
		t.Fatal(err)
	}
	console, err := agentrun.New(agentrun.Config{
		Credentials: agentrun.Static(agentrun.Credentials{AccessKeyID: agentruntest.AccessKeyID, AccessKeySecret: agentruntest.AccessKeySecret}),
		AccountID:   agentruntest.AccountID, Region: agentruntest.Region, ControlEndpoint: endpoint, DataEndpoint: endpoint,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer console.Close()
	if _, err := console.CreateTemplate(t.Context(), agentrun.TemplateSpec{
		Name: "agentrun-tray", Type: agentrun.CodeInterpreter, CPU: 4, Memory: 8192, DiskSize: 10240, Network: &agentrun.Network{Mode: agentrun.NetworkPublic},
	}); err != nil {
		t.Fatal(err)
	}
	before := len(service.Requests())

	h := start(t, opt)
	h.wait(t, "the pool", ready)
	started := callTool(t, opt, "run_command", `{"command":"sleep 10000","background":true}`)
	began := time.Now()
	looked := callTool(t, opt, "get_process", fmt.Sprintf(`{"process_id":%q,"wait_seconds":1}`, started["process_id"]))
	worked := time.Since(began)
	if looked["status"] != "running" {
		t.Fatalf("get_process = %v", looked)
	}
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	calls := len(service.Requests()) - before

	meter := cost.New(cost.Options{Folder: opt.Dirs.Data})
	if err := meter.Load(time.Now()); err != nil {
		t.Fatal(err)
	}
	spent := meter.Totals(time.Now()).Month
	if given := spent.Calls - int64(calls); given != 0 && given != 1 { // the last look may be given up with the wait: it left, and did not arrive whole
		t.Errorf("%d calls were counted of %d", spent.Calls, calls)
	}
	if spent.Busy < worked/2 || spent.Busy > spent.Sandboxes { // the beginning may be seen a moment late
		t.Errorf("sandboxes lived for %s and were busy for %s of that, want about the %s that a process ran", spent.Sandboxes, spent.Busy, worked)
	}
	prices := cost.ListPrices
	want := prices.CNY * (spent.Sandboxes.Seconds()*(8*prices.MemorySecond+10*prices.DiskSecond) + spent.Busy.Seconds()*4*prices.CPUSecond + float64(spent.Calls)/10_000*prices.TenThousand)
	if math.Abs(spent.CNY-want) > want/100 {
		t.Errorf("%+v was reckoned for machines of 4 cores, 8 GB and 10 GB, want %.6f CNY", spent, want)
	}
}
