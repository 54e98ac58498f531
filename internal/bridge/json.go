package bridge

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// eachField calls visit with the span of each value of a JSON object which is known to be valid,
// without building anything: a 10 MB argument is passed over, not read. Given anything but an
// object it does nothing.
func eachField(object []byte, visit func(key string, from, to int)) {
	i := skipSpace(object, 0)
	if i >= len(object) || object[i] != '{' {
		return
	}
	i++
	for {
		i = skipSpace(object, i)
		if i >= len(object) || object[i] != '"' {
			return // '}', or not the valid object we were promised
		}
		end := skipValue(object, i)
		key, _ := text(object[i:end])
		i = skipSpace(object, end)
		if i >= len(object) || object[i] != ':' {
			return
		}
		from := skipSpace(object, i+1)
		to := skipValue(object, from)
		if to == from {
			return
		}
		visit(key, from, to)
		i = skipSpace(object, to)
		if i >= len(object) || object[i] != ',' {
			return
		}
		i++
	}
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\n' || b[i] == '\r') {
		i++
	}
	return i
}

// skipValue returns where the JSON value at i ends.
func skipValue(b []byte, i int) int {
	depth := 0
	for i < len(b) {
		switch b[i] {
		case '"':
			i = skipString(b, i)
		case '{', '[':
			depth++
			i++
		case '}', ']':
			if depth == 0 {
				return i
			}
			depth--
			i++
		case ',', ' ', '\t', '\n', '\r', ':':
			if depth == 0 {
				return i
			}
			i++
			continue
		default:
			i++
			if depth == 0 && (i == len(b) || strings.IndexByte(",]} \t\n\r:", b[i]) >= 0) {
				return i
			}
			continue
		}
		if depth == 0 {
			return i
		}
	}
	return i
}

func skipString(b []byte, i int) int {
	for i++; i < len(b); i++ {
		quote := bytes.IndexByte(b[i:], '"')
		if quote < 0 {
			return len(b)
		}
		i += quote
		slashes := 0
		for b[i-1-slashes] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			return i + 1
		}
	}
	return len(b)
}

// field returns the value at a path of keys, or nil.
func field(message []byte, path ...string) []byte {
	for _, want := range path {
		var found []byte
		eachField(message, func(key string, from, to int) {
			if key == want {
				found = message[from:to]
			}
		})
		if found == nil {
			return nil
		}
		message = found
	}
	return message
}

// withID returns a JSON object with another id and everything else as it was.
func withID(message, id []byte) []byte {
	at, end := -1, -1
	eachField(message, func(key string, from, to int) {
		if key == "id" {
			at, end = from, to
		}
	})
	out := make([]byte, 0, len(message)+len(id)+8)
	if at >= 0 {
		return append(append(append(out, message[:at]...), id...), message[end:]...)
	}
	open := bytes.IndexByte(message, '{') + 1
	out = append(append(append(out, message[:open]...), `"id":`...), id...)
	if rest := skipSpace(message, open); rest < len(message) && message[rest] != '}' {
		out = append(out, ',')
	}
	return append(out, message[open:]...)
}

// errorMessage is a JSON-RPC error as a message.
func errorMessage(id []byte, code int, text string) []byte {
	if id == nil {
		id = []byte("null")
	}
	quoted, _ := json.Marshal(text) // a string always can be
	out := make([]byte, 0, len(id)+len(quoted)+64)
	out = append(append(out, `{"jsonrpc":"2.0","id":`...), id...)
	out = strconv.AppendInt(append(out, `,"error":{"code":`...), int64(code), 10)
	out = append(append(out, `,"message":`...), quoted...)
	return append(out, "}}"...)
}

// resultMessage is a JSON-RPC result as a message.
func resultMessage(id, result []byte) []byte {
	return fmt.Appendf(nil, `{"jsonrpc":"2.0","id":%s,"result":%s}`, id, result)
}
