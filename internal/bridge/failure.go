package bridge

import (
	"encoding/json"
	"fmt"
)

// Codes of calls which the relay could not have carried out, in the words of the tools.
const (
	toolInvalid   = "INVALID_PARAMS"
	toolTooLarge  = "TOO_LARGE"
	toolCancelled = "CANCELLED"
	toolLost      = "SESSION_LOST"
)

// failedCall answers a tools/call in the form of every failed tool. Editors keep errors of the
// protocol to themselves; a model sees results only.
func failedCall(id []byte, modern bool, code, sentence string) []byte {
	object, _ := json.Marshal(struct {
		Error string `json:"error"`
		Code  string `json:"code"`
	}{sentence, code}) // strings always can be
	quoted, _ := json.Marshal(string(object))
	resultType := ""
	if modern {
		resultType = `"resultType":"complete",`
	}
	return resultMessage(id, fmt.Appendf(nil, `{%s"content":[{"type":"text","text":%s}],"structuredContent":%s,"isError":true}`, resultType, quoted, object))
}

// answerLost answers a tools/call which was sent to a host that then went away. It is never
// repeated, so the model has to be told.
func (r *Relay) answerLost(c *call) {
	r.answer(c, failedCall(c.id, c.modern, toolLost,
		"AgentRun Tray was restarted while this call was running, so its result is lost. The call may or may not have taken effect. "+
			"Contexts from before may be gone: check with list_contexts, look at what the call would have changed, then decide whether to call again."))
}

// answerUnfinished answers a call which takes longer than the relay stays after the end of its
// standard input.
func (r *Relay) answerUnfinished(c *call) {
	if c.method != "tools/call" {
		r.answerError(c, codeUnavailable, fmt.Sprintf("standard input was closed and the request was not done within %v, so it was cancelled", r.times.linger))
		return
	}
	r.answer(c, failedCall(c.id, c.modern, toolCancelled, fmt.Sprintf(
		"Standard input was closed and the call was not done within %v, so it was cancelled. It may have taken effect in part. Keep standard input open until the answer has come.", r.times.linger)))
}

// unavailableMessage answers a request for which no host was to be had.
func unavailableMessage(id []byte, cause error) []byte {
	quoted, _ := json.Marshal("AgentRun is not available: " + cause.Error()) // a string always can be
	return fmt.Appendf(nil, `{"jsonrpc":"2.0","id":%s,"error":{"code":%d,"message":%s,"data":{"code":"SERVER_NOT_READY"}}}`, id, codeUnavailable, quoted)
}
