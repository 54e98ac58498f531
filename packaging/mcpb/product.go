package main

import (
	"encoding/xml"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/pelletier/go-toml/v2"
)

// product is what the packaging knows of us.
type product struct {
	Name, Version, Website string
	Icon                   string // file
	License                string
	Keywords               []string // in both languages
	English, Chinese       words
}

// words are what a product is called in one language.
type words struct {
	summary    string
	paragraphs []string
}

// readProduct reads FyneApp.toml and the AppStream data of the source tree.
func readProduct(root string) (product, error) {
	var desktop struct {
		Website string
		Details struct{ Icon, Name, Version string }
		Linux   struct {
			Comment  string
			Keywords []string
		} `toml:"LinuxAndBSD"`
	}
	file := filepath.Join(root, "FyneApp.toml")
	text, err := os.ReadFile(file)
	if err != nil {
		return product{}, err
	}
	if err := toml.Unmarshal(text, &desktop); err != nil {
		return product{}, fmt.Errorf("%s: %w", file, err)
	}
	p := product{
		Name: desktop.Details.Name, Version: desktop.Details.Version, Website: desktop.Website,
		Icon: filepath.Join(root, desktop.Details.Icon), Keywords: desktop.Linux.Keywords,
	}
	file = filepath.Join(root, "packaging", "linux", "app.metainfo.xml.in")
	if err := p.readAppStream(file); err != nil {
		return product{}, err
	}
	p.English.summary = desktop.Linux.Comment // which is still open in that file
	for _, w := range []words{p.English, p.Chinese} {
		if w.summary == "" || len(w.paragraphs) == 0 || p.License == "" {
			return product{}, errors.New(file + ": a summary or a description in one of the languages, or the licence, is missing")
		}
	}
	return p, nil
}

// readAppStream reads the words that software centres show, which a bundle's installer shows as well.
func (p *product) readAppStream(file string) error {
	type text struct {
		Language string `xml:"http://www.w3.org/XML/1998/namespace lang,attr"`
		Text     string `xml:",chardata"`
	}
	var component struct {
		License    string `xml:"project_license"`
		Summaries  []text `xml:"summary"`
		Paragraphs []text `xml:"description>p"`
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := xml.Unmarshal(data, &component); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	p.License = component.License
	of := map[string]*words{"": &p.English, chineseLocale: &p.Chinese}
	for _, s := range component.Summaries {
		if w, known := of[s.Language]; known {
			w.summary = s.Text
		}
	}
	for _, paragraph := range component.Paragraphs {
		if w, known := of[paragraph.Language]; known {
			w.paragraphs = append(w.paragraphs, paragraph.Text)
		}
	}
	return nil
}
