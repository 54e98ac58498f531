package secrets

// variables are the names under which the environment has each field. The first that is not empty counts: ours, then those of the
// service's official clients, then those of its examples, which these clients do not read.
var variables = map[Field][]string{
	FieldAccessKeyID:     {"AGENTRUN_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_ID"},
	FieldAccessKeySecret: {"AGENTRUN_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"},
	FieldSecurityToken:   {"AGENTRUN_SECURITY_TOKEN", "ALIBABA_CLOUD_SECURITY_TOKEN"},
	FieldAccountID:       {"AGENTRUN_ACCOUNT_ID", "FC_ACCOUNT_ID", "ALIBABA_CLOUD_ACCOUNT_ID"},
	FieldRegion:          {"AGENTRUN_REGION", "FC_REGION", "ALIBABA_CLOUD_REGION"},
	FieldControlEndpoint: {"AGENTRUN_CONTROL_ENDPOINT"},
	FieldDataEndpoint:    {"AGENTRUN_DATA_ENDPOINT"},
}

// Variables lists the names under which the environment may have a field, the first choice first.
func Variables(name Field) []string { return append([]string(nil), variables[name]...) }

// fromEnvironment finds what the environment has. It has credentials if an access key is there under a name of AgentRun's, even
// half of one: whoever has set that wants it used, and is told what is missing. A key under the names that other programs for
// Alibaba Cloud use too counts when it comes with all that is needed.
func fromEnvironment(getenv func(string) string) (Credentials, bool) {
	c := Credentials{Source: FromEnvironment}
	for _, p := range parts {
		for _, name := range variables[p.name] {
			if text := getenv(name); text != "" {
				p.set(&c, text)
				break
			}
		}
	}
	meant := getenv(variables[FieldAccessKeyID][0]) != "" || getenv(variables[FieldAccessKeySecret][0]) != ""
	if !meant && c.Check() != nil {
		return Credentials{}, false
	}
	return c, true
}
