package carry

import (
	"cmp"
	"context"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

const (
	maxDepth = 32 // of folders
	abreast  = 4  // files that move at a time: most of a small one is waiting for the other side
)

// moveFiles copies the files below the working folder, as far as the limits go, and gives those that did not move.
func (m *move) moveFiles(ctx context.Context) ([]Loss, error) {
	all, err := m.from.Session.ListFiles(ctx, m.from.Context.ID, ".", maxDepth)
	if err != nil {
		return nil, err
	}
	var files []sandbox.File
	for _, file := range all {
		switch {
		case file.Path == m.folder || strings.HasPrefix(file.Path, m.folder+"/"):
		case file.IsFolder:
			m.folders = append(m.folders, file.Path)
		default:
			files = append(files, file)
		}
	}
	slices.SortStableFunc(files, func(a, b sandbox.File) int { return cmp.Compare(a.Size, b.Size) })
	left, fit := m.limits.Files, 0
	for fit < len(files) && fit < m.limits.FileCount && files[fit].Size <= left {
		left -= files[fit].Size
		fit++
	}
	lost, err := m.moveAbreast(ctx, files[:fit])
	for _, file := range files[fit:] {
		lost = append(lost, Loss{Name: file.Path, IsFile: true, Reason: "more files than may be moved", Bytes: file.Size})
	}
	slices.SortStableFunc(lost, func(a, b Loss) int { return cmp.Compare(b.Bytes, a.Bytes) })
	return lost, err
}

// moveAbreast copies files, several at a time. After an error that ends the move it begins with no more of them.
func (m *move) moveAbreast(ctx context.Context, files []sandbox.File) (lost []Loss, fatal error) {
	var (
		mu      sync.Mutex // guards the results and m.report
		workers sync.WaitGroup
	)
	next := make(chan sandbox.File)
	for range min(abreast, len(files)) {
		workers.Go(func() {
			for file := range next {
				size, err := m.moveFile(ctx, file.Path)
				mu.Lock()
				switch {
				case err == nil:
					m.report.Files.Count++
					m.report.Files.Bytes += size
				case isFatal(ctx, err):
					fatal = cmp.Or(fatal, err)
				default:
					lost = append(lost, Loss{Name: file.Path, IsFile: true, Reason: err.Error(), Bytes: file.Size})
				}
				mu.Unlock()
			}
		})
	}
	for _, file := range files {
		mu.Lock()
		over := fatal != nil
		mu.Unlock()
		if over {
			break
		}
		next <- file
	}
	close(next)
	workers.Wait()
	return lost, fatal
}

// moveFile copies one file as it is read, without keeping it.
func (m *move) moveFile(ctx context.Context, path string) (size int64, err error) {
	content, file, err := m.from.Session.ReadFile(ctx, m.from.Context.ID, path)
	if err != nil {
		return 0, err
	}
	_, err = m.to.Session.WriteFile(ctx, m.to.Context.ID, path, io.Reader(content))
	if closeErr := content.Close(); err == nil {
		err = closeErr
	}
	return file.Size, err
}
