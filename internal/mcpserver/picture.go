package mcpserver

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/draw"
	_ "image/gif" // pictures come in these formats
	"image/jpeg"
	"image/png"
	"math"

	"github.com/mark3labs/mcp-go/mcp"

	"github.com/agentrun-tray/agentrun-tray/internal/phrase"
)

const (
	// maxPicture is how large one picture may be in base64.
	maxPicture = 700 << 10
	// maxPictures is how many pictures a result carries.
	maxPictures = 20
	// maxSide is how many pixels a picture may be wide or high. Models refuse a conversation with a picture of more than 8,000.
	maxSide = 7_500
	// maxPixels bounds the memory that scaling a picture down takes: four bytes for each.
	maxPixels = 50_000_000
)

// picture is an image that goes into a result as a block of its own.
type picture struct {
	mime string
	data []byte
}

// isPicture reports whether clients show images of this type.
func isPicture(mime string) bool {
	switch mime {
	case "image/png", "image/jpeg", "image/gif", "image/webp":
		return true
	}
	return false
}

// pictureBlocks makes image blocks that fit into room, scaling down what is too large. The notices say what was changed or left
// out, and where it can be read as it was; original gives the URI of the k-th picture, from 1.
func pictureBlocks(pictures []picture, room int, original func(k int) string) (blocks []mcp.Content, notices []string) {
	switch all := len(pictures); {
	case all == maxPictures+1:
		notices = append(notices, fmt.Sprintf("Picture %d was left out, as a result carries %d; it is at %s.", all, maxPictures, original(all)))
	case all > maxPictures:
		notices = append(notices, fmt.Sprintf("%d more pictures were left out, as a result carries %d; they are at %s to %s.",
			all-maxPictures, maxPictures, original(maxPictures+1), original(all)))
	}
	pictures = pictures[:min(len(pictures), maxPictures)]
	wants := make([]int, len(pictures))
	for n, p := range pictures {
		wants[n] = min(base64.StdEncoding.EncodedLen(len(p.data)), maxPicture)
	}
	given := shares(wants, room)
	for n, p := range pictures {
		small, notice, err := p.fit(base64.StdEncoding.DecodedLen(given[n]))
		switch {
		case err != nil:
			notices = append(notices, fmt.Sprintf("Picture %d (%s, %s) was left out: %s. The original is at %s.",
				n+1, p.mime, phrase.Size(int64(len(p.data))), err, original(n+1)))
			continue
		case notice != "":
			notices = append(notices, fmt.Sprintf("Picture %d %s; the original is at %s.", n+1, notice, original(n+1)))
		}
		blocks = append(blocks, mcp.NewImageContent(base64.StdEncoding.EncodeToString(small.data), small.mime))
	}
	return blocks, notices
}

// fit returns the picture in at most so many bytes, scaled down if need be; the notice says how.
func (p picture) fit(most int) (small picture, notice string, err error) {
	most -= most % 3 // base64 pads to whole groups
	size, _, err := image.DecodeConfig(bytes.NewReader(p.data))
	longest := max(size.Width, size.Height)
	if len(p.data) <= most && longest <= maxSide { // one that cannot be decoded has no size
		return p, "", nil
	}
	if err != nil {
		return p, "", fmt.Errorf("it is too large and cannot be scaled down (%w)", err)
	}
	if size.Width <= 0 || size.Height <= 0 || size.Width > maxPixels/size.Height {
		return p, "", fmt.Errorf("it has %d by %d pixels", size.Width, size.Height)
	}
	img, format, err := image.Decode(bytes.NewReader(p.data))
	if err != nil {
		return p, "", fmt.Errorf("it is too large and cannot be scaled down (%w)", err)
	}
	full := toRGBA(img)
	photo := format == "jpeg"
	scale := float64(maxSide) / float64(longest)
	if len(p.data) > most {
		scale = min(scale, 0.9, math.Sqrt(float64(most)/float64(len(p.data))))
	}
	for range 8 {
		w, h := max(1, int(float64(size.Width)*scale)), max(1, int(float64(size.Height)*scale))
		if small, err = compress(shrink(full, w, h), photo); err != nil {
			return p, "", fmt.Errorf("it could not be scaled down: %w", err)
		}
		if len(small.data) <= most {
			return small, fmt.Sprintf("was scaled down from %d×%d to %d×%d to fit", size.Width, size.Height, w, h), nil
		}
		scale *= min(0.8, math.Sqrt(float64(most)/float64(len(small.data))))
	}
	return p, "", fmt.Errorf("it does not fit, even scaled down")
}

func compress(img *image.RGBA, photo bool) (picture, error) {
	var b bytes.Buffer
	if photo {
		err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 80})
		return picture{"image/jpeg", b.Bytes()}, err
	}
	err := png.Encode(&b, img)
	return picture{"image/png", b.Bytes()}, err
}

func toRGBA(img image.Image) *image.RGBA {
	b := img.Bounds()
	out := image.NewRGBA(image.Rect(0, 0, b.Dx(), b.Dy()))
	draw.Draw(out, out.Bounds(), img, b.Min, draw.Src)
	return out
}

// shrink scales a picture down by averaging the pixels that each new one covers.
func shrink(src *image.RGBA, w, h int) *image.RGBA {
	sw, sh := src.Rect.Dx(), src.Rect.Dy()
	dst := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		y0, y1 := y*sh/h, max((y+1)*sh/h, y*sh/h+1)
		for x := range w {
			x0, x1 := x*sw/w, max((x+1)*sw/w, x*sw/w+1)
			var sum [4]int
			for sy := y0; sy < y1; sy++ {
				row := src.Pix[sy*src.Stride+4*x0 : sy*src.Stride+4*x1]
				for at := 0; at < len(row); at += 4 {
					sum[0] += int(row[at])
					sum[1] += int(row[at+1])
					sum[2] += int(row[at+2])
					sum[3] += int(row[at+3])
				}
			}
			n := (y1 - y0) * (x1 - x0)
			out := dst.Pix[y*dst.Stride+4*x:]
			for c, v := range sum {
				out[c] = uint8(v / n) //nolint:gosec // an average of bytes is a byte
			}
		}
	}
	return dst
}
