package agentruntest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun"
	"github.com/agentrun-tray/agentrun-tray/internal/agentrun/agentruntest"
)

// TestEveryFaultIsMet lets an execution and a creation meet with every failure, once, and looks at what the client makes of it.
func TestEveryFaultIsMet(t *testing.T) {
	faults := []struct {
		failure       agentruntest.Failure
		data, control agentrun.Kind // "": none
		uncertain     bool
	}{
		{agentruntest.Forbidden(), agentrun.KindNoPermission, agentrun.KindNoPermission, false},
		{agentruntest.NoServiceRole(), agentrun.KindNoServiceRole, agentrun.KindNoServiceRole, false},
		{agentruntest.TokenExpired(), agentrun.KindSignatureRejected, agentrun.KindTokenExpired, false},
		{agentruntest.Throttled(0), agentrun.KindThrottled, agentrun.KindThrottled, false},
		{agentruntest.Throttled(7 * time.Second), agentrun.KindThrottled, agentrun.KindThrottled, false},
		{agentruntest.Quota(), agentrun.KindQuota, agentrun.KindQuota, false},
		{agentruntest.Internal(), agentrun.KindServer, agentrun.KindServer, true},
		{agentruntest.BadGateway(), agentrun.KindStarting, agentrun.KindStarting, true},
		{agentruntest.Unavailable(0), agentrun.KindUnavailable, agentrun.KindUnavailable, true},
		{agentruntest.GatewayTimeout(), agentrun.KindGatewayTimeout, agentrun.KindGatewayTimeout, true},
		{agentruntest.StorageFull(), agentrun.KindStorageFull, agentrun.KindStorageFull, false},
		{agentruntest.SandboxGone(), agentrun.KindSandboxGone, agentrun.KindTemplateNotFound, false},
		{agentruntest.Failed200(), agentrun.KindFailed, agentrun.KindFailed, false},
		{agentruntest.Empty(http.StatusOK), agentrun.KindBadAnswer, agentrun.KindBadAnswer, true},
		{agentruntest.Empty(http.StatusInternalServerError), agentrun.KindServer, agentrun.KindServer, true},
		{agentruntest.Status(http.StatusConflict, "ERR_CONFLICT", "busy"), agentrun.KindConflict, agentrun.KindConflict, false},
		{agentruntest.Cut(), agentrun.KindNetwork, agentrun.KindNetwork, true},
		{agentruntest.CutInBody(), agentrun.KindNetwork, agentrun.KindNetwork, true},
		{agentruntest.Slow(50 * time.Millisecond), "", "", false},
		{agentruntest.Hang(50 * time.Millisecond), agentrun.KindGatewayTimeout, agentrun.KindGatewayTimeout, true},
		{agentruntest.ClockOff(20 * time.Minute), agentrun.KindClockSkew, agentrun.KindClockSkew, false},
		{agentruntest.ClockOff(-20 * time.Minute), agentrun.KindClockSkew, agentrun.KindClockSkew, false},
		{agentruntest.ClockOff(10 * time.Minute), "", "", false},
	}
	for _, fault := range faults {
		t.Run(fault.failure.String(), func(t *testing.T) {
			s := start(t, agentruntest.Options{})
			c := clientOf(t, s, nil)
			id := open(t, c)
			cc := newContext(t, c, id, agentrun.Python, "")
			for plane, want := range map[string]agentrun.Kind{"data": fault.data, "control": fault.control} {
				s.Inject(agentruntest.Fault{Failure: fault.failure, Plane: plane})
				call := func() error {
					_, err := c.Execute(t.Context(), id, agentrun.Execution{Code: "1", ContextID: cc})
					return err
				}
				if plane == "control" {
					call = func() error {
						_, err := c.CreateSandbox(t.Context(), agentrun.SandboxSpec{Template: spec.Name})
						return err
					}
				}
				before := len(s.Requests())
				err := call()
				failed, _ := errors.AsType[*agentrun.APIError](err)
				if agentrun.KindOf(err) != want || failed != nil && failed.Uncertain != fault.uncertain {
					t.Errorf("on the %s plane the client gives %#v, want %q, uncertain: %t", plane, err, want, fault.uncertain)
				}
				requests := s.Requests()
				if n := len(requests) - before; n != 1 || requests[before].Fault != fault.failure.String() {
					t.Errorf("%d requests were made, want one with the fault", n)
				}
				if want == agentrun.KindThrottled && fault.failure.String() == "throttled" && failed.RetryAfter%(7*time.Second) != 0 {
					t.Errorf("the client is to wait for %s", failed.RetryAfter)
				}
				if err := call(); err != nil {
					t.Errorf("the next call on the %s plane fails too: %v", plane, err)
				}
			}
			if left := s.ClearFaults(); left != 0 {
				t.Errorf("%d faults were not met", left)
			}
		})
	}
}

// TestFaultsThatPassAreNotSeen has reads that are repeated by the client until they work.
func TestFaultsThatPassAreNotSeen(t *testing.T) {
	s := start(t, agentruntest.Options{})
	c := clientOf(t, s, nil)
	id := open(t, c)
	for _, failure := range []agentruntest.Failure{agentruntest.Internal(), agentruntest.Unavailable(time.Second), agentruntest.Throttled(0), agentruntest.Cut(), agentruntest.CutInBody()} {
		s.Inject(agentruntest.Fault{Failure: failure, Operation: "GetSandbox", Times: 1})
		before := s.Count("GetSandbox")
		if _, err := c.GetSandbox(t.Context(), id); err != nil {
			t.Errorf("after one fault %s the client gives %v", failure, err)
		}
		// A connection that is cut while it is used again is also tried anew by net/http itself.
		if n := s.Count("GetSandbox") - before; n != 2 {
			t.Errorf("after one fault %s there were %d requests, want 2", failure, n)
		}
	}
	if left := s.ClearFaults(); left != 0 {
		t.Errorf("%d faults were not met", left)
	}
}

func TestFaultsChooseTheirRequests(t *testing.T) {
	s := start(t, agentruntest.Options{})
	c := clientOf(t, s, nil)
	id := open(t, c)
	s.Inject(agentruntest.Fault{Failure: agentruntest.Forbidden(), Operation: "Stat", Skip: 1, Times: 2})
	s.Inject(agentruntest.Fault{Failure: agentruntest.Forbidden(), Operation: "DeleteTemplate"})
	var got []bool
	for range 4 {
		if _, err := c.Health(t.Context(), id); err != nil {
			t.Errorf("Health = %v, which is not the fault's operation", err)
		}
		_, err := c.Stat(t.Context(), id, "/home/user")
		got = append(got, err == nil)
	}
	if got[0] != true || got[1] || got[2] || got[3] != true {
		t.Errorf("of four requests these passed: %v, want the first and the last", got)
	}
	if left := s.ClearFaults(); left != 1 {
		t.Errorf("%d faults were not met, want the one for another operation", left)
	}
	s.Inject(agentruntest.Fault{Failure: agentruntest.Forbidden(), Times: -1})
	for range 3 {
		if _, err := c.Health(t.Context(), id); agentrun.KindOf(err) != agentrun.KindNoPermission {
			t.Errorf("Health = %v, want every one to fail", err)
		}
	}
	s.ClearFaults()
}

// TestWhatWasCarriedOutWithoutAnAnswer is what a client cannot know.
func TestWhatWasCarriedOutWithoutAnAnswer(t *testing.T) {
	s := start(t, agentruntest.Options{})
	c := clientOf(t, s, nil)
	id := open(t, c)
	cc := newContext(t, c, id, agentrun.Python, "")
	for _, failure := range []agentruntest.Failure{agentruntest.Cut(), agentruntest.GatewayTimeout(), agentruntest.Internal()} {
		s.Inject(agentruntest.Fault{Failure: failure, Operation: "CreateSandbox", After: true})
		living := len(s.Sandboxes())
		_, err := c.CreateSandbox(t.Context(), agentrun.SandboxSpec{Template: spec.Name})
		failed, ok := errors.AsType[*agentrun.APIError](err)
		if !ok || !failed.Uncertain || len(s.Sandboxes()) != living+1 {
			t.Errorf("a creation with %s gives %v and %d sandboxes, want an uncertain failure and one more", failure, err, len(s.Sandboxes())-living)
		}
	}
	s.Inject(agentruntest.Fault{Failure: agentruntest.Cut(), Operation: "Execute", After: true})
	if _, err := c.Execute(t.Context(), id, agentrun.Execution{Code: "n = globals().get('n', 0) + 1", ContextID: cc}); agentrun.KindOf(err) != agentrun.KindNetwork {
		t.Errorf("a cut execution gives %v", err)
	}
	if r := execute(t, c, id, cc, "n"); value(r) != "1" {
		t.Errorf("the code ran %+v times, want once", r)
	}
	s.Inject(agentruntest.Fault{Failure: agentruntest.Cut(), Operation: "DeleteSandbox", After: true})
	if _, err := c.DeleteSandbox(t.Context(), id); err != nil {
		t.Errorf("a deletion whose answer was lost gives %v, want a success at the second attempt", err)
	}
}

func TestTransfersThatBreak(t *testing.T) {
	s := start(t, agentruntest.Options{})
	c := clientOf(t, s, nil)
	id := open(t, c)
	if _, err := c.WriteFile(t.Context(), id, "/home/user/f.txt", "content"); err != nil {
		t.Fatal(err)
	}
	s.Inject(agentruntest.Fault{Failure: agentruntest.BadGateway(), Operation: "Download"})
	file, err := c.Download(t.Context(), id, "/home/user/f.txt")
	if err != nil {
		t.Fatalf("Download after a 502 = %v", err)
	}
	defer file.Close()
	if content, err := io.ReadAll(file); err != nil || string(content) != "content" {
		t.Errorf("the download is %q, %v", content, err)
	}
	s.Inject(agentruntest.Fault{Failure: agentruntest.Unavailable(0), Operation: "Upload"})
	if _, err := c.Upload(t.Context(), id, agentrun.UploadSpec{Path: "/home/user/g", Content: strings.NewReader("x"), Size: 1}); agentrun.KindOf(err) != agentrun.KindUnavailable {
		t.Errorf("Upload = %v, want %s", err, agentrun.KindUnavailable)
	}
	if n := s.Count("Upload"); n != 1 {
		t.Errorf("the upload was sent %d times, want once", n)
	}
}

func TestASlowAnswerEndsWithItsClient(t *testing.T) {
	s := start(t, agentruntest.Options{})
	c := clientOf(t, s, nil)
	id := open(t, c)
	s.Inject(agentruntest.Fault{Failure: agentruntest.Slow(time.Hour), Operation: "Health"})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := c.Health(ctx, id); agentrun.KindOf(err) != agentrun.KindCanceled {
		t.Errorf("Health = %v, want it given up", err)
	}
}

// TestAnUploadThatIsRefusedEarlySaysWhy has a service that answers before the file has come, and breaks the connection.
func TestAnUploadThatIsRefusedEarlySaysWhy(t *testing.T) {
	s := start(t, agentruntest.Options{})
	c := clientOf(t, s, nil)
	for range 20 {
		_, err := c.Upload(t.Context(), "gone", agentrun.UploadSpec{Path: "/home/user/f", Content: io.LimitReader(zeros{}, 50<<20), Size: 50 << 20})
		if agentrun.KindOf(err) != agentrun.KindSandboxGone {
			t.Errorf("Upload = %v, want %s", err, agentrun.KindSandboxGone)
		}
	}
}
