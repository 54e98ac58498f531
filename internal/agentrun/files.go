package agentrun

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	slash "path"
	"strings"
	"time"
)

// Entry is a file or folder of a sandbox. Paths in answers may begin with a folder of the service's own: what was asked for is
// the name to go by.
type Entry struct {
	Name        string `json:"name,omitempty"`
	Type        string `json:"type,omitempty"` // "file" or "directory"
	Path        string `json:"path,omitempty"`
	Size        Int    `json:"size,omitempty"` // bytes
	Mode        Int    `json:"mode,omitempty"` // 420 is 0644
	Permissions string `json:"permissions,omitempty"`
	Owner       string `json:"owner,omitempty"`
	Group       string `json:"group,omitempty"`
	Modified    Time   `json:"modifiedTime,omitzero"`
}

// IsFolder reports whether the entry is a folder.
func (e Entry) IsFolder() bool { return e.Type == "directory" }

// entryOf reads an entry that stands alone or under its name.
type entryOf struct {
	Entry Entry `json:"entry"`
}

// UnmarshalJSON implements [json.Unmarshaler].
func (e *entryOf) UnmarshalJSON(b []byte) error {
	var wrapped struct {
		Entry *Entry `json:"entry"`
	}
	if err := json.Unmarshal(b, &wrapped); err != nil {
		return err
	}
	if wrapped.Entry != nil {
		e.Entry = *wrapped.Entry
		return nil
	}
	return json.Unmarshal(b, &e.Entry)
}

// File is a file with its content.
type File struct {
	Entry
	Content  string `json:"content"`
	Encoding string `json:"encoding,omitempty"` // "utf-8" or "base64"
}

// UnmarshalJSON takes the entry's fields beside the content or, from older services, under a name of their own.
func (f *File) UnmarshalJSON(b []byte) error {
	var fields struct {
		Content  string `json:"content"`
		Encoding string `json:"encoding"`
	}
	var entry entryOf
	if err := errors.Join(json.Unmarshal(b, &fields), json.Unmarshal(b, &entry)); err != nil {
		return err
	}
	*f = File{Entry: entry.Entry, Content: fields.Content, Encoding: fields.Encoding}
	return nil
}

// Bytes decodes the content.
func (f File) Bytes() ([]byte, error) {
	if !strings.EqualFold(f.Encoding, "base64") {
		return []byte(f.Content), nil
	}
	b, err := base64.StdEncoding.DecodeString(f.Content)
	if err != nil {
		return nil, fmt.Errorf("decode the content of %s: %w", f.Path, err)
	}
	return b, nil
}

func pathQuery(name string) url.Values { return url.Values{"path": {name}} }

// ReadFile reads a file into memory, in one answer of at most 32 MiB. [Client.Download] has no such limit.
func (c *Client) ReadFile(ctx context.Context, sandboxID, path string) (File, error) {
	var file File
	err := c.do(ctx, call{op: "ReadFile", plane: Data, method: http.MethodGet, path: inside(sandboxID, "files"), query: pathQuery(path), repeat: reading}, &file)
	return file, err
}

// Written is what a file came to be.
type Written struct {
	Path string `json:"path,omitempty"`
	Size Int    `json:"size,omitempty"` // bytes
}

// WriteFile writes a text file, with the folders above it. The service takes the usual extensions of text only, and no names
// that begin with a dot (documented): [Client.Upload] takes anything. Sent once.
func (c *Client) WriteFile(ctx context.Context, sandboxID, path, content string) (Written, error) {
	request := struct {
		Path      string `json:"path"`
		Content   string `json:"content"`
		Mode      string `json:"mode"`
		Encoding  string `json:"encoding"`
		CreateDir bool   `json:"createDir"`
	}{path, content, "644", "utf-8", true}
	var written Written
	err := c.do(ctx, call{op: "WriteFile", plane: Data, method: http.MethodPost, path: inside(sandboxID, "files"), body: request}, &written)
	return written, err
}

// Folder is what is in a folder.
type Folder struct {
	Path    string  `json:"path,omitempty"`
	Entries []Entry `json:"entries"`
}

// ListFolder lists a folder, depth levels deep: 1 gives its own entries. An empty path means the folder of the service's choice.
func (c *Client) ListFolder(ctx context.Context, sandboxID, path string, depth int) (Folder, error) {
	query := url.Values{}
	set(query, "path", path)
	setInt(query, "depth", depth)
	var folder Folder
	err := c.do(ctx, call{op: "ListFolder", plane: Data, method: http.MethodGet, path: inside(sandboxID, "filesystem"), query: query, repeat: reading}, &folder)
	return folder, err
}

// Stat looks at a file or folder.
func (c *Client) Stat(ctx context.Context, sandboxID, path string) (Entry, error) {
	var found entryOf
	err := c.do(ctx, call{op: "Stat", plane: Data, method: http.MethodGet, path: inside(sandboxID, "filesystem", "stat"), query: pathQuery(path), repeat: reading}, &found)
	return found.Entry, err
}

// MakeFolder makes a folder and those above it. One that is there already is a success.
func (c *Client) MakeFolder(ctx context.Context, sandboxID, path string) (Entry, error) {
	return c.change(ctx, "MakeFolder", inside(sandboxID, "filesystem", "mkdir"), struct {
		Path    string `json:"path"`
		Parents bool   `json:"parents"`
		Mode    string `json:"mode"`
	}{path, true, "0755"})
}

// Move moves a file or folder. Having done so before is a success.
func (c *Client) Move(ctx context.Context, sandboxID, from, to string) (Entry, error) {
	return c.change(ctx, "Move", inside(sandboxID, "filesystem", "move"), struct {
		Source      string `json:"source"`
		Destination string `json:"destination"`
	}{from, to})
}

// Remove removes a file, or a folder with everything in it. One that is not there is a success.
func (c *Client) Remove(ctx context.Context, sandboxID, path string) (Entry, error) {
	return c.change(ctx, "Remove", inside(sandboxID, "filesystem", "remove"), struct {
		Path string `json:"path"`
	}{path})
}

func (c *Client) change(ctx context.Context, op, where string, request any) (Entry, error) {
	var changed entryOf
	err := c.do(ctx, call{op: op, plane: Data, method: http.MethodPost, path: where, body: request, repeat: repeating}, &changed)
	return changed.Entry, err
}

// MaxUpload is the largest file the service takes, in bytes (documented). The platform below it has a limit of 32 MB for requests
// (documented there), so larger files may be refused.
const MaxUpload = 100 << 20

var errTooLarge = fmt.Errorf("the file is larger than %d MB, which is all the service takes in one piece", MaxUpload>>20)

// upload is the content of a file that is not too large.
type upload struct {
	from io.Reader
	left int64
}

// Read implements [io.Reader].
func (u *upload) Read(p []byte) (int, error) {
	n, err := u.from.Read(p)
	if u.left -= int64(n); u.left < 0 {
		return 0, errTooLarge
	}
	return n, err
}

// UploadSpec is a file on its way into a sandbox.
type UploadSpec struct {
	Path        string // where to
	Content     io.Reader
	Size        int64  // bytes; negative: not known, which the service may take less well
	ContentType string // default: application/octet-stream
}

// Upload makes or replaces a file, with the folders above it, and streams its content: it has no time limit as long as something
// moves. Sent once, as the content can be read once.
func (c *Client) Upload(ctx context.Context, sandboxID string, file UploadSpec) (Written, error) {
	cl := call{op: "Upload", plane: Data, method: http.MethodPost, path: inside(sandboxID, "filesystem", "upload")}
	if file.Size > MaxUpload {
		failed := c.invalid(cl, errTooLarge.Error())
		failed.Kind = KindTooLarge
		return Written{}, failed
	}
	content := &upload{from: file.Content, left: MaxUpload}
	raw, err := form(file, content)
	if err != nil {
		return Written{}, c.invalid(cl, err.Error())
	}
	cl.raw = raw
	attempt, idle := watch(ctx)
	defer idle.stop()
	raw.content = idle.reader(raw.content)
	var written Written
	if failed := c.transfer(attempt, ctx, cl, idle, &written); failed != nil {
		return Written{}, failed
	}
	return written, nil
}

// transfer sends an upload and reads the answer.
func (c *Client) transfer(attempt, outer context.Context, cl call, idle *idleWatch, into any) *APIError {
	resp, t, failed := c.send(attempt, outer, cl)
	if failed != nil {
		return failed
	}
	defer resp.Body.Close()
	body, err := readAll(idle.reader(resp.Body))
	if err != nil {
		return t.broken(outer, err)
	}
	return t.take(resp, body, into)
}

// form writes the form around a file: head and tail are in memory, the file is read as it is sent.
func form(file UploadSpec, content io.Reader) (*rawBody, error) {
	var frame bytes.Buffer
	w := multipart.NewWriter(&frame)
	if err := w.WriteField("path", file.Path); err != nil { // before the file
		return nil, err
	}
	header := textproto.MIMEHeader{}
	header.Set("Content-Disposition", multipart.FileContentDisposition("file", slash.Base(file.Path)))
	header.Set("Content-Type", "application/octet-stream")
	if file.ContentType != "" {
		header.Set("Content-Type", file.ContentType)
	}
	if _, err := w.CreatePart(header); err != nil {
		return nil, err
	}
	head := frame.Len()
	if err := w.Close(); err != nil {
		return nil, err
	}
	all := frame.Bytes()
	body := &rawBody{content: io.MultiReader(bytes.NewReader(all[:head]), content, bytes.NewReader(all[head:])), size: -1, contentType: w.FormDataContentType()}
	if file.Size >= 0 {
		body.size = int64(len(all)) + file.Size
	}
	return body, nil
}

// Download is a file on its way out of a sandbox. Close it.
type Download struct {
	io.ReadCloser
	Size        int64 // bytes; -1 if the service did not say
	Name        string
	ContentType string
}

// Download opens a file for reading. It has no time limit as long as something moves. Errors of reading are [*APIError] too.
func (c *Client) Download(ctx context.Context, sandboxID, path string) (*Download, error) {
	cl := call{op: "Download", plane: Data, method: http.MethodGet, path: inside(sandboxID, "filesystem", "download"), query: pathQuery(path), repeat: reading}
	var file *Download
	err := c.repeatedly(ctx, cl, func() (failed *APIError) {
		file, failed = c.open(ctx, cl)
		return failed
	})
	if err != nil {
		return nil, err
	}
	return file, nil
}

// longestFailure is how much is looked at of what may be a failure, in bytes.
const longestFailure = 16 << 10

// mayBeFailure reports whether a failure may have come in place of a file, with the status of success: a file brings its name
// (documented).
func mayBeFailure(header http.Header) bool {
	kind, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	return err == nil && kind == "application/json" && header.Get("Content-Disposition") == ""
}

func (c *Client) open(ctx context.Context, cl call) (*Download, *APIError) {
	attempt, idle := watch(ctx)
	resp, t, failed := c.send(attempt, ctx, cl)
	if failed != nil {
		idle.stop()
		return nil, failed
	}
	if resp.StatusCode != http.StatusOK {
		defer idle.stop()
		defer resp.Body.Close()
		body, err := readAll(idle.reader(resp.Body))
		if err != nil {
			return nil, t.broken(ctx, err)
		}
		if _, failed := t.open(resp, body); failed != nil {
			return nil, failed
		}
		return nil, t.failure(resp, KindBadAnswer, fmt.Sprintf("the service answered %d where a file should come", resp.StatusCode), nil)
	}
	content := idle.reader(resp.Body)
	if mayBeFailure(resp.Header) {
		head, err := io.ReadAll(io.LimitReader(content, longestFailure))
		_, said, ok := unwrap(head)
		if err != nil || !ok {
			defer idle.stop()
			defer resp.Body.Close()
			if err != nil {
				return nil, t.broken(ctx, err)
			}
			return nil, t.refused(resp, said)
		}
		content = io.MultiReader(bytes.NewReader(head), content)
	}
	t.secrets = nil // a download can take long
	file := &Download{Size: resp.ContentLength, ContentType: resp.Header.Get("Content-Type")}
	if _, params, err := mime.ParseMediaType(resp.Header.Get("Content-Disposition")); err == nil {
		file.Name = params["filename"]
	}
	if resp.Uncompressed {
		file.Size = -1
	}
	file.ReadCloser = &downloading{ctx: ctx, t: t, from: content, body: resp.Body, idle: idle}
	return file, nil
}

// downloading words the errors of a body.
type downloading struct {
	ctx  context.Context // a reader has no other way to know its caller
	t    *try
	from io.Reader
	body io.Closer
	idle *idleWatch
}

// Read implements [io.Reader].
func (d *downloading) Read(p []byte) (int, error) {
	n, err := d.from.Read(p)
	if err != nil && !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return n, d.t.broken(d.ctx, err)
	}
	return n, err
}

// Close implements [io.Closer].
func (d *downloading) Close() error {
	err := d.body.Close()
	d.idle.stop()
	return err
}

// idleWatch ends a transfer when nothing has moved for idleLimit.
type idleWatch struct {
	cancel context.CancelCauseFunc
	timer  *time.Timer
}

func watch(ctx context.Context) (context.Context, *idleWatch) {
	ctx, cancel := context.WithCancelCause(ctx)
	return ctx, &idleWatch{cancel: cancel, timer: time.AfterFunc(idleLimit, func() { cancel(errIdle) })}
}

func (w *idleWatch) stop() {
	w.timer.Stop()
	w.cancel(nil)
}

// reader lets every read that brings something begin the time anew.
func (w *idleWatch) reader(r io.Reader) io.Reader { return &moving{r, w} }

type moving struct {
	io.Reader
	watch *idleWatch
}

// Read implements [io.Reader].
func (m *moving) Read(p []byte) (int, error) {
	n, err := m.Reader.Read(p)
	if n > 0 {
		m.watch.timer.Reset(idleLimit)
	}
	return n, err
}
