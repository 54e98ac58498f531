package carry_test

import (
	"strings"
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun/agentruntest"
	"github.com/agentrun-tray/agentrun-tray/internal/carry"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

func TestAMoveInEveryShapeOfTheService(t *testing.T) {
	for _, shape := range agentruntest.Shapes() {
		t.Run(shape.Name, func(t *testing.T) {
			b := inTheCloud(t, shape.Shape)
			r := newRig(t, b, sandbox.Python)
			r.do(t, "a = [1]; b = a; g = (i for i in a); open('f', 'w').write('x')", "print('noise')")
			r.move(t)
			r.wantLost(t, "g (generator): TypeError")
			r.gives(t, "a is b and open('f').read() == 'x'", "True")
			r = newRig(t, b, sandbox.JavaScript)
			r.do(t, "const a = [1]; let b = a; class A {}; require('fs').writeFileSync('f', 'x')")
			r.move(t)
			r.wantLost(t)
			r.gives(t, "a === b && new A() instanceof A && require('fs').readFileSync('f', 'utf8') === 'x'", "true")
		})
	}
}

// TestCodeThatHangsInTheCloud: whether an interpreter survives the end of its time is the service's to say. Where it does not, the
// variables end with it, and the report says so.
func TestCodeThatHangsInTheCloud(t *testing.T) {
	for _, shape := range []agentruntest.Shape{{}, {TimeoutEndsContext: true}} {
		r := newRig(t, inTheCloud(t, shape), sandbox.Python)
		r.limits = carry.Limits{RunTime: 12 * time.Second, Patience: 2 * time.Second}
		r.do(t, "import time\nclass S:\n def __reduce__(self): time.sleep(1e6)\ngood = 1; s = S(); open('f', 'w').write('x')")
		r.move(t)
		if r.report.StateLost != shape.TimeoutEndsContext {
			t.Errorf("%+v: the old context has lost its variables: %v", shape, r.report.StateLost)
		}
		if shape.TimeoutEndsContext {
			r.wantLost(t, " (): copying s: it took too long")
			if got := r.report.Lost[0].String(); !strings.HasPrefix(got, "all variables (copying s") {
				t.Errorf("the loss reads %q", got)
			}
		} else {
			r.wantLost(t, "s (S): it took too long")
			r.gives(t, "good", "1")
		}
		r.gives(t, "open('f').read()", "'x'")
	}
}
