package editors

import (
	"encoding/base64"
	"net/url"
	"strings"
)

// Links are addresses that editors register. The editor asks its user before it adds anything. There is no secret in them, and
// nothing for a shell: they pass through the system's opener and through browsers.

// qoderLink: the JSON is escaped as a part of a URL, then made base64, which is escaped again because of its plus signs.
func qoderLink(e entry) string {
	inner := base64.StdEncoding.EncodeToString([]byte(escapeComponent(e.Line())))
	return "qoder://aicoding.aicoding-deeplink/mcp/add?name=" + Name + "&config=" + url.QueryEscape(inner)
}

func cherryLink(e entry) string {
	whole := entry{fixed("mcpServers", entry{fixed(Name, e)})}
	inner := base64.StdEncoding.EncodeToString([]byte(whole.Line()))
	return "cherrystudio://mcp/install?servers=" + url.QueryEscape(inner)
}

// escapeComponent is encodeURIComponent, of which the receiving side undoes exactly its own: a space is %20 there.
func escapeComponent(text string) string {
	return strings.ReplaceAll(url.QueryEscape(text), "+", "%20")
}

// pasteCard is the JSON that a user pastes into an editor that has no file.
func pasteCard(e entry) string {
	whole := entry{fixed("mcpServers", entry{fixed(Name, e)})}
	return whole.Text()
}
