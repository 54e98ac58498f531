package bridge

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// maxEvent bounds one event of a stream. The host's results stay far below.
const maxEvent = 64 << 20

// events reads a stream of server-sent events and hands the data of each message to deliver. An
// event is complete with the empty line after it: what a dying host leaves half written is never
// delivered. It returns nil when the stream ends.
func events(stream io.Reader, deliver func(message []byte)) error {
	in := bufio.NewReaderSize(stream, 16<<10)
	if mark, err := in.Peek(3); err == nil && bytes.Equal(mark, []byte("\xef\xbb\xbf")) {
		if _, err := in.Discard(3); err != nil {
			return err
		}
	}
	var ev event
	for {
		complete, err := ev.read(in)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if !complete {
			continue
		}
		if data := trimmed(ev.data); len(data) > 0 && (ev.name == "" || ev.name == "message") {
			deliver(data)
		}
		ev = event{} // deliver may keep the data
	}
}

// event is what has been read of one.
type event struct {
	name string
	data []byte
}

// read takes one line and reports whether it ended the event.
func (e *event) read(in *bufio.Reader) (complete bool, err error) {
	var text []byte
	for {
		chunk, err := in.ReadSlice('\n')
		if len(e.data)+len(text)+len(chunk) > maxEvent {
			return false, fmt.Errorf("an event of the host is longer than %d bytes", maxEvent)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			text = append(text, chunk...)
			continue
		}
		if err != nil {
			return false, err // a line without its end is no line
		}
		if text == nil {
			text = chunk // valid until the next read, which is after field has copied
		} else {
			text = append(text, chunk...)
		}
		break
	}
	text = bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r"))
	if len(text) == 0 {
		return true, nil
	}
	e.field(text)
	return false, nil
}

func (e *event) field(text []byte) {
	name, value, _ := bytes.Cut(text, []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	switch string(name) {
	case "data":
		if e.data != nil {
			e.data = append(e.data, '\n')
		}
		e.data = append(e.data, value...)
		if e.data == nil {
			e.data = []byte{}
		}
	case "event":
		e.name = string(value)
	}
	// Comments, which begin with a colon and keep the connection warm, and ids and retry times,
	// which are for resuming a stream, say nothing to us.
}
