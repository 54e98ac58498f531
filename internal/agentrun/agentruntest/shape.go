package agentruntest

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"
)

// Gone is how the data plane says that a sandbox is over.
type Gone string

// The ways, of which the service is known to have at least three.
const (
	GoneNotFound  Gone = ""           // 404 with an error object
	GoneStatus    Gone = "410"        // 410 with an error object
	GonePlain     Gone = "plain"      // 404 with the words "sandbox not found"
	GoneIn200     Gone = "failed"     // 200 with the code FAILED
	GoneBadAnswer Gone = "empty body" // 404 with nothing
)

// Shape is how answers look where sources of the service's behaviour differ. The zero value is what was seen of the service
// itself, where something was, and else what its documentation says of the present version.
type Shape struct {
	// BareLifecycle leaves the envelope off answers about sandboxes on the data plane, as the documentation shows them.
	BareLifecycle bool
	// WrappedInside puts answers from inside a sandbox into the envelope.
	WrappedInside bool
	// ContextsUnder is the name under which an object holds the list of contexts: "data", "items" or "contexts". Empty: a list.
	ContextsUnder string
	// TextResults gives results as text with the placeholder None, as documented, instead of as forms by their MIME type.
	TextResults bool
	// EndItem closes the items of a run with endOfExecution.
	EndItem bool
	// TimeoutItem tells of a timeout by an item of that type, as of old.
	TimeoutItem bool
	// ErrorValue has the text of an error in value, and name and traceback beside it. Otherwise it is all in text.
	ErrorValue bool
	// NumbersAsText writes timeouts of templates and ids of processes in quotes.
	NumbersAsText bool
	// OldFiles gives the file that is read as an entry beside its content.
	OldFiles bool
	// InnerPaths gives files by paths that begin with a folder of the service's own, as some examples of the documentation do.
	InnerPaths bool
	// StartingError says by an error, with status 200, that a sandbox is not healthy yet. Otherwise its health has another status.
	StartingError bool
	// UTC writes moments of the control plane in UTC without a fraction, instead of at +08:00 with one.
	UTC bool
	// DeleteAnswers gives a body where otherwise 204 comes.
	DeleteAnswers bool
	// ForgetsEnded lets GetSandbox find only what lives. Otherwise it gives what ended, as TERMINATED.
	ForgetsEnded bool
	// TimeoutEndsContext lets no interpreter survive the timeout of its code.
	TimeoutEndsContext bool
	// ConflictStatus is what "already exists" comes with: 409 (also when 0), 400 or 500.
	ConflictStatus int
	// Gone is how the data plane says that a sandbox is over.
	Gone Gone
}

// Named is a shape with a name for tests.
type Named struct {
	Name  string
	Shape Shape
}

// Shapes are shapes that differ from each other in everything that can differ.
func Shapes() []Named {
	return []Named{
		{"as seen", Shape{}},
		{"as documented", Shape{BareLifecycle: true, TextResults: true, EndItem: true, InnerPaths: true, UTC: true, Gone: GonePlain}},
		{"in envelopes", Shape{WrappedInside: true, EndItem: true, ErrorValue: true, NumbersAsText: true, ContextsUnder: "items", DeleteAnswers: true, StartingError: true, ConflictStatus: 500, Gone: GoneIn200}},
		{"as of old", Shape{BareLifecycle: true, TextResults: true, TimeoutItem: true, OldFiles: true, ForgetsEnded: true, TimeoutEndsContext: true, ContextsUnder: "contexts", ConflictStatus: 400, Gone: GoneStatus}},
	}
}

// object is JSON on its way out.
type object = map[string]any

// requestIDHere stands where the request's id goes.
const requestIDHere = "\x00request id"

// answer is what will be answered.
type answer struct {
	status      int
	body        any    // written as JSON, unless it is a string; nil: nothing
	contentType string // of a string; default: text/plain
	header      map[string]string
	file        io.ReadCloser // sent in place of body, and closed
	size        int64         // of file

	cut  cutting
	slow time.Duration // between the halves of the body
}

type cutting int

const (
	cutAtOnce cutting = iota + 1 // nothing is answered
	cutInBody                    // the answer breaks off
)

// problem is a failure that a plane speaks of, in the shape of its applications.
func problem(status int, code, message string) answer {
	return answer{status: status, body: object{"code": code, "requestId": requestIDHere, "message": message}}
}

// refusal is a failure that the inside of a sandbox speaks of.
func refusal(status int, code, message string) answer {
	return answer{status: status, body: object{"error": object{"code": code, "message": message, "details": object{}}}}
}

func invalid(message string) answer {
	return refusal(http.StatusBadRequest, "INVALID_REQUEST", message)
}

// page is what the gateway shows when there is nobody behind it.
func page(status int, title string) answer {
	return answer{status: status, contentType: "text/html", body: "<html>\r\n<head><title>" + title + "</title></head>\r\n<body>\r\n<center><h1>" + title + "</h1></center>\r\n</body>\r\n</html>\r\n"}
}

func enveloped(data any) answer {
	return answer{status: http.StatusOK, body: object{"code": "SUCCESS", "requestId": requestIDHere, "data": data}}
}

// lifecycle is an answer about a sandbox.
func (x *exchange) lifecycle(data any) answer {
	if x.plane == "data" && x.shape.BareLifecycle {
		return answer{status: http.StatusOK, body: data}
	}
	return enveloped(data)
}

// inside is an answer from a sandbox.
func (x *exchange) inside(data any) answer {
	if x.shape.WrappedInside {
		return enveloped(data)
	}
	return answer{status: http.StatusOK, body: data}
}

// gone is the answer about a sandbox that is over.
func (x *exchange) gone() answer {
	if x.plane == "control" {
		return problem(http.StatusNotFound, "ERR_NOT_FOUND", "sandbox not found")
	}
	switch x.shape.Gone {
	case GoneStatus:
		return problem(http.StatusGone, "ERR_GONE", "sandbox has been terminated")
	case GonePlain:
		return answer{status: http.StatusNotFound, body: "sandbox not found"}
	case GoneIn200:
		return problem(http.StatusOK, "FAILED", "sandbox not found")
	case GoneBadAnswer:
		return answer{status: http.StatusNotFound}
	default:
		return problem(http.StatusNotFound, "ERR_NOT_FOUND", "sandbox not found")
	}
}

// moment writes a time of the control plane.
func (s Shape) moment(at time.Time) string {
	if s.UTC {
		return insideMoment(at)
	}
	return at.In(time.FixedZone("", 8*60*60)).Format("2006-01-02T15:04:05.000000-07:00")
}

// insideMoment writes a time inside a sandbox.
func insideMoment(at time.Time) string { return at.UTC().Format(time.RFC3339) }

// path writes the path of a file.
func (s Shape) path(name string) string {
	if s.InnerPaths {
		return "/tmp/code-interpreter-sandbox" + absolute(name)
	}
	return absolute(name)
}

// number writes a whole number, in quotes where the shape has them.
func (s Shape) number(n int64) any {
	if s.NumbersAsText {
		return strconv.FormatInt(n, 10)
	}
	return n
}

func newRequestID() string {
	text := rand.Text() + rand.Text()
	return text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:32]
}

// write sends an answer.
func (x *exchange) write(w http.ResponseWriter, a answer) {
	if a.file != nil {
		defer func() { _ = a.file.Close() }() // of memory, or read to its end
	}
	if a.cut == cutAtOnce {
		panic(http.ErrAbortHandler) // breaks the connection and nothing else
	}
	header := w.Header()
	header.Set("Date", x.now().UTC().Format(http.TimeFormat))
	header.Set(map[string]string{"control": "x-acs-request-id", "data": "x-agentrun-request-id"}[x.plane], x.id)
	for name, value := range a.header {
		header.Set(name, value)
	}
	if a.file != nil {
		header.Set("Content-Length", strconv.FormatInt(a.size, 10))
		w.WriteHeader(a.status)
		_, _ = io.CopyN(w, a.file, a.size) // a client that leaves is no error
		return
	}
	body := x.encode(a, header)
	if len(body) > 0 {
		header.Set("Content-Length", strconv.Itoa(len(body)))
	}
	w.WriteHeader(a.status)
	if a.cut == 0 && a.slow == 0 {
		_, _ = w.Write(body)
		return
	}
	_, _ = w.Write(body[:len(body)/2])
	_ = http.NewResponseController(w).Flush()
	if a.cut == cutInBody {
		panic(http.ErrAbortHandler)
	}
	timer := time.NewTimer(a.slow)
	defer timer.Stop()
	select {
	case <-timer.C:
		_, _ = w.Write(body[len(body)/2:])
	case <-x.r.Context().Done():
	case <-x.e.over:
	}
}

func (x *exchange) encode(a answer, header http.Header) []byte {
	switch body := a.body.(type) {
	case nil:
		return nil
	case string:
		header.Set("Content-Type", cmp.Or(a.contentType, "text/plain; charset=utf-8"))
		return []byte(body)
	default:
		header.Set("Content-Type", "application/json")
		if fields, ok := body.(object); ok {
			for name, value := range fields {
				if value == requestIDHere {
					fields[name] = x.id
				}
			}
		}
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(body); err != nil {
			return []byte(err.Error()) // everything here has a JSON form
		}
		return b.Bytes()
	}
}

// read decodes the request's body.
func (x *exchange) read(into any) error {
	if len(x.body) == 0 {
		return errors.New("the body is empty")
	}
	return json.Unmarshal(x.body, into)
}
