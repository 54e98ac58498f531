package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
)

// crowd is how many sandboxes there may be at most, as the settings are when nobody changes them.
const crowd = 20

// measureCrowd reads what a host takes that has as many sessions in the cloud as it may have, beside one with as many as it keeps warm
// by itself.
func measureCrowd(ctx context.Context, b *bench) (rows []row, err error) {
	if _, err := resident(os.Getpid()); errors.Is(err, errNoMemory) {
		return []row{{what: "host with sessions in the cloud", ours: "not measured: " + err.Error()}}, nil
	}
	e, err := b.emulate(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, e.close()) }()
	many, err := b.holding(ctx, e, crowd)
	if err != nil {
		return nil, err
	}
	few, err := b.holding(ctx, e, poolSize)
	if err != nil {
		return nil, err
	}
	return []row{row{what: fmt.Sprintf("host with %d sessions in the cloud: memory, goroutines", crowd), ours: many.String()}.
		against(fmt.Sprintf("with %d", poolSize), few.String(), float64(many.memory)/float64(few.memory))}, nil
}

// footprint is what a process takes.
type footprint struct {
	memory     int64
	goroutines int
}

func (f footprint) String() string { return fmt.Sprintf("%s, %d", megabytes(f.memory), f.goroutines) }

// holding is what a host takes that holds so many sessions.
func (b *bench) holding(ctx context.Context, e *emulator, sessions int) (f footprint, err error) {
	h, err := startCloudHost(ctx, b, e.environment)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, h.stop()) }()
	if err := h.awaitUsable(ctx); err != nil {
		return f, err
	}
	if _, err := h.ask(ctx, "pool", "warm", strconv.Itoa(sessions)); err != nil {
		return f, err
	}
	if err := h.awaitReady(ctx); err != nil {
		return f, err
	}
	profile, err := h.ask(ctx, "status", "--goroutines")
	if err != nil {
		return f, err
	}
	if f.goroutines, err = total(profile); err != nil {
		return f, err
	}
	f.memory, err = resident(h.process.cmd.Process.Pid)
	return f, err
}

var totalLine = regexp.MustCompile(`(?m)^goroutine profile: total ([0-9]+)$`)

// total reads the number of goroutines in a profile.
func total(profile string) (int, error) {
	found := totalLine.FindStringSubmatch(profile)
	if found == nil {
		return 0, errors.New("the profile has no total")
	}
	return strconv.Atoi(found[1])
}
