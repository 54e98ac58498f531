package agentruntest

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/localengine"
)

// operation is a call of the service.
type operation struct {
	name string
	do   func(x *exchange) answer
}

// row of a table of operations: in the pattern, {} is a name.
type row struct {
	method, pattern string
	operation
}

var controlTable = []row{
	{"POST", "templates", operation{"CreateTemplate", (*exchange).createTemplate}},
	{"GET", "templates", operation{"ListTemplates", (*exchange).listTemplates}},
	{"GET", "templates/{}", operation{"GetTemplate", (*exchange).getTemplate}},
	{"PUT", "templates/{}", operation{"UpdateTemplate", (*exchange).updateTemplate}},
	{"DELETE", "templates/{}", operation{"DeleteTemplate", (*exchange).deleteTemplate}},
	{"POST", "sandboxes", operation{"CreateSandbox", (*exchange).createSandbox}},
	{"GET", "sandboxes", operation{"ListSandboxes", (*exchange).listSandboxes}},
	{"GET", "sandboxes/{}", operation{"GetSandbox", (*exchange).getSandbox}},
	{"POST", "sandboxes/{}/stop", operation{"StopSandbox", (*exchange).stopSandbox}},
	{"DELETE", "sandboxes/{}", operation{"DeleteSandbox", (*exchange).deleteSandbox}},
	{"PUT", "sandboxes/{}/pause", operation{"PauseSandbox", (*exchange).pauseSandbox}},
	{"PUT", "sandboxes/{}/resume", operation{"ResumeSandbox", (*exchange).resumeSandbox}},
}

var dataTable = []row{
	{"POST", "sandboxes", operation{"CreateSandbox", (*exchange).createSandbox}},
	{"GET", "sandboxes/{}", operation{"GetSandbox", (*exchange).getSandbox}},
	{"POST", "sandboxes/{}/stop", operation{"StopSandbox", (*exchange).stopSandbox}},
	{"DELETE", "sandboxes/{}", operation{"DeleteSandbox", (*exchange).deleteSandbox}},
	{"GET", "sandboxes/{}/health", operation{"Health", (*exchange).health}},
	{"GET", "sandboxes/{}/contexts", operation{"ListContexts", living((*exchange).listContexts)}},
	{"POST", "sandboxes/{}/contexts", operation{"CreateContext", living((*exchange).createContext)}},
	{"POST", "sandboxes/{}/contexts/execute", operation{"Execute", living((*exchange).execute)}},
	{"GET", "sandboxes/{}/contexts/{}", operation{"GetContext", living((*exchange).getContext)}},
	{"DELETE", "sandboxes/{}/contexts/{}", operation{"DeleteContext", living((*exchange).deleteContext)}},
	{"GET", "sandboxes/{}/files", operation{"ReadFile", living((*exchange).readFile)}},
	{"POST", "sandboxes/{}/files", operation{"WriteFile", living((*exchange).writeFile)}},
	{"GET", "sandboxes/{}/filesystem", operation{"ListFolder", living((*exchange).listFolder)}},
	{"GET", "sandboxes/{}/filesystem/stat", operation{"Stat", living((*exchange).statFile)}},
	{"POST", "sandboxes/{}/filesystem/mkdir", operation{"MakeFolder", living((*exchange).makeFolder)}},
	{"POST", "sandboxes/{}/filesystem/move", operation{"Move", living((*exchange).moveFile)}},
	{"POST", "sandboxes/{}/filesystem/remove", operation{"Remove", living((*exchange).removeFile)}},
	{"POST", "sandboxes/{}/filesystem/upload", operation{"Upload", living((*exchange).upload)}},
	{"GET", "sandboxes/{}/filesystem/download", operation{"Download", living((*exchange).download)}},
	{"POST", "sandboxes/{}/processes/cmd", operation{"RunCommand", living((*exchange).runCommand)}},
	{"GET", "sandboxes/{}/processes", operation{"ListProcesses", living((*exchange).listProcesses)}},
	{"GET", "sandboxes/{}/processes/{}", operation{"GetProcess", living((*exchange).getProcess)}},
	{"DELETE", "sandboxes/{}/processes/{}", operation{"KillProcess", living((*exchange).killProcess)}},
}

// route finds the operation of a request, and the names in its path.
func route(r *http.Request) (plane string, op operation, args []string) {
	plane, table := "data", dataTable
	path := r.URL.EscapedPath()
	if rest, ok := strings.CutPrefix(path, "/"+version+"/"); ok {
		plane, table, path = "control", controlTable, rest
	}
	parts, ok := segments(path)
	if !ok {
		return plane, operation{}, nil
	}
	for _, row := range table {
		pattern := strings.Split(row.pattern, "/")
		if row.method != r.Method || len(pattern) != len(parts) {
			continue
		}
		args = args[:0]
		fits := true
		for i, want := range pattern {
			if want == "{}" {
				args = append(args, parts[i])
			} else if want != parts[i] {
				fits = false
			}
		}
		if fits {
			return plane, row.operation, args
		}
	}
	return plane, operation{}, nil
}

// template is a recipe and its state.
type template struct {
	uuid     string
	fields   map[string]any // as they were sent
	status   string
	reason   string
	next     string // the state that comes at ready; "": gone
	ready    time.Time
	created  time.Time
	changed  time.Time
	changing bool
}

func (t *template) name() string { return text(t.fields["templateName"]) }

// sandbox is one isolated machine and its state.
type sandbox struct {
	id, template, templateType, templateUUID string

	created, ready, healthy time.Time
	idle                    time.Duration
	used, changed           time.Time // changed: its state
	ended                   time.Time // zero while it lives
	paused                  bool
	deleted                 bool

	ctx    context.Context // of everything that runs in it
	cancel context.CancelFunc
	files  *tree

	mu        sync.Mutex // guards below; never held while code runs
	kernels   map[string]*kernel
	order     []string // of kernels
	processes map[int]*process
	lastPID   int
}

// settleLocked lets everything happen whose time has come.
func (e *Emulator) settleLocked() {
	now := e.Now()
	for name, t := range e.templates {
		if t.changing && !now.Before(t.ready) {
			t.changing = false
			t.status, t.changed = t.next, t.ready
			if t.next == "" {
				delete(e.templates, name)
			}
		}
	}
	for _, s := range e.sandboxes {
		if !s.ended.IsZero() {
			continue
		}
		end := s.created.Add(e.options.Lifetime)
		if idle := s.used.Add(s.idle); !s.paused && idle.Before(end) {
			end = idle
		}
		if !now.Before(end) {
			e.endLocked(s, end)
		}
	}
}

// endLocked ends a sandbox. What runs in it is told to stop, and cleared up when it has.
func (e *Emulator) endLocked(s *sandbox, at time.Time) {
	if !s.ended.IsZero() {
		return
	}
	s.ended, s.changed = at, at
	s.cancel()
	s.mu.Lock()
	kernels := slices.Collect(maps.Values(s.kernels))
	s.kernels, s.order = nil, nil
	s.mu.Unlock()
	s.files.clear()
	for _, k := range kernels {
		e.jobs.Go(func() { e.destroy(k) })
	}
}

// later begins a change of a template.
func (e *Emulator) later(t *template, status, next string) {
	now := e.Now()
	t.status, t.next, t.changing = status, next, true
	t.ready, t.changed = now.Add(e.options.TemplateDelay), now
}

func (x *exchange) createTemplate() answer {
	var fields map[string]any
	if err := x.read(&fields); err != nil {
		return problem(http.StatusBadRequest, "ERR_BAD_REQUEST", err.Error())
	}
	if wrong := checkTemplate(fields, true); wrong != "" {
		return problem(http.StatusBadRequest, "ERR_VALIDATION_FAILED", wrong)
	}
	e := x.e
	e.mu.Lock()
	defer e.mu.Unlock()
	e.settleLocked()
	name := text(fields["templateName"])
	if e.templates[name] != nil {
		status := cmp.Or(x.shape.ConflictStatus, http.StatusConflict)
		return problem(status, "ERR_CONFLICT", "template "+name+" already exists")
	}
	defaults := map[string]any{"sandboxIdleTimeoutInSeconds": 1800, "sandboxTTLInSeconds": 21600, "shareConcurrencyLimitPerSandbox": 200, "diskSize": 512, "allowAnonymousManage": false}
	for key, value := range defaults {
		if fields[key] == nil {
			fields[key] = value
		}
	}
	t := &template{uuid: strings.ToLower(newRequestID()), fields: fields, created: e.Now()}
	e.templates[name] = t
	next := "READY"
	if len(e.failing) > 0 {
		t.reason, next, e.failing = e.failing[0], "CREATE_FAILED", e.failing[1:]
	}
	e.later(t, "CREATING", next)
	return enveloped(e.describeTemplate(t, x.shape))
}

// checkTemplate says what is wrong with a request, "" if nothing is.
func checkTemplate(fields map[string]any, whole bool) string {
	for name, value := range fields {
		if value == nil {
			delete(fields, name) // null is nothing
		}
	}
	if whole {
		for _, name := range []string{"templateName", "templateType", "cpu", "memory", "networkConfiguration"} {
			if fields[name] == nil {
				return name + " is required"
			}
		}
	}
	kind := text(fields["templateType"])
	network, isObject := fields["networkConfiguration"].(map[string]any)
	cpu, isNumber := fields["cpu"].(float64)
	memory, isWhole := fields["memory"].(float64)
	switch {
	case fields["templateName"] != nil && text(fields["templateName"]) == "":
		return "templateName must be a text"
	case fields["templateType"] != nil && !slices.Contains([]string{"CodeInterpreter", "Browser", "AllInOne", "CustomImage"}, kind):
		return "templateType must be one of CodeInterpreter, Browser, AllInOne, CustomImage"
	case fields["cpu"] != nil && (!isNumber || cpu < 2):
		return "cpu must be at least 2"
	case fields["memory"] != nil && (!isWhole || memory < 2048):
		return "memory must be at least 2048"
	case fields["networkConfiguration"] != nil && (!isObject || !slices.Contains([]string{"PUBLIC", "PRIVATE", "PUBLIC_AND_PRIVATE"}, text(network["networkMode"]))):
		return "networkMode must be one of PUBLIC, PRIVATE, PUBLIC_AND_PRIVATE"
	}
	return ""
}

// describedFields are those of a request that the answer repeats.
var describedFields = []string{
	"templateName", "templateType", "cpu", "memory", "diskSize", "description", "environmentVariables", "networkConfiguration", "executionRoleArn",
	"sandboxIdleTimeoutInSeconds", "sandboxTTLInSeconds", "shareConcurrencyLimitPerSandbox", "allowAnonymousManage", "credentialConfiguration",
}

func (e *Emulator) describeTemplate(t *template, shape Shape) object {
	o := object{
		"templateId": t.uuid + ".schema", "resourceName": "agentrun-" + t.uuid, "status": t.status, "statusReason": "",
		"templateArn": "acs:agentrun:" + e.options.Region + ":" + e.options.AccountID + ":templates/" + t.uuid,
		"createdAt":   shape.moment(t.created), "lastUpdatedAt": shape.moment(t.changed),
	}
	for _, name := range describedFields {
		if value := t.fields[name]; value != nil {
			o[name] = value
		}
	}
	for _, name := range []string{"sandboxIdleTimeoutInSeconds", "sandboxTTLInSeconds"} {
		o[name] = shape.number(seconds(t.fields[name]))
	}
	if t.status == "CREATE_FAILED" {
		o["statusReason"] = t.reason
	}
	return o
}

func noTemplate(name string) answer {
	return problem(http.StatusNotFound, "ERR_NOT_FOUND", "template "+name+" not found")
}

// withTemplate lets work on a template, with the lock held.
func (x *exchange) withTemplate(work func(t *template) answer) answer {
	e := x.e
	e.mu.Lock()
	defer e.mu.Unlock()
	e.settleLocked()
	t := e.templates[x.args[0]]
	if t == nil {
		return noTemplate(x.args[0])
	}
	return work(t)
}

func (x *exchange) getTemplate() answer {
	return x.withTemplate(func(t *template) answer { return enveloped(x.e.describeTemplate(t, x.shape)) })
}

func (x *exchange) updateTemplate() answer {
	var fields map[string]any
	if err := x.read(&fields); err != nil {
		return problem(http.StatusBadRequest, "ERR_BAD_REQUEST", err.Error())
	}
	if wrong := checkTemplate(fields, false); wrong != "" {
		return problem(http.StatusBadRequest, "ERR_VALIDATION_FAILED", wrong)
	}
	for _, fixed := range []string{"templateName", "templateType", "diskSize"} {
		if fields[fixed] != nil {
			return problem(http.StatusBadRequest, "ERR_VALIDATION_FAILED", fixed+" cannot be changed")
		}
	}
	return x.withTemplate(func(t *template) answer {
		if t.changing {
			return problem(http.StatusConflict, "ERR_CONFLICT", "template "+t.name()+" is "+t.status)
		}
		maps.Copy(t.fields, fields)
		x.e.later(t, "UPDATING", "READY")
		return enveloped(x.e.describeTemplate(t, x.shape))
	})
}

func (x *exchange) deleteTemplate() answer {
	return x.withTemplate(func(t *template) answer {
		x.e.later(t, "DELETING", "")
		return enveloped(x.e.describeTemplate(t, x.shape))
	})
}

func (x *exchange) listTemplates() answer {
	e, q := x.e, x.r.URL.Query()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.settleLocked()
	number, size := max(1, atoi(q.Get("pageNumber"))), cmp.Or(max(0, atoi(q.Get("pageSize"))), 10)
	items := []any{}
	for _, name := range slices.Sorted(maps.Keys(e.templates)) {
		t := e.templates[name]
		if strings.Contains(name, q.Get("templateName")) && fits(q.Get("templateType"), text(t.fields["templateType"])) && fits(q.Get("status"), t.status) {
			items = append(items, e.describeTemplate(t, x.shape))
		}
	}
	total := len(items)
	items = items[min(total, (number-1)*size):min(total, number*size)]
	return enveloped(object{"items": items, "pageNumber": number, "pageSize": size, "total": total})
}

func fits(wanted, is string) bool { return wanted == "" || wanted == is }

func atoi(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return min(n, 1_000_000)
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

// seconds reads a number, or one in quotes.
func seconds(v any) int64 {
	switch v := v.(type) {
	case float64:
		return int64(v)
	case int:
		return int64(v)
	case string:
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil {
			return 0
		}
		return n
	}
	return 0
}

var sandboxName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)

func (x *exchange) createSandbox() answer {
	var fields map[string]any
	if err := x.read(&fields); err != nil {
		return problem(http.StatusBadRequest, "ERR_BAD_REQUEST", err.Error())
	}
	name, id := text(fields["templateName"]), text(fields["sandboxId"])
	switch {
	case name == "":
		return problem(http.StatusBadRequest, "ERR_VALIDATION_FAILED", "templateName is required")
	case id != "" && !sandboxName.MatchString(id):
		return problem(http.StatusBadRequest, "ERR_VALIDATION_FAILED", "sandboxId must be of up to 128 letters, digits, - and _")
	}
	e := x.e
	e.mu.Lock()
	defer e.mu.Unlock()
	e.settleLocked()
	t := e.templates[name]
	switch {
	case e.closed:
		return problem(http.StatusServiceUnavailable, "ERR_INTERNAL_SERVER", "the emulator is closed")
	case t == nil:
		return noTemplate(name)
	case t.status != "READY" && t.status != "UPDATING":
		return problem(http.StatusConflict, "ERR_CONFLICT", "template "+name+" is "+t.status+", not READY")
	case e.sandboxes[id] != nil && !e.sandboxes[id].deleted:
		return problem(http.StatusConflict, "ERR_CONFLICT", "sandbox "+id+" already exists")
	}
	livingNow := 0
	for _, s := range e.sandboxes {
		if s.ended.IsZero() {
			livingNow++
		}
	}
	if livingNow >= e.options.MaxSandboxes {
		return quotaExceeded()
	}
	// Each plane has a name for the idle timeout, and ignores the other's.
	own := map[string]string{"control": "sandboxIdleTimeoutInSeconds", "data": "sandboxIdleTimeoutSeconds"}[x.plane]
	idle := cmp.Or(seconds(fields[own]), seconds(t.fields["sandboxIdleTimeoutInSeconds"]))
	now := e.Now()
	delay := e.delayLocked()
	e.created++
	ctx, cancel := context.WithCancel(context.Background()) // it outlives the request, and Close ends it
	s := &sandbox{
		id: cmp.Or(id, newULID()), template: name, templateType: text(t.fields["templateType"]), templateUUID: t.uuid,
		created: now, ready: now.Add(delay), healthy: now.Add(delay + e.options.HealthDelay),
		idle: time.Duration(max(1, idle)) * time.Second, used: now, changed: now,
		ctx: ctx, cancel: cancel, files: newTree(e.Now), kernels: map[string]*kernel{}, processes: map[int]*process{}, lastPID: 100,
	}
	e.sandboxes[s.id] = s
	e.order = append(slices.DeleteFunc(e.order, func(o string) bool { return o == s.id }), s.id)
	o := e.describeSandbox(s, x.shape)
	o["metadata"] = object{"fcSessionDetails": object{
		"sessionId": s.id, "sessionStatus": "Active", "sessionIdleTimeoutInSeconds": max(1, idle), "functionName": "agentrun-" + t.uuid, "qualifier": "LATEST",
		"containerId": "c-" + strings.ToLower(rand.Text()[:8]), "createdTime": insideMoment(now), "lastModifiedTime": insideMoment(now), "sessionAffinityType": "HEADER_FIELD",
	}}
	return x.lifecycle(o)
}

// delayLocked is how long the next sandbox is CREATING. Multiples of the golden ratio, without their whole part, never come close to
// each other: however many are taken, they are spread evenly.
func (e *Emulator) delayLocked() time.Duration {
	least, most := e.options.SandboxDelay, e.options.SandboxDelayMost
	switch delays := e.options.SandboxDelays; {
	case len(delays) > 0:
		return delays[e.created%len(delays)]
	case most <= least:
		return least
	}
	_, share := math.Modf(0.5 + float64(e.created)*math.Phi)
	return least + time.Duration(share*float64(most-least))
}

// newULID gives an id in the form that the service's own have.
func newULID() string {
	return "01K" + strings.NewReplacer("I", "0", "L", "1", "O", "8", "U", "9").Replace(rand.Text()[:23])
}

func (s *sandbox) status(now time.Time) string {
	switch {
	case !s.ended.IsZero():
		return "TERMINATED"
	case s.paused:
		return "PAUSED"
	case now.Before(s.ready):
		return "CREATING"
	default:
		return "READY"
	}
}

func (e *Emulator) describeSandbox(s *sandbox, shape Shape) object {
	now := e.Now()
	idle := int64(s.idle / time.Second)
	o := object{
		"sandboxId": s.id, "templateId": s.templateUUID + ".schema", "templateName": s.template, "templateType": s.templateType, "status": s.status(now),
		"createdAt": shape.moment(s.created), "lastUpdatedAt": shape.moment(s.changed),
		"sandboxArn":                "acs:agentrun:" + e.options.Region + ":" + e.options.AccountID + ":sandboxes/" + s.id,
		"sandboxIdleTimeoutSeconds": shape.number(idle), "sandboxIdleTimeoutInSeconds": shape.number(idle),
	}
	if !s.ended.IsZero() {
		o["endedAt"] = shape.moment(s.ended)
	}
	return o
}

// withSandbox lets work on a sandbox that was not deleted, with the lock held.
func (x *exchange) withSandbox(work func(s *sandbox) answer) answer {
	e := x.e
	e.mu.Lock()
	defer e.mu.Unlock()
	e.settleLocked()
	s := e.sandboxes[x.args[0]]
	if s == nil || s.deleted {
		return x.gone()
	}
	return work(s)
}

func (x *exchange) getSandbox() answer {
	return x.withSandbox(func(s *sandbox) answer {
		if x.shape.ForgetsEnded && !s.ended.IsZero() {
			return x.gone()
		}
		return x.lifecycle(x.e.describeSandbox(s, x.shape))
	})
}

func (x *exchange) stopSandbox() answer {
	return x.withSandbox(func(s *sandbox) answer {
		x.e.endLocked(s, x.e.Now())
		return x.lifecycle(x.e.describeSandbox(s, x.shape))
	})
}

// deleteSandbox answers with the state before. What has ended is still listed, but is no longer found by this call on the data
// plane, which was seen of the service.
func (x *exchange) deleteSandbox() answer {
	return x.withSandbox(func(s *sandbox) answer {
		if !s.ended.IsZero() && x.plane == "data" {
			return x.gone()
		}
		o := x.e.describeSandbox(s, x.shape)
		x.e.endLocked(s, x.e.Now())
		s.deleted = true
		return x.lifecycle(o)
	})
}

func (x *exchange) pauseSandbox() answer { return x.setPaused(true, "READY") }

func (x *exchange) resumeSandbox() answer { return x.setPaused(false, "PAUSED") }

func (x *exchange) setPaused(paused bool, from string) answer {
	return x.withSandbox(func(s *sandbox) answer {
		now := x.e.Now()
		if is := s.status(now); is != from {
			return problem(http.StatusConflict, "ERR_CONFLICT", "sandbox is "+is+", not "+from)
		}
		s.paused, s.used, s.changed = paused, now, now
		return x.lifecycle(x.e.describeSandbox(s, x.shape))
	})
}

// listSandboxes pages by a token that means nothing to anybody else.
func (x *exchange) listSandboxes() answer {
	e, q := x.e, x.r.URL.Query()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.settleLocked()
	size := cmp.Or(max(0, atoi(q.Get("maxResults"))), 10)
	from := 0
	if token := q.Get("nextToken"); token != "" {
		after, err := base64.StdEncoding.DecodeString(token)
		at := slices.Index(e.order, string(after))
		if err != nil || at < 0 {
			return problem(http.StatusBadRequest, "ERR_VALIDATION_FAILED", "nextToken is not one of this list")
		}
		from = at + 1
	}
	items, next := []any{}, ""
	for i, id := range e.order[from:] {
		s := e.sandboxes[id]
		if s.deleted || !fits(q.Get("sandboxId"), id) || !fits(q.Get("status"), s.status(e.Now())) || !fits(q.Get("templateName"), s.template) || !fits(q.Get("templateType"), s.templateType) {
			continue
		}
		if len(items) == size {
			next = base64.StdEncoding.EncodeToString([]byte(e.order[from+i-1]))
			break
		}
		items = append(items, e.describeSandbox(s, x.shape))
	}
	return enveloped(object{"items": items, "nextToken": next})
}

// enter finds a sandbox for a call into it, which begins its idle time anew, and the answer if none can be made.
func (x *exchange) enter() (*sandbox, answer, bool) {
	e := x.e
	e.mu.Lock()
	defer e.mu.Unlock()
	e.settleLocked()
	s := e.sandboxes[x.args[0]]
	now := e.Now()
	switch {
	case s == nil || !s.ended.IsZero():
		return nil, x.gone(), false
	case s.paused:
		return nil, problem(http.StatusConflict, "ERR_CONFLICT", "sandbox is PAUSED"), false
	case now.Before(s.ready):
		return nil, page(http.StatusBadGateway, "502 Bad Gateway"), false
	}
	s.used = now
	return s, answer{}, true
}

// living is for operations inside a sandbox that is well.
func living(do func(x *exchange, s *sandbox) answer) func(x *exchange) answer {
	return func(x *exchange) answer {
		s, a, ok := x.enter()
		if !ok {
			return a
		}
		if x.e.Now().Before(s.healthy) {
			return refusal(http.StatusServiceUnavailable, "NOT_READY", "the sandbox is starting")
		}
		return do(x, s)
	}
}

func (x *exchange) health() answer {
	s, a, ok := x.enter()
	if !ok {
		return a
	}
	now := x.e.Now()
	status := "ok"
	if now.Before(s.healthy) {
		if x.shape.StartingError {
			return problem(http.StatusOK, "ERR_NOT_READY", "the sandbox is starting")
		}
		status = "starting"
	}
	return x.inside(object{"status": status, "service": "sandbox-code-interpreter", "version": "v1", "timestamp": insideMoment(now), "uptime": now.Sub(s.ready).Nanoseconds()})
}

// language reads one that contexts speak.
func language(name string) (localengine.Language, bool) {
	switch name {
	case "python":
		return localengine.Python, true
	case "javascript":
		return localengine.JavaScript, true
	}
	return "", false
}

// rawObject reads the body of a request into a sandbox.
func (x *exchange) fields(into any) (answer, bool) {
	if err := x.read(into); err != nil {
		if _, isSyntax := err.(*json.SyntaxError); isSyntax { //nolint:errorlint // straight from the decoder
			return invalid("the body is not JSON"), false
		}
		return invalid("the body is not what it should be: " + err.Error()), false
	}
	return answer{}, true
}
