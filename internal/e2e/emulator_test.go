//go:build e2e

package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun"
	"github.com/agentrun-tray/agentrun-tray/internal/agentrun/agentruntest"
)

// account is one of AgentRun, as far as the programs can see: an emulator in a process of its own, which the test steers.
type account struct {
	*agentruntest.Remote
	env   []string    // what a host must find in its environment
	asked *transcript // its requests
}

// openAccount starts an emulator. When the test ends, and with it the hosts it has started since, nothing may be left that somebody
// would have to pay for.
func openAccount(t *testing.T, args ...string) *account {
	t.Helper()
	h, err := openHome(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(args, "--echo") {
		if err := engine.install(h.dirs.Cache); err != nil {
			t.Fatalf("warm the emulator's cache: %v", err)
		}
	}
	a, printed := &account{asked: newTranscript()}, newTranscript()
	cmd := exec.Command(controlProgram(), append([]string{"emulator", "--verbose"}, args...)...)
	cmd.Env, cmd.Dir = h.env, h.dir
	cmd.Stdout, cmd.Stderr = printed, a.asked
	if err := cmd.Start(); err != nil {
		t.Fatalf("start the emulator: %v", err)
	}
	done := make(chan error, 1)
	go func() {
		done <- cmd.Wait()
		printed.end()
		a.asked.end()
	}()
	t.Cleanup(func() { a.close(t, cmd, done) })

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	endpoint := ""
	_, err = printed.await(ctx, func(line string) bool {
		assignment, ok := strings.CutPrefix(line, "export ")
		if ok {
			a.env = append(a.env, assignment)
			if value, ok := strings.CutPrefix(assignment, "AGENTRUN_CONTROL_ENDPOINT="); ok {
				endpoint = value
			}
		}
		return !ok
	})
	if err != nil {
		t.Fatalf("the emulator printed no environment: %v; it said:\n%s", err, a.asked)
	}
	if a.Remote, err = agentruntest.Reach(endpoint); err != nil {
		t.Fatal(err)
	}
	return a
}

func (a *account) close(t *testing.T, cmd *exec.Cmd, done <-chan error) {
	t.Helper()
	if a.Remote != nil {
		left, err := a.Sandboxes(context.WithoutCancel(t.Context()))
		if err != nil || len(left) != 0 {
			t.Errorf("in the account there are left %v, %v, want no sandbox", left, err)
		}
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("the emulator ended with %v; it said:\n%s", err, a.asked)
		}
	case <-time.After(20 * time.Second):
		t.Error("the emulator ran on 20 s after SIGTERM and is killed")
		_ = cmd.Process.Kill()
		<-done
	}
	if t.Failed() {
		t.Logf("the emulator's requests end with:\n%s", a.asked)
	}
}

// newHome makes the home of a user with this account. What is given besides counts more than what the account says.
func (a *account) newHome(t *testing.T, settings string, env ...string) *home {
	t.Helper()
	return cloudHome(t, settings, append(slices.Clone(a.env), env...)...)
}

// cloudHome makes a home whose environment has an account. Of two values of a variable the last counts. When the test and the home's
// hosts have ended, nothing that they wrote may have a secret in it.
func cloudHome(t *testing.T, settings string, env ...string) *home {
	t.Helper()
	var h *home
	t.Cleanup(func() { // before the home's own, and so after it
		for _, entry := range env {
			if secret, ok := strings.CutPrefix(entry, "AGENTRUN_ACCESS_KEY_SECRET="); ok {
				for _, found := range leaks(t, secret, h.dir) {
					t.Errorf("the secret can be read in %s", found)
				}
			}
		}
	})
	h = newHome(t, settings)
	h.env = append(h.env, env...)
	return h
}

// client makes a client of the service that sees what the user's console would show.
func (a *account) client(t *testing.T) *agentrun.Client {
	t.Helper()
	named := map[string]string{}
	for _, entry := range a.env {
		name, value, _ := strings.Cut(entry, "=")
		named[name] = value
	}
	endpoint, err := agentrun.ParseEndpoint(named["AGENTRUN_CONTROL_ENDPOINT"])
	if err != nil {
		t.Fatal(err)
	}
	c, err := agentrun.New(agentrun.Config{
		Credentials: agentrun.Static(agentrun.Credentials{AccessKeyID: named["AGENTRUN_ACCESS_KEY_ID"], AccessKeySecret: named["AGENTRUN_ACCESS_KEY_SECRET"]}),
		AccountID:   named["AGENTRUN_ACCOUNT_ID"], Region: named["AGENTRUN_REGION"], ControlEndpoint: endpoint, DataEndpoint: endpoint,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// living lists the sandboxes that somebody pays for.
func (a *account) living(t *testing.T) []string {
	t.Helper()
	ids, err := a.Sandboxes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

// inject lets requests fail.
func (a *account) inject(t *testing.T, fault agentruntest.Fault) {
	t.Helper()
	if err := a.Inject(t.Context(), fault); err != nil {
		t.Fatal(err)
	}
}

// heal takes back all faults.
func (a *account) heal(t *testing.T) {
	t.Helper()
	if _, err := a.ClearFaults(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// awaits waits until an operation was asked for so often.
func (a *account) awaits(t *testing.T, operation string, times int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := a.Await(ctx, operation, times); err != nil {
		t.Fatal(err)
	}
}

// internet is a way out of this computer that ends on it: a proxy behind which the service's own hosts are found, with an emulator in
// their place, and nothing else.
type internet struct {
	*agentruntest.Emulator
	env       []string // of a host without endpoints of its own: the account, and the proxy
	authority string   // file with the certificate of the authority that vouches for the hosts

	mu     sync.Mutex
	called []string // hosts that somebody wanted to be connected to
}

// connectInternet starts it. The hosts are found by names that end as the service's do.
func connectInternet(t *testing.T) *internet {
	t.Helper()
	e, err := agentruntest.New(agentruntest.Options{Script: func(_, code string) agentruntest.Scripted { return agentruntest.Scripted{Stdout: code} }})
	if err != nil {
		t.Fatal(err)
	}
	n := &internet{Emulator: e}
	service := httptest.NewUnstartedServer(e)
	service.TLS = &tls.Config{Certificates: []tls.Certificate{n.certify(t, "*.cn-hangzhou.aliyuncs.com", "*.agentrun-data.cn-hangzhou.aliyuncs.com")}}
	service.Config.ErrorLog = log.New(io.Discard, "", 0) // that some are not trusted is what is tested
	service.StartTLS()
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { n.connect(w, r, service.Listener.Addr().String()) }))
	t.Cleanup(func() {
		proxy.CloseClientConnections()
		proxy.Close()
		service.Close()
		if left := e.Sandboxes(); len(left) != 0 {
			t.Errorf("in the account there are left %v, want no sandbox", left)
		}
		if err := e.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	n.env = []string{
		"AGENTRUN_ACCESS_KEY_ID=" + agentruntest.AccessKeyID, "AGENTRUN_ACCESS_KEY_SECRET=" + agentruntest.AccessKeySecret,
		"AGENTRUN_ACCOUNT_ID=" + agentruntest.AccountID, "AGENTRUN_REGION=" + agentruntest.Region,
		"HTTPS_PROXY=" + proxy.URL,
	}
	return n
}

// hosts lists the hosts that were called.
func (n *internet) hosts() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.called)
}

// connect is what a proxy does for connections that it cannot read.
func (n *internet) connect(w http.ResponseWriter, r *http.Request, service string) {
	host, _, err := net.SplitHostPort(r.Host)
	n.mu.Lock()
	n.called = append(n.called, host)
	n.mu.Unlock()
	if err != nil || r.Method != http.MethodConnect || !strings.HasSuffix(host, ".aliyuncs.com") {
		http.Error(w, "no such host", http.StatusBadGateway)
		return
	}
	there, err := (&net.Dialer{}).DialContext(r.Context(), "tcp", service)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer there.Close()
	here, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer here.Close()
	if _, err := io.WriteString(here, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { _, _ = io.Copy(there, here); _ = there.Close() })
	both.Go(func() { _, _ = io.Copy(here, there); _ = here.Close() })
	both.Wait()
}

// certify makes an authority, and a certificate of it for the names.
func (n *internet) certify(t *testing.T, names ...string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a test's own authority"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	root, err := x509.CreateCertificate(rand.Reader, authority, authority, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), DNSNames: names, NotBefore: authority.NotBefore, NotAfter: authority.NotAfter, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	signed, err := x509.CreateCertificate(rand.Reader, leaf, authority, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	n.authority = filepath.Join(t.TempDir(), "authority.pem")
	if err := os.WriteFile(n.authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{signed}, PrivateKey: key}
}
