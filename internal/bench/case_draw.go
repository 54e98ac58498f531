package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
)

const (
	drawnWithin = 3 * time.Millisecond
	equalWithin = 50 * time.Microsecond
	viewsMade   = 20 // a second, at most: the desktop program makes no more
)

// drawnViews is how many views are drawn at each place, each way.
const drawnViews = 200

// drawn is what window/draw.go prints of a place.
type drawn struct {
	Changed   series  `json:"changed"`
	Equal     series  `json:"equal"`
	PerSecond float64 `json:"per_second"`
}

// measureDrawing is how long the UI goroutine is busy with a view of 20 sessions and 1,000 contexts, in the window of the desktop program
// as it is in sight. Painting it is the toolkit's work, and comes on top.
func measureDrawing(ctx context.Context, b *bench) ([]row, error) {
	return b.onDesk(ctx, "views drawn by the desktop program", func(d *desk) ([]row, error) {
		p, err := d.start(ctx, b, b.home(), barePeer, "draw", "-views", strconv.Itoa(b.size(drawnViews)))
		if err != nil {
			return nil, err
		}
		var places map[string]drawn
		err = json.NewDecoder(p.stdout).Decode(&places)
		if err = errors.Join(err, p.stop(nil)); err != nil {
			return nil, p.explain(fmt.Errorf("what the window took: %w", err))
		}
		return drawingRows(places)
	})
}

func drawingRows(places map[string]drawn) ([]row, error) {
	var rows []row
	for _, place := range []struct{ name, label string }{{"overview", "the overview"}, {"contexts", "the table of contexts"}} {
		f := places[place.name]
		if len(f.Changed) == 0 || len(f.Equal) == 0 || f.PerSecond == 0 {
			return nil, fmt.Errorf("nothing was drawn in %s", place.label)
		}
		rows = append(rows,
			row{what: "snapshot of 20 sessions and 1,000 contexts applied to " + place.label + " (p50 / p99)", ours: short(f.Changed.p50()) + " / " + short(f.Changed.p99())}.
				aimed("p50 ≤ "+short(drawnWithin), f.Changed.p50() <= drawnWithin),
			row{what: "the same, equal to the one before (p50 / p99)", ours: short(f.Equal.p50()) + " / " + short(f.Equal.p99())}.
				aimed("p50 ≤ "+short(equalWithin), f.Equal.p50() <= equalWithin),
			row{what: "such snapshots taken one after another by " + place.label + ", painted in between", ours: perSecond(f.PerSecond)}.
				aimed("≥ "+perSecond(viewsMade), f.PerSecond >= viewsMade),
		)
	}
	return rows, nil
}
