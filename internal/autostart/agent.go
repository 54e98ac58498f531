package autostart

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"path/filepath"
	"strings"
)

// newAgent is the way of macOS: a property list in the folder of launch agents. One that its user has switched off in the system
// settings stays where it is; the system keeps that to itself.
func newAgent(opt Options) (system, error) {
	home := opt.Getenv("HOME")
	if !filepath.IsAbs(home) {
		return nil, errors.New("HOME is not set to an absolute path")
	}
	return file{
		path:   filepath.Join(home, "Library", "LaunchAgents", opt.ID+".plist"),
		encode: func(command []string) []byte { return launchAgent(opt.ID, command) },
		decode: commandOfAgent,
	}, nil
}

func launchAgent(id string, command []string) []byte {
	var b bytes.Buffer
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>Label</key>
	<string>` + escaped(id) + `</string>
	<key>ProgramArguments</key>
	<array>
`)
	for _, word := range command {
		b.WriteString("\t\t<string>" + escaped(word) + "</string>\n")
	}
	b.WriteString(`	</array>
	<key>RunAtLoad</key>
	<true/>
	<key>ProcessType</key>
	<string>Interactive</string>
	<key>LimitLoadToSessionType</key>
	<string>Aqua</string>
</dict>
</plist>
`)
	return b.Bytes()
}

func escaped(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // into memory
	return b.String()
}

// commandOfAgent reads what a launch agent starts at login; nil if that is nothing.
func commandOfAgent(text []byte) []string {
	var command []string
	atLoad, disabled := false, false
	dec := xml.NewDecoder(bytes.NewReader(text))
	var path []string // of open elements
	key := ""
	for {
		t, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil
		}
		switch t := t.(type) {
		case xml.StartElement:
			path = append(path, t.Name.Local)
			if at := strings.Join(path, "/"); at == "plist/dict/true" {
				atLoad, disabled = atLoad || key == "RunAtLoad", disabled || key == "Disabled"
			} else if at == "plist/dict/array/string" && key == "ProgramArguments" {
				command = append(command, "")
			}
		case xml.EndElement:
			path = path[:len(path)-1]
		case xml.CharData:
			switch strings.Join(path, "/") {
			case "plist/dict/key":
				key = string(t)
			case "plist/dict/array/string":
				if key == "ProgramArguments" {
					command[len(command)-1] += string(t)
				}
			}
		default:
		}
	}
	if !atLoad || disabled {
		return nil
	}
	return command
}
