package agentrun

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// exchange is a request recorded from an official client, and an answer made of what the service's documentation shows.
type exchange struct {
	Name, Operation, Method, Host, URI, Action string

	Plane         Plane
	Body          json.RawMessage
	Authorization string `json:"agentrun-authorization"`
	Token         string `json:"x-acs-security-token"`
	APIKey        string `json:"x-api-key"`
	Parent        string `json:"x-acs-parent-id"`
	Session       string `json:"x-agentrun-session-id"`
	ContentType   string `json:"content_type"`
	Status        int
	Headers       map[string]string
	Answer        json.RawMessage
}

// answerBody is the answer as bytes: JSON is written as JSON, and a string is the body itself.
func (e exchange) answerBody() string {
	var text string
	switch {
	case isNull(e.Answer):
		return ""
	case json.Unmarshal(e.Answer, &text) == nil:
		return text
	default:
		return string(e.Answer)
	}
}

// recordedAt is when all requests with a signature were made.
var recordedAt = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// issue lets the client make the call of an exchange, with what the recorded request holds.
func (e exchange) issue(t *testing.T, c *Client) (any, error) {
	t.Helper()
	ctx := t.Context()
	u, err := url.Parse(e.URI)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	parts := strings.Split(strings.Trim(u.Path, "/"), "/")
	at := func(i int) string {
		if i >= len(parts) {
			t.Fatalf("the path %s has no part %d", u.Path, i)
		}
		return parts[i]
	}
	number := func(name string) int {
		n, _ := strconv.Atoi(q.Get(name))
		return n
	}
	body := struct {
		TemplateSpec
		SandboxID      string
		IdleSeconds    int `json:"sandboxIdleTimeoutSeconds"`
		Code, Language string
		Timeout        int
		ContextID, Cwd string
		Path, Content  string
		Source         string
		Destination    string
		Command        string
	}{}
	if e.ContentType == "" && len(e.Body) > 0 {
		if err := json.Unmarshal(e.Body, &body); err != nil {
			t.Fatal(err)
		}
	}
	switch e.Operation {
	case "CreateTemplate":
		return c.CreateTemplate(ctx, body.TemplateSpec)
	case "GetTemplate":
		return c.GetTemplate(ctx, at(2))
	case "UpdateTemplate":
		return c.UpdateTemplate(ctx, at(2), q.Get("clientToken"), body.TemplateSpec)
	case "DeleteTemplate":
		return c.DeleteTemplate(ctx, at(2))
	case "ListTemplates":
		return c.ListTemplates(ctx, TemplateQuery{PageNumber: number("pageNumber"), PageSize: number("pageSize"), Type: TemplateType(q.Get("templateType")), Name: q.Get("templateName"), Status: Status(q.Get("status"))})
	case "CreateSandbox":
		return c.CreateSandbox(ctx, SandboxSpec{Template: body.Name, IdleTimeout: body.IdleTimeout.Duration()})
	case "create sandbox", "create sandbox with a chosen id":
		return c.CreateSandbox(ctx, SandboxSpec{Template: body.Name, ID: body.SandboxID, IdleTimeout: time.Duration(body.IdleSeconds) * time.Second})
	case "GetSandbox":
		return c.GetSandbox(ctx, at(2))
	case "get sandbox":
		return c.GetSandbox(ctx, at(1))
	case "StopSandbox":
		return c.StopSandbox(ctx, at(2))
	case "stop sandbox":
		return c.StopSandbox(ctx, at(1))
	case "DeleteSandbox":
		return c.DeleteSandbox(ctx, at(2))
	case "delete sandbox":
		return c.DeleteSandbox(ctx, at(1))
	case "PauseSandbox":
		return c.PauseSandbox(ctx, at(2))
	case "ResumeSandbox":
		return c.ResumeSandbox(ctx, at(2))
	case "ListSandboxes":
		return c.ListSandboxes(ctx, SandboxQuery{MaxResults: number("maxResults"), NextToken: q.Get("nextToken"), Status: Status(q.Get("status")), TemplateName: q.Get("templateName"), TemplateType: TemplateType(q.Get("templateType"))})
	case "health", "health with an API key":
		return c.Health(ctx, at(1))
	case "list contexts":
		return c.ListContexts(ctx, at(1))
	case "create context":
		return c.CreateContext(ctx, at(1), Language(body.Language), body.Cwd)
	case "get context":
		return c.GetContext(ctx, at(1), at(3))
	case "delete context":
		return nil, c.DeleteContext(ctx, at(1), at(3))
	case "execute":
		return c.Execute(ctx, at(1), Execution{Code: body.Code, ContextID: body.ContextID, Language: Language(body.Language), Timeout: time.Duration(body.Timeout) * time.Second})
	case "read file":
		return c.ReadFile(ctx, at(1), q.Get("path"))
	case "write file":
		return c.WriteFile(ctx, at(1), body.Path, body.Content)
	case "list directory":
		return c.ListFolder(ctx, at(1), q.Get("path"), number("depth"))
	case "stat":
		entry, err := c.Stat(ctx, at(1), q.Get("path"))
		return entryOf{entry}, err
	case "make directory":
		entry, err := c.MakeFolder(ctx, at(1), body.Path)
		return entryOf{entry}, err
	case "move":
		entry, err := c.Move(ctx, at(1), body.Source, body.Destination)
		return entryOf{entry}, err
	case "remove":
		entry, err := c.Remove(ctx, at(1), body.Path)
		return entryOf{entry}, err
	case "upload":
		fields := e.form(t)
		return c.Upload(ctx, at(1), UploadSpec{Path: fields["path"], Content: strings.NewReader(fields["file"]), Size: int64(len(fields["file"])), ContentType: fields["file type"]})
	case "download":
		file, err := c.Download(ctx, at(1), q.Get("path"))
		if err != nil {
			return nil, err
		}
		defer file.Close()
		content, err := io.ReadAll(file)
		if file.Size != int64(len(content)) || file.Name != "data.csv" || file.ContentType != "application/octet-stream" {
			t.Errorf("the download says of itself %d bytes, %q and %q", file.Size, file.Name, file.ContentType)
		}
		return string(content), err
	case "run command":
		return c.RunCommand(ctx, at(1), CommandSpec{Command: body.Command, Cwd: body.Cwd, Timeout: time.Duration(body.Timeout) * time.Second})
	case "list processes":
		found, err := c.ListProcesses(ctx, at(1))
		return map[string]any{"items": found, "total": len(found)}, err
	case "get process":
		return c.GetProcess(ctx, at(1), ProcessID(at(3)))
	case "kill process":
		return c.KillProcess(ctx, at(1), ProcessID(at(3)))
	}
	// The older interfaces, which no method of the client speaks: its machinery does, and its envelope is the same.
	cl := call{op: e.Action, plane: e.Plane, method: e.Method, path: strings.TrimPrefix(u.EscapedPath(), "/"+controlVersion), query: q, header: http.Header{}}
	if e.Plane == Data {
		cl.path = u.EscapedPath()
	}
	if e.Session != "" {
		cl.header.Set("X-AgentRun-Session-ID", e.Session)
	}
	if len(e.Body) > 0 {
		cl.body = e.Body
	}
	if !strings.HasPrefix(e.Name, "legacy_") && e.Operation != "GetAccessToken" {
		t.Fatalf("the operation %q has no call", e.Operation)
	}
	var into any
	if e.Name == "legacy_execute" {
		var result Result
		err := c.do(ctx, cl, &result)
		return result, err
	}
	err = c.do(ctx, cl, &into)
	return into, err
}

// form reads the recorded form.
func (e exchange) form(t *testing.T) map[string]string {
	t.Helper()
	var body string
	if err := json.Unmarshal(e.Body, &body); err != nil {
		t.Fatal(err)
	}
	return readForm(t, e.ContentType, strings.NewReader(body))
}

// readForm gives the fields of a form, "order" holding their names in order.
func readForm(t *testing.T, contentType string, body io.Reader) map[string]string {
	t.Helper()
	_, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		t.Fatal(err)
	}
	fields := map[string]string{}
	r := multipart.NewReader(body, params["boundary"])
	for {
		part, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return fields
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(part)
		if err != nil {
			t.Fatal(err)
		}
		name := part.FormName()
		fields["order"] += name + " "
		fields[name], fields[name+" type"], fields[name+" filename"] = string(content), part.Header.Get("Content-Type"), part.FileName()
	}
}

// checkRequest compares what the client sent with what was recorded.
func (e exchange) checkRequest(t *testing.T, req *http.Request) {
	t.Helper()
	want, err := url.Parse(e.URI)
	if err != nil {
		t.Fatal(err)
	}
	if req.Method != e.Method || req.URL.EscapedPath() != want.EscapedPath() || !reflect.DeepEqual(req.URL.Query(), want.Query()) {
		t.Errorf("the request is %s %s, want %s %s", req.Method, req.URL.RequestURI(), e.Method, e.URI)
	}
	if !strings.HasPrefix(e.Name, "legacy_") { // whose host went with another way to prove who is calling
		if req.URL.Scheme != "https" || req.URL.Host != e.Host {
			t.Errorf("the request goes to %s://%s, want https://%s", req.URL.Scheme, req.URL.Host, e.Host)
		}
		if got := req.Header.Get(dataHeader); e.Plane == Data && got != e.Authorization {
			t.Errorf("the request is signed %s, want %s", got, e.Authorization)
		}
		for name, want := range map[string]string{"X-API-Key": e.APIKey, "X-Acs-Parent-Id": e.Parent, "X-Acs-Security-Token": e.Token} {
			if got := req.Header.Get(name); got != want && (e.Plane == Data || want != "") {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
	}
	if got := req.Header.Get("X-Acs-Action"); got != e.Action {
		t.Errorf("the action is %q, want %q", got, e.Action)
	}
	var sent []byte
	if req.Body != nil {
		if sent, err = io.ReadAll(req.Body); err != nil {
			t.Fatal(err)
		}
	}
	if e.ContentType != "" {
		got, want := readForm(t, req.Header.Get("Content-Type"), bytes.NewReader(sent)), e.form(t)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("the form is %q, want %q", got, want)
		}
		if req.ContentLength != int64(len(sent)) {
			t.Errorf("the form is announced with %d bytes and has %d", req.ContentLength, len(sent))
		}
		return
	}
	got, recorded := plain(t, sent), plain(t, e.Body)
	if fields, ok := got.(map[string]any); ok && strings.EqualFold(strings.ReplaceAll(e.Operation, " ", ""), "CreateSandbox") || ok && strings.HasPrefix(e.Operation, "create sandbox") {
		// Each of the official clients sends one of the two names, and ours both.
		if fields["sandboxIdleTimeoutSeconds"] != fields["sandboxIdleTimeoutInSeconds"] {
			t.Errorf("the two names of the idle timeout differ in %v", fields)
		}
		for _, name := range []string{"sandboxIdleTimeoutSeconds", "sandboxIdleTimeoutInSeconds"} {
			if _, there := recorded.(map[string]any)[name]; !there {
				delete(fields, name)
			}
		}
	}
	if !reflect.DeepEqual(got, recorded) {
		t.Errorf("the body is %v, want %v", got, recorded)
	}
}

// plain reads JSON so that what means the same is the same: without nulls and empty values, numbers as numbers, moments in UTC.
func plain(t *testing.T, b []byte) any {
	t.Helper()
	if len(b) == 0 {
		return nil
	}
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatalf("%v in %s", err, b)
	}
	return simple(v)
}

func simple(v any) any {
	switch v := v.(type) {
	case map[string]any:
		kept := map[string]any{}
		for name, value := range v {
			if value = simple(value); value != nil {
				kept[name] = value
			}
		}
		if len(kept) == 0 {
			return nil
		}
		return kept
	case []any:
		items := []any{}
		for _, item := range v {
			items = append(items, simple(item))
		}
		return items
	case string:
		if n, err := strconv.ParseFloat(v, 64); err == nil {
			return simple(n)
		}
		if at, err := time.Parse(time.RFC3339, v); err == nil {
			return at.UTC().Format(time.RFC3339Nano)
		}
		if v == "" {
			return nil
		}
		return v
	case float64:
		if v == 0 {
			return nil
		}
		return v
	case bool:
		if !v {
			return nil
		}
		return v
	default:
		return v
	}
}

// said is what an error must have been understood as.
type said struct {
	kind    Kind
	code    string
	message string
	retry   bool
}

const sameRequestID = "5E1F0C2A-7B3D-4E55-9A61-0C9B8D7E6F50"

var refusals = map[string]said{
	"error_control_200_not_success":      {KindFailed, "ERR_BAD_REQUEST", "bad request", false},
	"error_control_already_exists":       {KindExists, "ERR_CONFLICT", "template my-interpreter already exists", false},
	"error_control_bad_request":          {KindInvalid, "ERR_VALIDATION_FAILED", "memory must be at least 2048", false},
	"error_control_internal":             {KindServer, "ERR_INTERNAL_SERVER_ERROR", "internal error", true},
	"error_control_not_found":            {KindTemplateNotFound, "ERR_NOT_FOUND", "template my-interpreter not found", false},
	"error_control_pop_bad_signature":    {KindSignatureRejected, "SignatureDoesNotMatch", "Specified signature is not matched with our calculation.", false},
	"error_control_pop_forbidden":        {KindNoPermission, "NoPermission", "You are not authorized to do this action.", false},
	"error_control_pop_invalid_key":      {KindKeyRejected, "InvalidAccessKeyId.NotFound", "Specified access key is not found.", false},
	"error_control_quota":                {KindQuota, "ERR_RESOURCE_EXHAUSTED", "instance quota exceeded", true},
	"error_control_role_missing":         {KindNoServiceRole, "EntityNotExist.Role", "The role not exists: acs:ram::1234567890123456:role/aliyunserviceroleforagentrun", false},
	"error_control_throttled":            {KindThrottled, "Throttling.User", "Request was denied due to user flow control.", true},
	"error_data_anonymous_manage":        {KindNoPermission, "ERR_FORBIDDEN", "template does not allow anonymous manage via data plane", false},
	"error_data_bad_gateway_html":        {KindStarting, "", "502 Bad Gateway 502 Bad Gateway", true},
	"error_data_context_not_found":       {KindContextNotFound, "NOT_FOUND", "context not found", false},
	"error_data_delete_200_failed":       {KindSandboxGone, "FAILED", "sandbox not found", false},
	"error_data_file_too_large":          {KindTooLarge, "PAYLOAD_TOO_LARGE", "file exceeds 100MB", false},
	"error_data_gateway_timeout":         {KindGatewayTimeout, "", "504 Gateway Time-out", true},
	"error_data_invalid_request":         {KindInvalid, "INVALID_REQUEST", "code is required", false},
	"error_data_sandbox_gone_404":        {KindSandboxGone, "ERR_NOT_FOUND", "sandbox not found", false},
	"error_data_sandbox_gone_410":        {KindSandboxGone, "ERR_GONE", "sandbox has been terminated", false},
	"error_data_sandbox_gone_plain_text": {KindSandboxGone, "", "sandbox not found", false},
	"error_data_signature":               {KindSignatureRejected, "ERR_FORBIDDEN", "Signature verification failed", false},
	"error_data_storage_full":            {KindStorageFull, "INSUFFICIENT_STORAGE", "no space left on device", false},
	"error_data_unauthorized":            {KindUnauthorized, "ERR_UNAUTHORIZED", "missing credentials", false},
	"error_data_unavailable":             {KindUnavailable, "ERR_INTERNAL_SERVER", "service unavailable", true},
}

func TestEveryRecordedExchange(t *testing.T) {
	exchanges := readJSON[exchange](t, "exchanges.json")
	if len(exchanges) != 93 {
		t.Fatalf("there are %d exchanges, want 93", len(exchanges))
	}
	for _, e := range exchanges {
		t.Run(e.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(time.Until(recordedAt))
				requests := 0
				config := Config{Lifecycle: e.Plane, Credentials: Static(e.credentials())}
				c := testClient(t, config, func(req *http.Request) (*http.Response, error) {
					if requests++; requests == 1 {
						e.checkRequest(t, req)
					}
					resp := reply(e.Status, e.answerBody())
					for name, value := range e.Headers {
						resp.Header.Set(name, value)
					}
					return resp, nil
				})
				got, err := e.issue(t, c)
				if requests == 0 {
					t.Fatalf("nothing was sent: %v", err)
				}
				if want, refused := refusals[e.Name]; refused {
					e.checkError(t, got, err, want)
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				e.checkAnswer(t, got)
			})
		})
	}
}

func (e exchange) credentials() Credentials {
	if e.APIKey != "" {
		return Credentials{APIKey: e.APIKey}
	}
	creds := testCredentials
	if strings.Contains(e.Name, "sts") {
		creds.SecurityToken = "CAISexampleStsToken/abc+def=="
	}
	return creds
}

// checkAnswer sees that what was decoded, written as JSON again, is what came.
func (e exchange) checkAnswer(t *testing.T, got any) {
	t.Helper()
	var envelope struct{ Data json.RawMessage }
	want := e.Answer
	if json.Unmarshal(e.Answer, &envelope) == nil && len(envelope.Data) > 0 {
		want = envelope.Data
	}
	again, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := plain(t, again), plain(t, want); !reflect.DeepEqual(a, b) {
		t.Errorf("decoded and encoded again the answer is\n%v\nwant\n%v", a, b)
	}
}

func (e exchange) checkError(t *testing.T, got any, err error, want said) {
	t.Helper()
	if e.Name == "error_data_delete_200_failed" { // the client knows that this is no failure
		if sandbox, ok := got.(Sandbox); err != nil || !ok || !sandbox.Status.Ended() {
			t.Errorf("deleting what is gone gave %+v, %v, want a sandbox that has ended", got, err)
		}
		said := readError(e.Answer)
		if kind := classify("DeleteSandbox", e.Status, said); kind != want.kind || said.code != want.code || said.message != want.message {
			t.Errorf("the answer was understood as %s and %+v, want %+v", kind, said, want)
		}
		return
	}
	failed, ok := errors.AsType[*APIError](err)
	if !ok {
		t.Fatalf("the call gave %+v, %v, want an error", got, err)
	}
	if failed.Kind != want.kind || failed.Status != e.Status || failed.Code != want.code || failed.Message != want.message || failed.Retryable() != want.retry || failed.Plane != e.Plane || failed.Host != e.Host {
		t.Errorf("the error is %#v, want %+v", failed, want)
	}
	if has := strings.Contains(string(e.Answer), sameRequestID) || strings.Contains(fmt.Sprint(e.Headers), sameRequestID); has != (failed.RequestID == sameRequestID) {
		t.Errorf("the request's id is %q", failed.RequestID)
	}
	if e.Name == "error_control_pop_forbidden" && failed.AuthAction != "agentrun:CreateTemplate" {
		t.Errorf("the missing action is %q, want agentrun:CreateTemplate", failed.AuthAction)
	}
}
