package app

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/backend/cloud"
	"github.com/agentrun-tray/agentrun-tray/internal/cost"
	"github.com/agentrun-tray/agentrun-tray/internal/reason"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

// lookEvery is how often the meter is told what lives at the least: a sandbox costs by the second, and nobody reads it more often.
const lookEvery = time.Minute

// meterCosts tells the meter which paid sandboxes live and work, when that changes and every minute, and suspends their pools on a
// day that has cost what it may. It ends with ctx, having kept what was spent.
func (a *App) meterCosts(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	saved, alive := time.Now(), 0
	for {
		now := time.Now()
		if n := a.calls.Swap(0); n > 0 {
			a.meter.Called(now, int(n))
		}
		living := a.living()
		a.meter.Observe(now, living)
		a.holdForCost(now)
		if len(living) != alive || now.Sub(saved) >= lookEvery || ctx.Err() != nil { // what came or went would be missed after a crash
			saved, alive = now, len(living)
			if err := a.meter.Save(now); err != nil {
				a.log.Warn("costs not kept", "error", err)
			}
		}
		if ctx.Err() != nil {
			return nil
		}
		select {
		case <-a.spent:
		case <-tick.C:
			token(a.poke) // sums grow without anything else changing
		case <-ctx.Done():
		}
	}
}

// loadCosts reads what was spent before, and holds to it before anything is made that costs more.
func (a *App) loadCosts() {
	now := time.Now()
	if err := a.meter.Load(now); err != nil {
		a.log.Warn("costs until now not known", "error", err)
		a.note(problem(status.Problem{Code: status.CostUnknown, What: "What was spent before is not known."}, err))
	}
	a.holdForCost(now)
}

// priced is a machine in the units of the price list.
func priced(m cloud.Machine) cost.Machine {
	return cost.Machine{CPU: m.CPU, Memory: float64(m.Memory) / 1024, Disk: float64(m.Disk) / 1024}
}

// living lists the paid sandboxes that live, of what size they are, and whether anything runs in them.
func (a *App) living() []cost.Alive {
	busy := make(map[string]bool)
	for _, c := range a.interp.Contexts() {
		if c.Busy {
			busy[c.SandboxID] = true
		}
	}
	var living []cost.Alive
	for _, x := range a.sites.list() {
		if !x.paid {
			continue
		}
		machine := x.machine()
		for _, row := range x.pool.Stats().Rows {
			if row.Made {
				id := row.Value.SandboxID()
				living = append(living, cost.Alive{ID: id, Born: row.CreatedAt, Busy: busy[id], Machine: machine})
			}
		}
	}
	return living
}

// pastTheCap is what a user can do about a day that has cost what it may.
const pastTheCap = "To go on today, raise agentrun.daily_cap: in the window's settings, where that holds at once, or in the settings file, which a host reads when it starts (agentrunctl stop ends this one). Or choose the local backend with agentrunctl backend local."

// holdForCost suspends the paid pools while the day has cost what it may.
func (a *App) holdForCost(now time.Time) {
	excess, over := a.meter.Over(now)
	a.holding.Lock()
	was := a.holds.cost != nil
	a.holding.Unlock()
	if over == was {
		return
	}
	var why *sandbox.Error
	if over {
		why = sandbox.Errorf(sandbox.CodeQuotaExceeded, "%w", reason.New(reason.CapReached, status.Args{}, excess.Sentence+". "+strings.TrimSuffix(pastTheCap, ".")))
		a.log.Warn("daily cap reached", "until", excess.Until)
	}
	a.hold(func(h *holds) { h.cost = why })
}

// foldCost shows what was spent, if anything was or may be.
func (a *App) foldCost(s *status.Snapshot, now time.Time) {
	totals, limit := a.meter.Totals(now), a.settings().AgentRun.DailyCap
	if current, _ := a.sites.inUse(); totals.Month == (cost.Sum{}) && !current.paid {
		return
	}
	s.Cost = &status.Cost{Currency: "CNY", DailyCap: limit, Today: spending(totals.Today), Month: spending(totals.Month)}
	if excess, over := a.meter.Over(now); over {
		s.Problems = append(s.Problems, status.Problem{
			Code: status.DailyCap, What: excess.Sentence + ".", Todo: pastTheCap,
			Args: status.Args{Spent: fmt.Sprintf("%.2f", totals.Today.CNY), Cap: fmt.Sprintf("%.2f", limit)},
		})
	}
}

func spending(sum cost.Sum) status.Spending {
	return status.Spending{SandboxSeconds: int64(sum.Sandboxes / time.Second), BusySeconds: int64(sum.Busy / time.Second), Calls: sum.Calls, Estimate: sum.CNY}
}
