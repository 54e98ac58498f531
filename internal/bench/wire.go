package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// protocol is the newest version of the era in which a client begins with initialize: what editors speak today.
const protocol = "2025-11-25"

// initialize is the parameters of a client's first request.
var initialize = json.RawMessage(`{"protocolVersion":"` + protocol + `","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}`)

// request is one line of JSON-RPC; an id of 0 makes a notification.
func request(id int, method string, params json.RawMessage) []byte {
	b := []byte(`{"jsonrpc":"2.0"`)
	if id != 0 {
		b = append(b, `,"id":`...)
		b = strconv.AppendInt(b, int64(id), 10)
	}
	b = append(b, `,"method":"`...)
	b = append(b, method...)
	b = append(b, '"')
	if params != nil {
		b = append(b, `,"params":`...)
		b = append(b, params...)
	}
	return append(b, '}', '\n')
}

// tool is the parameters of a tools/call.
func tool(name string, arguments any) (json.RawMessage, error) {
	return json.Marshal(map[string]any{"name": name, "arguments": arguments})
}

// message is what a server sends: an answer, or a request or notification of its own, which has a method.
type message struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

// answer returns the result when line is the answer to the request with this id; other messages are not ours to read.
func answer(line []byte, id int) (result json.RawMessage, ours bool, err error) {
	var m message
	if err := json.Unmarshal(line, &m); err != nil {
		return nil, false, fmt.Errorf("not a message: %q: %w", line, err)
	}
	if m.Method != "" || string(m.ID) != strconv.Itoa(id) {
		return nil, false, nil
	}
	if m.Error != nil {
		return nil, true, fmt.Errorf("refused with %d: %s", m.Error.Code, m.Error.Message)
	}
	return m.Result, true, nil
}

// checkTool returns an error for a tool result that reports one, and for one that lacks a text it should have.
func checkTool(result json.RawMessage, want string) error {
	if bytes.Contains(result, []byte(`"isError":true`)) {
		return fmt.Errorf("the tool failed: %s", result)
	}
	if want != "" && !bytes.Contains(result, []byte(want)) {
		return fmt.Errorf("the answer lacks %s: %s", want, result)
	}
	return nil
}

// structured reads the structured content of a tool result.
func structured(result json.RawMessage, into any) error {
	var r struct {
		StructuredContent json.RawMessage `json:"structuredContent"`
	}
	if err := json.Unmarshal(result, &r); err != nil {
		return err
	}
	if r.StructuredContent == nil {
		return errors.New("the answer has no structured content")
	}
	return json.Unmarshal(r.StructuredContent, into)
}
