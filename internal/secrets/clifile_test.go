package secrets

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// usual is a file as the CLI writes it.
const usual = `{
  "profiles": {
    "staging": {
      "access_key_id": "LTAI-staging",
      "access_key_secret": "secret-of-staging",
      "region": "cn-shanghai"
    },
    "default": {
      "access_key_id": "LTAI-fake",
      "access_key_secret": "` + secret + `",
      "account_id": "1234567890123456",
      "region": "cn-hangzhou",
      "security_token": "token-of-default",
      "note": "保留"
    }
  },
  "defaults": {
    "profile": "default",
    "output": "json"
  }
}
`

func writeCLIFile(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(name, []byte(text), 0o640); err != nil {
		t.Fatal(err)
	}
	return name
}

func readCLIFile(t *testing.T, name string) *CLIFile {
	t.Helper()
	f, err := ReadCLIFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestTheCLIFileIsRead(t *testing.T) {
	want := Credentials{AccessKeyID: "LTAI-fake", AccessKeySecret: NewValue(secret), AccountID: "1234567890123456", Region: "cn-hangzhou"}
	for _, tc := range []struct{ name, text string }{
		{"other spellings", `{"profiles":{"default":{"accessKeyId":"LTAI-fake","accessKeySecret":"` + secret + `","accountId":"1234567890123456","regionId":"cn-hangzhou"}}}`},
		{"a number for the account", `{"profiles":{"default":{"access_key_id":"LTAI-fake","access_key_secret":"` + secret + `","account_id":1234567890123456,"region":"cn-hangzhou"}}}`},
		{"one profile by itself", `{"access_key_id":"LTAI-fake","access_key_secret":"` + secret + `","account_id":"1234567890123456","region":"cn-hangzhou","output":"json"}`},
		{"another default", `{"defaults":{"profile":"work"},"profiles":{"default":{"region":"cn-beijing"},"work":{"access_key_id":"LTAI-fake","access_key_secret":"` + secret + `","account_id":"1234567890123456","region":"cn-hangzhou"}}}`},
		{"a mark at its beginning, and line ends", "\ufeff{\"profiles\":{\"default\":{\"access_key_id\":\"LTAI-fake\",\"access_key_secret\":\"" + secret + "\\n\",\"account_id\":\" 1234567890123456\",\"region\":\"cn-hangzhou\"}}}"},
		{"what belongs to others", `{"profiles":{"default":{"access_key_id":"LTAI-fake","access_key_secret":"` + secret + `","account_id":"1234567890123456","region":"cn-hangzhou","x":[{"access_key_secret":"no"}],"control_endpoint":null}},"more":{"access_key_id":{}}}`},
		{"a profile by the same name before", `{"profiles":{"default":{"security_token":"old"},"default":{"access_key_id":"LTAI-fake","access_key_secret":"` + secret + `","account_id":"1234567890123456","region":"cn-hangzhou"}}}`},
	} {
		got, err := readCLIFile(t, writeCLIFile(t, tc.text)).Credentials("")
		if err != nil || !got.SameAs(want) || got.Source != FromCLI {
			t.Errorf("%s: Credentials = %+v, %v, want %+v", tc.name, got, err, want)
		}
	}
	f := readCLIFile(t, writeCLIFile(t, usual))
	if got := strings.Join(f.Profiles(), " "); got != "default staging" {
		t.Errorf("Profiles = %s, want the standard one first", got)
	}
	if c, err := f.Credentials("staging"); err != nil || c.AccessKeyID != "LTAI-staging" || c.SecurityToken.IsSet() {
		t.Errorf("Credentials of staging = %+v, %v", c, err)
	}
	if _, err := f.Credentials("production"); err == nil || !strings.Contains(err.Error(), `no profile "production"; it has default, staging`) {
		t.Errorf("Credentials of a profile that is not there = %v", err)
	}
}

func TestAFileThatIsNotTheCLIsIsRefusedWithoutItsText(t *testing.T) {
	for _, text := range []string{"", "not JSON " + secret, `["` + secret + `"]`, `{"profiles": ["` + secret + `"]}`, `{"profiles": {"default": "` + secret + `"}}`, `{"profiles": {"default": {"access_key_secret": ` + secret + `}}}`, `{} {"a":"` + secret + `"}`} {
		name := writeCLIFile(t, text)
		if _, err := ReadCLIFile(name); err == nil || shows(err.Error()) || !strings.Contains(err.Error(), name) {
			t.Errorf("ReadCLIFile of %q = %v, want an error that names the file and shows nothing of it", text, err)
		}
	}
	if _, err := ReadCLIFile(filepath.Join(t.TempDir(), "none.json")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("ReadCLIFile of no file = %v", err)
	}
	if _, err := ReadCLIFile(writeCLIFile(t, strings.Repeat(" ", maxCLIFile+1))); err == nil {
		t.Error("a file of more than a megabyte was read")
	}
	for _, text := range []string{"{}", `{"profiles": null}`, `{"profiles": {}}`} {
		if _, err := readCLIFile(t, writeCLIFile(t, text)).Credentials(""); err == nil || !strings.Contains(err.Error(), "no profiles") {
			t.Errorf("Credentials of %s = %v", text, err)
		}
	}
}

func TestScrubTakesOutTheSecretsAndNothingElse(t *testing.T) {
	name := writeCLIFile(t, usual)
	f := readCLIFile(t, name)
	c, err := f.Credentials("")
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Scrub("", c); err != nil {
		t.Fatal(err)
	}
	want := strings.NewReplacer(`"`+secret+`"`, `""`, `"token-of-default"`, `""`).Replace(usual)
	if got := contents(t, name); got != want {
		t.Errorf("the file is\n%s\nwant\n%s", got, want)
	}
	if info, err := os.Stat(name); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o640 {
		t.Errorf("the file's mode is %v (%v), want it kept", info.Mode(), err)
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(name), "*")); err != nil || len(left) != 1 {
		t.Errorf("beside the file there is %v (%v)", left, err)
	}
	if after, err := readCLIFile(t, name).Credentials("staging"); err != nil || after.AccessKeySecret.Reveal() != "secret-of-staging" {
		t.Errorf("the other profile is %+v, %v", after, err)
	}
}

// TestScrubFindsASecretWhereverItStands: written twice, escaped, under two spellings, or behind a mark.
func TestScrubFindsASecretWhereverItStands(t *testing.T) {
	for _, tc := range []struct{ text, want string }{
		{"\ufeff{\"access_key_secret\" :\t\"s\\u0031\" }\r\n", "\ufeff{\"access_key_secret\" :\t\"\" }\r\n"},
		{`{"access_key_secret":"old","accessKeySecret":"s1"}`, `{"access_key_secret":"","accessKeySecret":""}`},
		{`{"profiles":{"default":{"access_key_secret":"s0"},"default":{"access_key_secret":"s1","sts_token":5}}}`, `{"profiles":{"default":{"access_key_secret":""},"default":{"access_key_secret":"","sts_token":""}}}`},
	} {
		name := writeCLIFile(t, tc.text)
		f := readCLIFile(t, name)
		c, err := f.Credentials("")
		if err != nil || c.AccessKeySecret.Reveal() != "s1" {
			t.Errorf("Credentials of %q = %q, %v", tc.text, c.AccessKeySecret.Reveal(), err)
		}
		if err := f.Scrub("", c); err != nil || contents(t, name) != tc.want {
			t.Errorf("Scrub of %q = %v and leaves %q, want %q", tc.text, err, contents(t, name), tc.want)
		}
	}
}

func TestScrubLosesNothing(t *testing.T) {
	name := writeCLIFile(t, usual)
	f := readCLIFile(t, name)
	c, err := f.Credentials("")
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(usual, secret, "another-secret", 1)
	if err := os.WriteFile(name, []byte(changed), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := f.Scrub("", c); err == nil || !strings.Contains(err.Error(), "changed meanwhile") || contents(t, name) != changed {
		t.Errorf("Scrub of a file that was changed = %v, and the file is\n%s", err, contents(t, name))
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if err := f.Scrub("", c); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Scrub of a file that is gone = %v", err)
	}
	if err := os.Symlink(name, name); err == nil { // leads nowhere: neither read nor replaced
		if err := f.Scrub("", c); err == nil {
			t.Error("Scrub of a link to itself succeeded")
		}
		if to, err := os.Readlink(name); err != nil || to != name {
			t.Errorf("the link is %q, %v", to, err)
		}
	}
}

func contents(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func FuzzCLIFile(f *testing.F) {
	f.Add([]byte(usual))
	f.Add([]byte(`{"profiles":{"":{}}}`))
	f.Add([]byte(`{"access_key_secret":"s\u0031","profiles":{"default":{"sts_token":5},"default":null}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := parseCLIFile(text)
		if err != nil {
			return
		}
		for _, name := range file.Profiles() {
			p, err := file.profile(name)
			if err != nil {
				t.Fatalf("profile %q is listed and not there: %v", name, err)
			}
			after, err := parseCLIFile(p.blank(text))
			if err != nil || !after.lacks(name) {
				t.Fatalf("blanking %q in %q gives %q (%v)", name, text, p.blank(text), err)
			}
			for _, other := range file.Profiles() {
				was, err := file.Credentials(other)
				is, err2 := after.Credentials(other)
				if other != name && (err != nil || err2 != nil || !is.SameAs(was)) {
					t.Fatalf("blanking %q in %q changes %q", name, text, other)
				}
			}
		}
	})
}
