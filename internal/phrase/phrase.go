// Package phrase writes amounts in the way people do, for sentences in results and messages.
package phrase

import (
	"fmt"
	"strings"
	"time"
)

// Duration writes "0.5 s", "30 s", "10 minutes" or "2 hours".
func Duration(d time.Duration) string {
	switch {
	case d >= 2*time.Hour && d%time.Hour == 0:
		return fmt.Sprintf("%d hours", d/time.Hour)
	case d >= 2*time.Minute && d%time.Minute == 0:
		return fmt.Sprintf("%d minutes", d/time.Minute)
	}
	return fmt.Sprintf("%g s", float64(d)/float64(time.Second)) // d.Seconds adds two parts, and 1.68 would not be 1.68
}

// Size writes a number of bytes: "1 byte", "17 bytes", "1.5 KiB", "5 MiB".
func Size(bytes int64) string {
	if bytes == 1 {
		return "1 byte"
	}
	units := []string{"bytes", "KiB", "MiB", "GiB"}
	v, u := float64(bytes), 0
	for v >= 1024 && u < len(units)-1 {
		v, u = v/1024, u+1
	}
	return strings.TrimSuffix(fmt.Sprintf("%.1f", v), ".0") + " " + units[u]
}

// Clip shortens text to a number of characters, with an ellipsis where something is missing.
func Clip(text string, characters int) string {
	if runes := []rune(text); len(runes) > characters {
		return string(runes[:characters]) + "…"
	}
	return text
}
