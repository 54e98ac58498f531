package mcpserver

import "context"

// maxListed is how many files one list shows.
const maxListed = 500

// listFiles is the tool list_files.
func listFiles(s *offer) tool {
	return tool{
		name:        "list_files",
		title:       "List files",
		description: "Lists the files in the working folder of a context, where code run there reads and writes by relative paths.",
		hints:       hints{readOnly: true, idempotent: true},
		input: object{
			contextIDProperty("whose files to list"),
			{name: "path", kind: "string", about: "a folder, relative to the working folder. Default: the working folder itself"},
			{name: "depth", kind: "integer", about: "how many levels to list, 1 to 32. Default: 1, the folder's own entries", more: map[string]any{"minimum": 1, "maximum": 32}},
		},
		output: append(object{
			{name: "files", kind: "array", about: "sorted by path", required: true, more: map[string]any{"items": fileProperties.schema()}},
			{name: "total", kind: "integer", about: "how many there are; at most 500 are listed", required: true},
		}, whereProperties()...),
		run: s.listFiles,
	}
}

var fileProperties = object{
	{name: "path", kind: "string", about: "relative to the working folder", required: true},
	{name: "size", kind: "integer", about: "in bytes", required: true},
	{name: "folder", kind: "boolean", about: "whether it is a folder", required: true},
	{name: "modified", kind: "string", about: "RFC 3339, UTC"},
}

type listFilesInput struct {
	ContextID string `json:"context_id"`
	Path      string `json:"path"`
	Depth     *int   `json:"depth"`
}

type listFilesOutput struct {
	Files []fileObject `json:"files"`
	Total int          `json:"total"`
	whereObject
}

func (s *Server) listFiles(ctx context.Context, c *call) (*answer, error) {
	var in listFilesInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	c.about(clean(in.ContextID, 80))
	depth := 1
	if in.Depth != nil {
		depth = *in.Depth
	}
	progress := startProgress(ctx, c.exchange, s.progressEvery, says("waiting for the files of the context"))
	files, where, err := s.interp.ListFiles(ctx, c.caller, fileRef(in.ContextID, in.Path), depth)
	progress.end()
	if err != nil {
		return nil, err
	}
	c.about(where.ContextID)
	out := listFilesOutput{Files: make([]fileObject, 0, min(len(files), maxListed)), Total: len(files), whereObject: newWhereObject(where)}
	for _, f := range files[:min(len(files), maxListed)] {
		out.Files = append(out.Files, newFileObject(f))
	}
	return &answer{object: out}, nil
}
