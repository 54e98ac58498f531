package app

import (
	"io"
	"log/slog"

	"github.com/agentrun-tray/agentrun-tray/internal/config"
	"github.com/agentrun-tray/agentrun-tray/internal/corefile"
	"github.com/agentrun-tray/agentrun-tray/internal/logging"
	"github.com/agentrun-tray/agentrun-tray/internal/paths"
)

// Prepare reads this user's settings, opens the log and says how a host is to run that goes by them, for a program to change what its
// command line asks for otherwise; it adds where the credentials are. From then on a crash leaves no core file. The log is written to
// standard error too if that is not nil, and at the level of the settings if none is named. Close it when the host has ended.
func Prepare(stderr io.Writer, level string) (Options, io.Closer, error) {
	dirs, err := paths.Find()
	if err != nil {
		return Options{}, nil, err
	}
	for _, dir := range []string{dirs.Config, dirs.Log} {
		if err := paths.EnsurePrivate(dir); err != nil {
			return Options{}, nil, err
		}
	}
	cfg, faults, err := config.Load(dirs.Config)
	if err != nil {
		return Options{}, nil, err
	}
	if level != "" {
		cfg.LogLevel = level
	}
	logLevel, err := logging.ParseLevel(cfg.LogLevel)
	if err != nil {
		return Options{}, nil, err
	}
	if err := corefile.Disable(); err != nil {
		return Options{}, nil, err
	}
	var atLevel slog.LevelVar
	atLevel.Set(logLevel)
	log, closer, err := logging.New(stderr, dirs.Log, &atLevel)
	if err != nil {
		return Options{}, nil, err
	}
	return Options{Dirs: dirs, Config: cfg, Faults: faults, Listen: cfg.Listen(), Logger: log, LogLevel: &atLevel}, closer, nil
}

// Reload reads the settings again, for a host that starts long after it was prepared: another one may have changed them meanwhile.
func (o *Options) Reload() error {
	cfg, faults, err := config.Load(o.Dirs.Config)
	if err != nil {
		return err
	}
	level, err := logging.ParseLevel(cfg.LogLevel)
	if err != nil {
		return err
	}
	o.Config, o.Faults, o.Listen = cfg, faults, cfg.Listen()
	o.LogLevel.Set(level)
	return nil
}
