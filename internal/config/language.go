package config

import (
	"os"
	"strings"
)

// The languages that texts for people are there in.
const (
	English = "en"
	Chinese = "zh"
)

// LanguageTag is the language of texts for people: English or Chinese, as set or else as the environment has it.
func (c Config) LanguageTag() string { return c.languageTag(os.Getenv) }

func (c Config) languageTag(getenv func(string) string) string {
	if c.Language == English || c.Language == Chinese {
		return c.Language
	}
	for _, variable := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} { // the first that is set decides, as for every program
		locale := getenv(variable)
		if locale == "" {
			continue
		}
		if strings.HasPrefix(strings.ToLower(locale), Chinese) { // zh_CN.UTF-8, zh-Hans, zh
			return Chinese
		}
		return English
	}
	return English
}
