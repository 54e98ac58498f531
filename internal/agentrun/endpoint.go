package agentrun

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// DefaultRegion is where the official clients go when nobody says otherwise (recorded).
const DefaultRegion = "cn-hangzhou"

// Regions lists the regions of the service's endpoint page (documented). There may be others by now: any name can be used.
func Regions() []string {
	return []string{"cn-hangzhou", "cn-shanghai", "cn-beijing", "cn-shenzhen", "ap-southeast-1"}
}

// Endpoint is a base URL of the service: scheme, host and, rarely, the beginning of a path.
type Endpoint struct{ base string }

// String gives the URL without a slash at its end.
func (e Endpoint) String() string { return e.base }

// Host gives the authority, with the port if there is one.
func (e Endpoint) Host() string {
	_, rest, _ := strings.Cut(e.base, "://")
	host, _, _ := strings.Cut(rest, "/")
	return host
}

var (
	regionName = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	accountID  = regexp.MustCompile(`^[0-9]+$`)
)

// ControlEndpoint is the public control host of a region.
func ControlEndpoint(region string) (Endpoint, error) {
	if !regionName.MatchString(region) {
		return Endpoint{}, fmt.Errorf("%q is not the name of a region; one is %s", region, DefaultRegion)
	}
	return Endpoint{"https://agentrun." + region + ".aliyuncs.com"}, nil
}

// DataEndpoint is the data host of an account in a region. The account is the main account's number, never a RAM user's.
func DataEndpoint(region, account string) (Endpoint, error) {
	switch {
	case !regionName.MatchString(region):
		return Endpoint{}, fmt.Errorf("%q is not the name of a region; one is %s", region, DefaultRegion)
	case !accountID.MatchString(account):
		return Endpoint{}, fmt.Errorf("the account id %q is not a number; it is the id of the main account, shown in the console's account menu", account)
	}
	return Endpoint{"https://" + account + ".agentrun-data." + region + ".aliyuncs.com"}, nil
}

// ParseEndpoint reads an endpoint as people write it: a URL, or a host alone, which means https. Plain http is for the loopback
// address only, where emulators listen.
func ParseEndpoint(text string) (Endpoint, error) {
	trimmed := strings.TrimSpace(text)
	if !strings.Contains(trimmed, "://") {
		trimmed = "https://" + trimmed
	}
	u, err := url.Parse(trimmed)
	if err != nil {
		return Endpoint{}, fmt.Errorf("the endpoint is not a URL: %w", withoutURL(err)) // the text may hold a password
	}
	u.Scheme, u.Host = strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	switch {
	case u.User != nil:
		return Endpoint{}, errors.New("the endpoint names a user; credentials do not belong into it")
	case u.Hostname() == "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.Opaque != "" || strings.ContainsFunc(u.Host, func(r rune) bool { return r == '%' || r > 126 }):
		return Endpoint{}, fmt.Errorf("the endpoint %q is not of the form https://host", text)
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return Endpoint{}, fmt.Errorf("the endpoint %q is not encrypted; use https (http is for this computer's own 127.0.0.1)", text)
	case u.Scheme != "http" && u.Scheme != "https":
		return Endpoint{}, fmt.Errorf("the endpoint %q has the scheme %q; use https", text, u.Scheme)
	}
	return Endpoint{u.Scheme + "://" + u.Host + strings.TrimRight(u.EscapedPath(), "/")}, nil
}

func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// signed is the endpoint for requests with a signature: the account's own host has another name for them, "-ram" after its first
// label (recorded). Other hosts stay as they are, and a name that has the mark already does not get it twice.
func (e Endpoint) signed() Endpoint {
	host := e.Host()
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	label, rest, _ := strings.Cut(host, ".")
	official := slices.ContainsFunc([]string{".agentrun-data.", ".funagent-data-pre."}, func(mark string) bool { return strings.Contains(name, mark) })
	if !official || strings.HasSuffix(label, "-ram") {
		return e
	}
	return Endpoint{strings.Replace(e.base, host, label+"-ram."+rest, 1)}
}
