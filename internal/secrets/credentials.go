package secrets

import (
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"unicode"
)

// Source is where credentials come from.
type Source string

// The sources.
const (
	FromEnvironment Source = "environment"
	FromKeychain    Source = "keychain"
	FromCLI         Source = "agentrun-cli" // the AgentRun CLI's file
	FromUser        Source = "user"         // typed just now
)

// Credentials are what is needed to use an AgentRun account. The region and the endpoints may be empty, which means the usual.
type Credentials struct {
	// AccessKeyID names the access key; it is not secret.
	AccessKeyID string
	// AccessKeySecret belongs to the key.
	AccessKeySecret Value
	// SecurityToken belongs to temporary credentials (STS) only.
	SecurityToken Value
	// AccountID is the number of the main account.
	AccountID string
	// Region is where sandboxes are made, such as cn-hangzhou.
	Region string
	// ControlEndpoint and DataEndpoint replace the service's hosts, for emulators and private networks.
	ControlEndpoint, DataEndpoint string
	// Source is where all this was found.
	Source Source
}

// Field names a part of Credentials, as the keychain's entry and the AgentRun CLI's file do.
type Field string

// The fields.
const (
	FieldAccessKeyID     Field = "access_key_id"
	FieldAccessKeySecret Field = "access_key_secret" //nolint:gosec // the name of a field
	FieldSecurityToken   Field = "security_token"
	FieldAccountID       Field = "account_id"
	FieldRegion          Field = "region"
	FieldControlEndpoint Field = "control_endpoint"
	FieldDataEndpoint    Field = "data_endpoint"
)

// Fault is something in credentials that cannot be right.
type Fault struct {
	Field Field
	Text  string // what is wrong, a sentence without its full stop; never the secret
}

// part ties a part of Credentials to its name and its check, which is not asked when the part is empty.
type part struct {
	name   Field
	label  string // in sentences
	secret bool
	get    func(*Credentials) string
	set    func(c *Credentials, text string)
	check  func(text string) string
}

// parts is the table of all, in the order in which they are asked for.
var parts = []part{
	{
		name: FieldAccessKeyID, label: "access key id",
		get: func(c *Credentials) string { return c.AccessKeyID }, set: func(c *Credentials, text string) { c.AccessKeyID = text },
	},
	{
		name: FieldAccessKeySecret, label: "access key secret", secret: true,
		get: func(c *Credentials) string { return c.AccessKeySecret.Reveal() }, set: func(c *Credentials, text string) { c.AccessKeySecret = NewValue(text) },
	},
	{
		name: FieldSecurityToken, label: "security token", secret: true,
		get: func(c *Credentials) string { return c.SecurityToken.Reveal() }, set: func(c *Credentials, text string) { c.SecurityToken = NewValue(text) },
	},
	{
		name: FieldAccountID, label: "account id", check: checkAccount,
		get: func(c *Credentials) string { return c.AccountID }, set: func(c *Credentials, text string) { c.AccountID = text },
	},
	{
		name: FieldRegion, label: "region", check: checkRegion,
		get: func(c *Credentials) string { return c.Region }, set: func(c *Credentials, text string) { c.Region = text },
	},
	{
		name: FieldControlEndpoint, label: "control endpoint", check: checkEndpoint,
		get: func(c *Credentials) string { return c.ControlEndpoint }, set: func(c *Credentials, text string) { c.ControlEndpoint = text },
	},
	{
		name: FieldDataEndpoint, label: "data endpoint", check: checkEndpoint,
		get: func(c *Credentials) string { return c.DataEndpoint }, set: func(c *Credentials, text string) { c.DataEndpoint = text },
	},
}

// CheckField looks at one part by itself, as somebody types it. It gives what is wrong, or "".
func CheckField(name Field, text string) string {
	for _, p := range parts {
		if p.name == name {
			return p.fault(text)
		}
	}
	return ""
}

func (p part) fault(text string) string {
	switch {
	case text == "":
		return ""
	case strings.ContainsFunc(text, unicode.IsSpace):
		return "the " + p.label + " has a space or a line break in it; copy it again without"
	case strings.ContainsFunc(text, func(r rune) bool { return r > unicode.MaxASCII || unicode.IsControl(r) }):
		return "the " + p.label + " has a character in it that cannot be part of one; copy it again"
	case p.check != nil:
		return p.check(text)
	}
	return ""
}

// Faults lists what cannot be right, without asking anybody. None means that the service can be asked.
func (c Credentials) Faults() []Fault {
	var faults []Fault
	for _, p := range parts {
		text := p.get(&c)
		if wrong := p.fault(text); wrong != "" {
			faults = append(faults, Fault{p.name, wrong})
			continue
		}
		if text != "" {
			continue
		}
		switch p.name {
		case FieldAccessKeyID, FieldAccessKeySecret:
			faults = append(faults, Fault{p.name, "the " + p.label + " is missing" + c.hint(p.name)})
		case FieldAccountID:
			if c.DataEndpoint == "" { // an endpoint of one's own has the account in it, or needs none
				faults = append(faults, Fault{p.name, "the account id is missing; it is the number of the main account, shown in the Alibaba Cloud console's account menu" + c.hint(p.name)})
			}
		case FieldSecurityToken, FieldRegion, FieldControlEndpoint, FieldDataEndpoint:
		}
	}
	return faults
}

// hint says where a missing part would go.
func (c Credentials) hint(name Field) string {
	if c.Source == FromEnvironment {
		return " (set " + variables[name][0] + ")"
	}
	return ""
}

// Check is Faults in one sentence, or nil.
func (c Credentials) Check() error {
	faults := c.Faults()
	if len(faults) == 0 {
		return nil
	}
	return &FaultsError{faults}
}

// FaultsError says what cannot be right in credentials.
type FaultsError struct{ Faults []Fault }

// Error is all of it in one sentence.
func (e *FaultsError) Error() string {
	texts := make([]string, len(e.Faults))
	for i, f := range e.Faults {
		texts[i] = f.Text
	}
	return strings.Join(texts, "; ")
}

// Fields are the names of the parts that it is about.
func (e *FaultsError) Fields() []string {
	names := make([]string, len(e.Faults))
	for i, f := range e.Faults {
		names[i] = string(f.Field)
	}
	return names
}

// SameAs reports whether two credentials are of one account and key, wherever they come from.
func (c Credentials) SameAs(other Credentials) bool {
	for _, p := range parts {
		if !NewValue(p.get(&c)).Equal(NewValue(p.get(&other))) {
			return false
		}
	}
	return true
}

// userIDLength is how long the numbers of RAM users are, which begin with 2. Main accounts have mostly 16 digits.
const userIDLength = 18

func checkAccount(text string) string {
	digits := strings.Trim(text, "0123456789") == ""
	switch {
	case strings.Contains(text, "@"):
		return "the account id is the name of a user; it is the number of the main account, shown in the Alibaba Cloud console's account menu"
	case !digits:
		return "the account id is not a number; it is that of the main account, shown in the Alibaba Cloud console's account menu"
	case len(text) >= userIDLength && text[0] == '2':
		return "the account id is that of a RAM user; use the number of the main account, shown in the Alibaba Cloud console's account menu"
	}
	return ""
}

var regionName = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

func checkRegion(text string) string {
	if !regionName.MatchString(text) {
		return "the region is not the name of one; one is cn-hangzhou"
	}
	return ""
}

// checkEndpoint finds what would show the credentials to others. The rest is for those who call the endpoint to find.
func checkEndpoint(text string) string {
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "":
		return "the endpoint is not a URL of the form https://host"
	case u.User != nil:
		return "the endpoint names a user; credentials do not belong into it"
	case strings.EqualFold(u.Scheme, "https"), strings.EqualFold(u.Scheme, "http") && isLoopback(u.Hostname()):
		return ""
	default:
		return "the endpoint is not encrypted; use https (http is for an emulator on this computer's own 127.0.0.1)"
	}
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}
