package mcpserver

// defaultResultTokens is how much text of a result a model is asked to read.
const defaultResultTokens = 24_000

// resultTokens is how long the text of a result may be for the client of this exchange, in tokens.
func (x *exchange) resultTokens() int { return defaultResultTokens }
