package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun"
	"github.com/agentrun-tray/agentrun-tray/internal/agentrun/agentruntest"
	"github.com/agentrun-tray/agentrun-tray/internal/backend/cloud"
	"github.com/agentrun-tray/agentrun-tray/internal/pool"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// emulator is AgentRun as far as the measurements are concerned, in a process of its own. It runs no code: it says it back.
type emulator struct {
	process     *process
	environment []agentruntest.Variable // what a host must find in its environment
}

// emulate starts an emulator that is ready at once.
func (b *bench) emulate(ctx context.Context) (*emulator, error) {
	p, err := b.start(ctx, b.home(), b.program("agentrunctl"), "emulator", "--echo")
	if err != nil {
		return nil, err
	}
	e := &emulator{process: p}
	for lines := bufio.NewScanner(p.stdout); lines.Scan(); {
		assignment, ok := strings.CutPrefix(lines.Text(), "export ")
		if !ok {
			return e, nil
		}
		name, value, _ := strings.Cut(assignment, "=")
		e.environment = append(e.environment, agentruntest.Variable{Name: name, Value: value})
	}
	_ = p.stop(nil) // it has ended, and says why on its standard error
	return nil, p.explain(errors.New("the emulator printed no environment"))
}

func (e *emulator) close() error { return e.process.stop(syscall.SIGTERM) }

// clientOf makes a client for what an environment names.
func clientOf(environment []agentruntest.Variable) (*agentrun.Client, error) {
	named := map[string]string{}
	for _, v := range environment {
		named[v.Name] = v.Value
	}
	control, err := agentrun.ParseEndpoint(named["AGENTRUN_CONTROL_ENDPOINT"])
	if err != nil {
		return nil, err
	}
	data, err := agentrun.ParseEndpoint(named["AGENTRUN_DATA_ENDPOINT"])
	if err != nil {
		return nil, err
	}
	return agentrun.New(agentrun.Config{
		Credentials:     agentrun.Static(agentrun.Credentials{AccessKeyID: named["AGENTRUN_ACCESS_KEY_ID"], AccessKeySecret: named["AGENTRUN_ACCESS_KEY_SECRET"]}),
		AccountID:       named["AGENTRUN_ACCOUNT_ID"],
		Region:          named["AGENTRUN_REGION"],
		ControlEndpoint: control,
		DataEndpoint:    data,
	})
}

// fleet is the pool of the host over the cloud backend, without the host.
type fleet struct {
	client  *agentrun.Client
	backend *cloud.Backend
	pool    *pool.Pool[sandbox.Session]
	ended   chan error // gets what Run gives
	cancel  context.CancelFunc
}

// launch starts warming up as many sessions as the host keeps warm.
func launch(ctx context.Context, environment []agentruntest.Variable) (*fleet, error) {
	client, err := clientOf(environment)
	if err != nil {
		return nil, err
	}
	f := &fleet{client: client, ended: make(chan error, 1)}
	if f.backend, err = cloud.New(cloud.Options{Client: client}); err != nil {
		return nil, err
	}
	traits := f.backend.Traits()
	f.pool, err = pool.New(pool.Options[sandbox.Session]{
		New:        f.backend.Open,
		Close:      func(ctx context.Context, s sandbox.Session) error { return s.Close(ctx) },
		Check:      func(ctx context.Context, s sandbox.Session) error { return s.Check(ctx) },
		CheckEvery: time.Minute,
		Warm:       poolSize,
		Max:        poolSize,
		Share:      traits.MaxContexts,
		Lifetime:   traits.Lifetime,
		HardLimit:  traits.HardLimit,
	})
	if err != nil {
		return nil, err
	}
	running, cancel := context.WithCancel(ctx)
	f.cancel = cancel
	go func() { f.ended <- f.pool.Run(running) }()
	return f, nil
}

// await waits until so many sessions are ready.
func (f *fleet) await(ctx context.Context, sessions int) error {
	for f.pool.Stats().Ready < sessions {
		select {
		case <-f.pool.Changed():
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// close ends the sessions.
func (f *fleet) close(ctx context.Context) error {
	defer f.client.Close()
	f.cancel()
	return errors.Join(<-f.ended, f.backend.Close(ctx))
}

// bare is an HTTP client that signs what it sends and does nothing else: the least that a call of the service takes. It keeps its
// own account of how a signature is made, so that what it saves is not what we do.
type bare struct {
	http        *http.Client
	named       map[string]string
	host        string
	path        string // of the execution
	body        []byte
	wantedReply []byte
}

// newBare prepares the execution of code in a context of a sandbox.
func newBare(environment []agentruntest.Variable, sandboxID, contextID, code, want string) (*bare, error) {
	c := &bare{http: &http.Client{Transport: &http.Transport{}}, named: map[string]string{}, path: "/sandboxes/" + sandboxID + "/contexts/execute", wantedReply: []byte(want)}
	for _, v := range environment {
		c.named[v.Name] = v.Value
	}
	var ok bool
	if c.host, ok = strings.CutPrefix(c.named["AGENTRUN_DATA_ENDPOINT"], "http://"); !ok {
		return nil, fmt.Errorf("%q is not the endpoint of an emulator", c.named["AGENTRUN_DATA_ENDPOINT"])
	}
	var err error
	c.body, err = json.Marshal(map[string]any{"code": code, "contextId": contextID, "timeout": 30})
	return c, err
}

// execute does it once.
func (c *bare) execute(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+c.host+c.path, bytes.NewReader(c.body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	c.sign(req, time.Now().UTC())
	resp, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	said, err := io.ReadAll(resp.Body)
	if err == nil && (resp.StatusCode != http.StatusOK || !bytes.Contains(said, c.wantedReply)) {
		err = fmt.Errorf("the emulator answers %s: %s", resp.Status, said)
	}
	return err
}

func (c *bare) sign(req *http.Request, now time.Time) {
	const scheme, last = "AGENTRUN4-HMAC-SHA256", "UNSIGNED-PAYLOAD"
	moment, day := now.Format("2006-01-02T15:04:05Z"), now.Format("20060102")
	scope := day + "/" + c.named["AGENTRUN_REGION"] + "/agentrun/aliyun_v4_request"
	const names = "host;x-acs-content-sha256;x-acs-date"
	canonical := strings.Join([]string{req.Method, c.path, "", "host:" + c.host, "x-acs-content-sha256:" + last, "x-acs-date:" + moment, "", names, last}, "\n")
	hash := sha256.Sum256([]byte(canonical))
	key := []byte("aliyun_v4" + c.named["AGENTRUN_ACCESS_KEY_SECRET"])
	for _, part := range append(strings.Split(scope, "/"), scheme+"\n"+hex.EncodeToString(hash[:])) {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(part))
		key = h.Sum(nil)
	}
	req.Header.Set("x-acs-date", moment)
	req.Header.Set("x-acs-content-sha256", last)
	req.Header.Set("Agentrun-Authorization", scheme+" Credential="+c.named["AGENTRUN_ACCESS_KEY_ID"]+"/"+scope+",SignedHeaders="+names+",Signature="+hex.EncodeToString(key))
}

func (c *bare) close() { c.http.CloseIdleConnections() }
