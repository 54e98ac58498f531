package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Client is what one client may do and how much it is told. Over HTTP a client's name is that of its token; on the unix socket it
// is what the client calls itself. Upper and lower case are the same.
type Client struct {
	// ResultTokens is about how many tokens a result may have; 0 means runs.result_tokens.
	ResultTokens int `json:"result_tokens,omitempty"`
	// Tools are the tools that the client may use; nil means all.
	Tools []string `json:"tools,omitzero"`

	wrong []Fault // what could not be read, with fields named from here
}

// UnmarshalJSON reads what can be read of a client's rules and remembers the rest for Check. A list of tools that cannot be read
// allows none: whoever wrote one meant to forbid something.
func (c *Client) UnmarshalJSON(text []byte) error {
	*c = Client{}
	var given map[string]json.RawMessage
	if err := json.Unmarshal(text, &given); err != nil {
		c.Tools = []string{}
		c.wrong = []Fault{{Text: `this is not a JSON object such as {"tools": ["run_code"]}, so the client may use no tool`}}
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		value := given[name]
		switch name {
		case "result_tokens":
			if err := json.Unmarshal(value, &c.ResultTokens); err != nil {
				c.ResultTokens = 0
				c.wrong = append(c.wrong, Fault{Field: name, Text: fmt.Sprintf("%s is not a whole number, so runs.result_tokens is used", short(value))})
			}
		case "tools":
			if err := json.Unmarshal(value, &c.Tools); err != nil {
				c.Tools = []string{}
				c.wrong = append(c.wrong, Fault{Field: name, Text: fmt.Sprintf("%s is not a list of names, so the client may use no tool", short(value))})
			}
		default:
			c.wrong = append(c.wrong, Fault{Field: name, Text: "there is no such setting, so it was ignored"})
		}
	}
	return nil
}

// short writes a JSON value for a sentence.
func short(value json.RawMessage) string {
	var b bytes.Buffer
	if err := json.Compact(&b, value); err != nil || b.Len() > 60 {
		return "this"
	}
	return b.String()
}

// The least and the most that may be set of a result's tokens.
const (
	minResultTokens = 1_000
	maxResultTokens = 250_000
)

// checkClients says what is wrong with the rules per client, and leaves what holds.
func (c *Config) checkClients() []Fault {
	var faults []Fault
	var kept []string
	for _, name := range slices.Sorted(maps.Keys(c.Clients)) {
		rules, field := c.Clients[name], "clients."+name
		for _, f := range rules.wrong {
			faults = append(faults, Fault{Field: strings.TrimSuffix(field+"."+f.Field, "."), Text: f.Text})
		}
		rules.wrong = nil
		if n := rules.ResultTokens; n != 0 && (n < minResultTokens || n > maxResultTokens) {
			rules.ResultTokens = 0
			faults = append(faults, Fault{Field: field + ".result_tokens", Text: fmt.Sprintf("%d is not between %d and %d, so runs.result_tokens is used", n, minResultTokens, maxResultTokens)})
		}
		c.Clients[name] = rules
		if at := slices.IndexFunc(kept, func(first string) bool { return strings.EqualFold(first, name) }); at >= 0 {
			delete(c.Clients, name)
			faults = append(faults, Fault{Field: field, Text: fmt.Sprintf("this is the same client as %s, as case does not matter, so only that one counts", kept[at])})
			continue
		}
		kept = append(kept, name)
	}
	return faults
}

// CheckTools takes the names that no tool has out of the lists of what clients may use, and says which those were. It is not part
// of Check because settings do not know which tools there are.
func (c *Config) CheckTools(known []string) []Fault {
	var faults []Fault
	for _, name := range slices.Sorted(maps.Keys(c.Clients)) {
		rules := c.Clients[name]
		if rules.Tools == nil {
			continue
		}
		var unknown []string
		good := []string{} // not nil, which would allow everything
		for _, tool := range rules.Tools {
			if slices.Contains(known, tool) {
				good = append(good, tool)
			} else {
				unknown = append(unknown, tool)
			}
		}
		rules.Tools = good
		c.Clients[name] = rules
		if unknown != nil {
			faults = append(faults, Fault{Field: "clients." + name + ".tools", Text: fmt.Sprintf("there are no tools %q, so they were left out; the tools are %s", unknown, strings.Join(known, ", "))})
		}
	}
	return faults
}

// RulesOf returns the rules of a client with the general ones in place of what they leave open. It answers from memory.
func (c Config) RulesOf(client string) Client {
	rules, ok := c.Clients[client]
	if !ok {
		for name, other := range c.Clients {
			if strings.EqualFold(name, client) {
				rules = other
				break
			}
		}
	}
	if rules.ResultTokens == 0 {
		rules.ResultTokens = c.Runs.ResultTokens
	}
	return rules
}
