package agentrun

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// TemplateType says what sandboxes of a template are for. This client speaks to code interpreters.
type TemplateType string

// The types of templates.
const (
	CodeInterpreter TemplateType = "CodeInterpreter"
	Browser         TemplateType = "Browser"
	AllInOne        TemplateType = "AllInOne"
	CustomImage     TemplateType = "CustomImage"
)

// Status is the state of a template or sandbox. The service writes it in capitals; compare with [Status.Is].
type Status string

// The states. Templates: CREATING, then READY or CREATE_FAILED; UPDATING, then READY or UPDATE_FAILED; DELETING, then gone or
// DELETE_FAILED. Sandboxes: CREATING, READY, TERMINATED, and PAUSED on the way.
const (
	StatusCreating     Status = "CREATING"
	StatusReady        Status = "READY"
	StatusCreateFailed Status = "CREATE_FAILED"
	StatusUpdating     Status = "UPDATING"
	StatusUpdateFailed Status = "UPDATE_FAILED"
	StatusDeleting     Status = "DELETING"
	StatusDeleteFailed Status = "DELETE_FAILED"
	StatusPaused       Status = "PAUSED"
	StatusTerminated   Status = "TERMINATED"
)

// Is compares without regard to case, which differs between the service's clients.
func (s Status) Is(other Status) bool { return strings.EqualFold(string(s), string(other)) }

// Ready reports whether the thing can be used. One client knows sandboxes that are RUNNING.
func (s Status) Ready() bool { return s.Is(StatusReady) || s.Is("RUNNING") }

// Failed reports whether the thing will never be ready again without help: of a template, StatusReason says why.
func (s Status) Failed() bool {
	return s.Is(StatusCreateFailed) || s.Is(StatusUpdateFailed) || s.Is(StatusDeleteFailed) || s.Is("FAILED")
}

// Ended reports whether a sandbox is over, or about to be. States that nobody has heard of are not: its health then tells.
func (s Status) Ended() bool {
	return s.Is(StatusTerminated) || s.Is("STOPPED") || s.Is("FAILED") || s.Is(StatusDeleting)
}

// NetworkMode says what sandboxes can reach.
type NetworkMode string

// The network modes.
const (
	NetworkPublic           NetworkMode = "PUBLIC"
	NetworkPrivate          NetworkMode = "PRIVATE"
	NetworkPublicAndPrivate NetworkMode = "PUBLIC_AND_PRIVATE"
)

// Network is what sandboxes can reach. The other fields are for the private modes.
type Network struct {
	Mode            NetworkMode `json:"networkMode"`
	VPCID           string      `json:"vpcId,omitempty"`
	VSwitchIDs      []string    `json:"vswitchIds,omitempty"`
	SecurityGroupID string      `json:"securityGroupId,omitempty"`
}

// TemplateSpec is what a template is made from (documented; names of fields recorded). Name, Type, CPU, Memory and Network are required to create one.
type TemplateSpec struct {
	Name        string            `json:"templateName,omitempty"` // unique in account and region
	Type        TemplateType      `json:"templateType,omitempty"`
	CPU         float64           `json:"cpu,omitempty"`      // cores; at least 2 for interpreters
	Memory      int               `json:"memory,omitempty"`   // MB; at least 2048
	DiskSize    int               `json:"diskSize,omitempty"` // MB; 512 or 10240
	Network     *Network          `json:"networkConfiguration,omitempty"`
	IdleTimeout Seconds           `json:"sandboxIdleTimeoutInSeconds,omitempty"` // without a request for so long, a sandbox ends
	Description string            `json:"description,omitempty"`
	Environment map[string]string `json:"environmentVariables,omitempty"` // the only place for it: sandboxes have none of their own
	RoleARN     string            `json:"executionRoleArn,omitempty"`     // the RAM role that code inside may use
	// Extra holds fields of the service that have no name here, such as nasConfig. They are sent as they are.
	Extra map[string]any `json:"-"`
}

// MarshalJSON implements [json.Marshaler].
func (s TemplateSpec) MarshalJSON() ([]byte, error) {
	type plain TemplateSpec
	return withExtra(plain(s), s.Extra)
}

// Template is a recipe as the service has it. That numbers may come as text is recorded: the official clients disagree.
type Template struct {
	ID                string            `json:"templateId,omitempty"`
	Name              string            `json:"templateName,omitempty"`
	ARN               string            `json:"templateArn,omitempty"`
	ResourceName      string            `json:"resourceName,omitempty"` // of the function behind it
	Type              TemplateType      `json:"templateType,omitempty"`
	Version           string            `json:"templateVersion,omitempty"`
	CPU               float64           `json:"cpu,omitempty"`      // cores
	Memory            Int               `json:"memory,omitempty"`   // MB
	DiskSize          Int               `json:"diskSize,omitempty"` // MB
	Description       string            `json:"description,omitempty"`
	Environment       map[string]string `json:"environmentVariables,omitempty"`
	Network           *Network          `json:"networkConfiguration,omitempty"`
	RoleARN           string            `json:"executionRoleArn,omitempty"`
	IdleTimeout       Seconds           `json:"sandboxIdleTimeoutInSeconds,omitempty"`
	TTL               Seconds           `json:"sandboxTTLInSeconds,omitempty"`             // deprecated; 21600
	ParallelRequests  Int               `json:"shareConcurrencyLimitPerSandbox,omitempty"` // into one sandbox; 200
	AllowsAnonymous   bool              `json:"allowAnonymousManage,omitempty"`            // anybody may create sandboxes at the account's cost
	Status            Status            `json:"status,omitempty"`
	StatusReason      string            `json:"statusReason,omitempty"` // why it failed
	CreatedAt         Time              `json:"createdAt,omitzero"`
	LastUpdatedAt     Time              `json:"lastUpdatedAt,omitzero"`
	MCPOptions        json.RawMessage   `json:"mcpOptions,omitempty"`
	MCPState          json.RawMessage   `json:"mcpState,omitempty"`
	CredentialBinding json.RawMessage   `json:"credentialConfiguration,omitempty"`
}

// CreateTemplate makes a template, which is usually still CREATING when the answer comes. A name that is taken is
// [KindExists]. Sent once.
func (c *Client) CreateTemplate(ctx context.Context, spec TemplateSpec) (Template, error) {
	var made Template
	err := c.do(ctx, call{op: "CreateTemplate", plane: Control, method: http.MethodPost, path: path("templates"), body: spec}, &made)
	return made, err
}

// GetTemplate looks at a template.
func (c *Client) GetTemplate(ctx context.Context, name string) (Template, error) {
	var found Template
	err := c.do(ctx, call{op: "GetTemplate", plane: Control, method: http.MethodGet, path: path("templates", name), repeat: reading}, &found)
	return found, err
}

// UpdateTemplate changes what spec holds of a template, which is not its name, type or disk size. The token, if any, lets the
// service recognise a second request of the same change. Sent once.
func (c *Client) UpdateTemplate(ctx context.Context, name, token string, spec TemplateSpec) (Template, error) {
	var changed Template
	cl := call{op: "UpdateTemplate", plane: Control, method: http.MethodPut, path: path("templates", name), body: spec, query: url.Values{}}
	set(cl.query, "clientToken", token)
	err := c.do(ctx, cl, &changed)
	return changed, err
}

// DeleteTemplate deletes a template.
func (c *Client) DeleteTemplate(ctx context.Context, name string) (Template, error) {
	var deleted Template
	err := c.do(ctx, call{op: "DeleteTemplate", plane: Control, method: http.MethodDelete, path: path("templates", name), repeat: repeating}, &deleted)
	return deleted, err
}

// TemplateQuery chooses templates. Empty fields choose nothing away.
type TemplateQuery struct {
	PageNumber, PageSize int    // from 1; 0: the service's own
	Name                 string // a part of it
	Type                 TemplateType
	Status               Status
}

// TemplatePage is one page of templates.
type TemplatePage struct {
	Items      []Template `json:"items"`
	PageNumber Int        `json:"pageNumber,omitempty"`
	PageSize   Int        `json:"pageSize,omitempty"`
	Total      Int        `json:"total,omitempty"` // on all pages
}

// ListTemplates gives one page.
func (c *Client) ListTemplates(ctx context.Context, query TemplateQuery) (TemplatePage, error) {
	values := url.Values{}
	setInt(values, "pageNumber", query.PageNumber)
	setInt(values, "pageSize", query.PageSize)
	set(values, "templateName", query.Name)
	set(values, "templateType", string(query.Type))
	set(values, "status", string(query.Status))
	var page TemplatePage
	err := c.do(ctx, call{op: "ListTemplates", plane: Control, method: http.MethodGet, path: path("templates"), query: values, repeat: reading}, &page)
	return page, err
}

func set(values url.Values, name, value string) {
	if value != "" {
		values.Set(name, value)
	}
}

func setInt(values url.Values, name string, value int) {
	if value != 0 {
		values.Set(name, strconv.Itoa(value))
	}
}

// SandboxSpec is what a sandbox is made from. Template is required.
type SandboxSpec struct {
	Template string // its name
	// ID is wanted for the sandbox: up to 128 letters, digits, - and _ (reported). Empty: the service makes one.
	ID string
	// IdleTimeout is after what time without a request the sandbox ends, in whole seconds, rounded up. 0: the service's own, which
	// the official clients never leave it to: they send 600 s (recorded).
	IdleTimeout time.Duration
	// Extra holds fields of the service that have no name here, such as ossMountConfig. They are sent as they are.
	Extra map[string]any
}

// MarshalJSON writes the idle timeout under both its names: each plane has one (recorded), and ignores the other (assumed).
func (s SandboxSpec) MarshalJSON() ([]byte, error) {
	idle := secondsOf(s.IdleTimeout)
	return withExtra(struct {
		Template      string  `json:"templateName"`
		ID            string  `json:"sandboxId,omitempty"`
		Idle          Seconds `json:"sandboxIdleTimeoutInSeconds,omitempty"`
		IdleOtherName Seconds `json:"sandboxIdleTimeoutSeconds,omitempty"`
	}{s.Template, s.ID, idle, idle}, s.Extra)
}

// Sandbox is one isolated machine as the service has it.
type Sandbox struct {
	ID                   string          `json:"sandboxId,omitempty"`
	TemplateID           string          `json:"templateId,omitempty"`
	TemplateName         string          `json:"templateName,omitempty"`
	TemplateType         TemplateType    `json:"templateType,omitempty"`
	Status               Status          `json:"status,omitempty"`
	CreatedAt            Time            `json:"createdAt,omitzero"`
	LastUpdatedAt        Time            `json:"lastUpdatedAt,omitzero"`
	EndedAt              Time            `json:"endedAt,omitzero"`
	ARN                  string          `json:"sandboxArn,omitempty"`
	IdleTimeoutSeconds   Seconds         `json:"sandboxIdleTimeoutSeconds,omitempty"`
	IdleTimeoutInSeconds Seconds         `json:"sandboxIdleTimeoutInSeconds,omitempty"`
	IdleTTL              Seconds         `json:"sandboxIdleTTLInSeconds,omitempty"` // deprecated
	Metadata             json.RawMessage `json:"metadata,omitempty"`                // an object; when created, with details of the function behind it
}

// IdleTimeout is after what time without a request the sandbox ends; 0 if the answer did not say.
func (s Sandbox) IdleTimeout() time.Duration {
	return cmp.Or(s.IdleTimeoutInSeconds, s.IdleTimeoutSeconds, s.IdleTTL).Duration()
}

// MaxLifetime is how long a sandbox lives at most (documented), from its creation, whatever it does and however often it was
// paused.
const MaxLifetime = 6 * time.Hour

// CreateSandbox makes a sandbox, which can be used once its health is OK. Sent once: after a failure that is Uncertain there may
// be a sandbox, which ListSandboxes shows.
func (c *Client) CreateSandbox(ctx context.Context, spec SandboxSpec) (Sandbox, error) {
	var made Sandbox
	err := c.do(ctx, call{op: "CreateSandbox", plane: c.lifecycle, method: http.MethodPost, path: path("sandboxes"), body: spec}, &made)
	return made, err
}

// GetSandbox looks at a sandbox. One that has ended may still be there, as TERMINATED, and one that is READY may have ended.
func (c *Client) GetSandbox(ctx context.Context, id string) (Sandbox, error) {
	var found Sandbox
	err := c.do(ctx, call{op: "GetSandbox", plane: c.lifecycle, method: http.MethodGet, path: path("sandboxes", id), repeat: reading}, &found)
	return found, err
}

// StopSandbox ends a sandbox and everything in it. One that is gone already is a success.
func (c *Client) StopSandbox(ctx context.Context, id string) (Sandbox, error) {
	return c.end(ctx, call{op: "StopSandbox", method: http.MethodPost, path: path("sandboxes", id, "stop")}, id)
}

// DeleteSandbox ends a sandbox, if it still lives, and forgets it. The answer is how it was before. One that is gone already is a
// success: the service lists sandboxes for a while that it then does not find (reported).
func (c *Client) DeleteSandbox(ctx context.Context, id string) (Sandbox, error) {
	return c.end(ctx, call{op: "DeleteSandbox", method: http.MethodDelete, path: path("sandboxes", id)}, id)
}

func (c *Client) end(ctx context.Context, cl call, id string) (Sandbox, error) {
	cl.plane, cl.repeat = c.lifecycle, repeating
	var ended Sandbox
	err := c.do(ctx, cl, &ended)
	if KindOf(err) == KindSandboxGone {
		return Sandbox{ID: id, Status: StatusTerminated}, nil
	}
	return ended, err
}

// PauseSandbox keeps a sandbox aside for up to 30 days; its connections break. Only for accounts that are let. Its lifetime goes
// on (all documented).
func (c *Client) PauseSandbox(ctx context.Context, id string) (Sandbox, error) {
	var paused Sandbox
	err := c.do(ctx, call{op: "PauseSandbox", plane: Control, method: http.MethodPut, path: path("sandboxes", id, "pause")}, &paused)
	return paused, err
}

// ResumeSandbox lets a paused sandbox go on.
func (c *Client) ResumeSandbox(ctx context.Context, id string) (Sandbox, error) {
	var resumed Sandbox
	err := c.do(ctx, call{op: "ResumeSandbox", plane: Control, method: http.MethodPut, path: path("sandboxes", id, "resume")}, &resumed)
	return resumed, err
}

// SandboxQuery chooses sandboxes. Empty fields choose nothing away.
type SandboxQuery struct {
	MaxResults   int    // of a page; 0: the service's own
	NextToken    string // of the page before
	ID           string
	TemplateName string
	TemplateType TemplateType
	Status       Status
}

// SandboxPage is one page of sandboxes. NextToken is empty on the last.
type SandboxPage struct {
	Items     []Sandbox `json:"items"`
	NextToken string    `json:"nextToken"`
}

// ListSandboxes gives one page.
func (c *Client) ListSandboxes(ctx context.Context, query SandboxQuery) (SandboxPage, error) {
	values := url.Values{}
	setInt(values, "maxResults", query.MaxResults)
	set(values, "nextToken", query.NextToken)
	set(values, "sandboxId", query.ID)
	set(values, "templateName", query.TemplateName)
	set(values, "templateType", string(query.TemplateType))
	set(values, "status", string(query.Status))
	var page SandboxPage
	err := c.do(ctx, call{op: "ListSandboxes", plane: Control, method: http.MethodGet, path: path("sandboxes"), query: values, repeat: reading}, &page)
	return page, err
}

// errSameToken says that a list has no end.
var errSameToken = errors.New("the service gave the same page twice")

// Sandboxes goes through all pages of a list. An error ends it.
func (c *Client) Sandboxes(ctx context.Context, query SandboxQuery) iter.Seq2[Sandbox, error] {
	return func(yield func(Sandbox, error) bool) {
		for {
			page, err := c.ListSandboxes(ctx, query)
			if err == nil && page.NextToken != "" && page.NextToken == query.NextToken {
				err = &APIError{Plane: Control, Operation: "ListSandboxes", Kind: KindBadAnswer, Message: errSameToken.Error(), Err: errSameToken, Host: c.control.Host()}
			}
			if err != nil {
				yield(Sandbox{}, err)
				return
			}
			for _, sandbox := range page.Items {
				if !yield(sandbox, nil) {
					return
				}
			}
			if page.NextToken == "" {
				return
			}
			query.NextToken = page.NextToken
		}
	}
}
