package agentruntest

import (
	"net/http"
	"strconv"
	"time"
)

// Fault lets requests fail.
type Fault struct {
	// Failure is what they meet with.
	Failure Failure `json:"failure"`
	// Operation is the one they are for, such as "Execute". Empty: any.
	Operation string `json:"operation,omitempty"`
	// Plane is where they come, "control" or "data". Empty: either.
	Plane string `json:"plane,omitempty"`
	// Skip is how many of these pass unharmed first.
	Skip int `json:"skip,omitempty"`
	// Times is how many fail. 0: one; less: all that come.
	Times int `json:"times,omitempty"`
	// After carries the operation out before it fails: what a client cannot know when no answer comes.
	After bool `json:"after,omitempty"`
}

// Failure is a way to fail. [ParseFailure] knows all of them by name.
type Failure struct {
	name    string
	details string                   // what the name leaves open, as ParseFailure reads it behind the name; "": nothing
	instead func(x *exchange) answer // the answer; nil: the true one, spoilt
	spoil   func(a *answer)
}

// String names the failure.
func (f Failure) String() string { return f.name }

// fixed always answers the same.
func fixed(name string, make func() answer) Failure {
	return Failure{name: name, instead: func(*exchange) answer { return make() }}
}

// withRetryAfter adds the time to wait, if there is one.
func (f Failure) withRetryAfter(after time.Duration) Failure {
	if after <= 0 {
		return f
	}
	instead := f.instead
	f.details = after.String()
	f.instead = func(x *exchange) answer {
		a := instead(x)
		a.header = map[string]string{"Retry-After": strconv.Itoa(int((after + time.Second - 1) / time.Second))}
		return a
	}
	return f
}

// Forbidden is a policy that does not allow the action, with status 403.
func Forbidden() Failure {
	return Failure{name: "forbidden", instead: func(x *exchange) answer {
		if x.plane == "data" {
			return problem(http.StatusForbidden, "ERR_FORBIDDEN", "template does not allow anonymous manage via data plane")
		}
		return answer{status: http.StatusForbidden, body: object{
			"Code": "NoPermission", "Message": "You are not authorized to do this action.", "RequestId": requestIDHere,
			"AccessDeniedDetail": object{"AuthAction": "agentrun:" + x.op.name, "AuthPrincipalType": "SubUser", "NoPermissionType": "ImplicitDeny", "PolicyType": "AccountLevelIdentityBasedPolicy"},
		}}
	}}
}

// NoServiceRole is an account that was never opened in the console, with status 400.
func NoServiceRole() Failure {
	return fixed("no service role", func() answer {
		return answer{status: http.StatusBadRequest, body: object{"Code": "EntityNotExist.Role", "Message": "The role not exists: acs:ram::" + AccountID + ":role/aliyunserviceroleforagentrun", "RequestId": requestIDHere}}
	})
}

// TokenExpired is temporary credentials that are over, with status 400 on the control plane and 403 on the data plane.
func TokenExpired() Failure {
	return Failure{name: "token expired", instead: func(x *exchange) answer {
		if x.plane == "data" {
			return problem(http.StatusForbidden, "ERR_FORBIDDEN", "Signature verification failed")
		}
		return answer{status: http.StatusBadRequest, body: object{"Code": "InvalidSecurityToken.Expired", "Message": "Specified SecurityToken is expired.", "RequestId": requestIDHere}}
	}}
}

// Throttled is too many requests, with status 429 and the time to wait, if it is not 0.
func Throttled(retryAfter time.Duration) Failure {
	return Failure{name: "throttled", instead: func(x *exchange) answer {
		if x.plane == "data" {
			return problem(http.StatusTooManyRequests, "ERR_TOO_MANY_REQUESTS", "too many requests")
		}
		return answer{status: http.StatusTooManyRequests, body: object{"Code": "Throttling.User", "Message": "Request was denied due to user flow control.", "RequestId": requestIDHere}}
	}}.withRetryAfter(retryAfter)
}

// Quota is instances that are used up, with status 429.
func Quota() Failure { return fixed("quota", quotaExceeded) }

func quotaExceeded() answer {
	return problem(http.StatusTooManyRequests, "ERR_RESOURCE_EXHAUSTED", "instance quota exceeded")
}

// Internal is status 500 with an error object.
func Internal() Failure {
	return fixed("internal", func() answer {
		return problem(http.StatusInternalServerError, "ERR_INTERNAL_SERVER_ERROR", "internal error")
	})
}

// BadGateway is status 502 with a page for people.
func BadGateway() Failure {
	return fixed("bad gateway", func() answer { return page(http.StatusBadGateway, "502 Bad Gateway") })
}

// Unavailable is status 503, with the time to wait, if it is not 0.
func Unavailable(retryAfter time.Duration) Failure {
	return fixed("unavailable", func() answer {
		return problem(http.StatusServiceUnavailable, "ERR_INTERNAL_SERVER", "service unavailable")
	}).withRetryAfter(retryAfter)
}

// GatewayTimeout is status 504 with a page for people.
func GatewayTimeout() Failure {
	return fixed("gateway timeout", func() answer { return page(http.StatusGatewayTimeout, "504 Gateway Time-out") })
}

// StorageFull is status 507, from inside a sandbox.
func StorageFull() Failure {
	return fixed("storage full", func() answer {
		return refusal(http.StatusInsufficientStorage, "INSUFFICIENT_STORAGE", "no space left on device")
	})
}

// SandboxGone is a sandbox that is over, in the words of the shape.
func SandboxGone() Failure {
	return Failure{name: "sandbox gone", instead: func(x *exchange) answer { return x.gone() }}
}

// Failed200 is a failure with the status of success.
func Failed200() Failure {
	return fixed("failed with 200", func() answer { return problem(http.StatusOK, "FAILED", "the operation failed") })
}

// Empty is a status without a body.
func Empty(status int) Failure {
	return fixed("empty "+strconv.Itoa(status), func() answer { return answer{status: status} })
}

// Status is any other answer in the shape of the service's applications.
func Status(status int, code, message string) Failure {
	f := fixed("status "+strconv.Itoa(status), func() answer { return problem(status, code, message) })
	f.details = code + " " + message
	return f
}

// Cut breaks the connection in place of an answer.
func Cut() Failure {
	return fixed("cut", func() answer { return answer{cut: cutAtOnce} })
}

// CutInBody carries the operation out and breaks the connection in the middle of the answer.
func CutInBody() Failure {
	return Failure{name: "cut in body", spoil: func(a *answer) { a.cut = cutInBody }}
}

// Silent carries a command out and answers that it has printed nothing, as was reported of young sandboxes.
func Silent() Failure {
	return Failure{name: "silent", spoil: func(a *answer) {
		body, _ := a.body.(object)
		if data, wrapped := body["data"].(object); wrapped {
			body = data
		}
		if result, ok := body["result"].(object); ok {
			result["stdout"], result["stderr"] = "", ""
		}
	}}
}

// Slow carries the operation out and stops for a while in the middle of the answer.
func Slow(pause time.Duration) Failure {
	return Failure{name: "slow", details: pause.String(), spoil: func(a *answer) { a.slow = pause }}
}

// Hang answers after a while, as if nothing had been carried out: with 504.
func Hang(pause time.Duration) Failure {
	return Failure{name: "hang", details: pause.String(), instead: func(x *exchange) answer {
		timer := time.NewTimer(pause)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-x.r.Context().Done():
		case <-x.e.over:
		}
		return page(http.StatusGatewayTimeout, "504 Gateway Time-out")
	}}
}

// ClockOff lets the service's clock be off by some time for the request: what the client signed is too old or too new.
func ClockOff(by time.Duration) Failure {
	return Failure{name: "clock off", details: by.String(), instead: func(x *exchange) answer {
		x.clock = by
		return x.handle()
	}}
}

// Inject adds a fault. Of several that fit a request the oldest counts.
func (e *Emulator) Inject(fault Fault) {
	if fault.Times == 0 {
		fault.Times = 1
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.faults = append(e.faults, &fault)
}

// ClearFaults takes back all faults, and says how many of them no request had met, or not as often as it should.
func (e *Emulator) ClearFaults() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	left := 0
	for _, f := range e.faults {
		if f.Times > 0 {
			left++
		}
	}
	e.faults = nil
	return left
}

// fault finds what a request will meet with.
func (e *Emulator) fault(x *exchange) *Fault {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i, f := range e.faults {
		if f.Operation != "" && f.Operation != x.op.name || f.Plane != "" && f.Plane != x.plane {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		met := *f
		if f.Times > 0 {
			if f.Times--; f.Times == 0 {
				e.faults = append(e.faults[:i:i], e.faults[i+1:]...)
			}
		}
		return &met
	}
	return nil
}
