package config

import "testing"

func TestTheLanguageIsAsSetOrAsTheEnvironmentSays(t *testing.T) {
	for _, tc := range []struct {
		name, setting string
		env           map[string]string
		want          string
	}{
		{"nothing is known", "auto", nil, English},
		{"a Chinese system", "auto", map[string]string{"LANG": "zh_CN.UTF-8"}, Chinese},
		{"a Chinese system of another country", "auto", map[string]string{"LANG": "zh_TW"}, Chinese},
		{"Chinese in another spelling", "auto", map[string]string{"LANG": "ZH-Hans"}, Chinese},
		{"a German system", "auto", map[string]string{"LANG": "de_DE.UTF-8"}, English},
		{"no language", "auto", map[string]string{"LANG": "C"}, English},
		{"messages go before the system", "auto", map[string]string{"LC_MESSAGES": "zh_CN", "LANG": "en_US"}, Chinese},
		{"all goes before messages", "auto", map[string]string{"LC_ALL": "en_US", "LC_MESSAGES": "zh_CN", "LANG": "zh_CN"}, English},
		{"what is empty does not count", "auto", map[string]string{"LC_ALL": "", "LANG": "zh_CN"}, Chinese},
		{"the setting goes before all", "en", map[string]string{"LC_ALL": "zh_CN"}, English},
		{"the setting goes before nothing", "zh", nil, Chinese},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := Default()
			c.Language = tc.setting
			if got := c.languageTag(func(name string) string { return tc.env[name] }); got != tc.want {
				t.Errorf("language = %s, want %s", got, tc.want)
			}
		})
	}
}
