package app

import (
	"errors"
	"io"
	"log/slog"

	"github.com/agentrun-tray/agentrun-tray/internal/config"
	"github.com/agentrun-tray/agentrun-tray/internal/corefile"
	"github.com/agentrun-tray/agentrun-tray/internal/logging"
	"github.com/agentrun-tray/agentrun-tray/internal/paths"
)

// Prepare reads this user's settings, opens the log and says how a host is to run that goes by them, for a program to change what its
// command line asks for otherwise; it adds where the credentials are. From then on a crash leaves no core file. The log is written to
// standard error too if that is not nil, and at the level of the settings if none is named. Close it when the host has ended, also after
// an error: the options then have the folders and a logger, as far as it came, for a program whose standard error nobody sees.
func Prepare(stderr io.Writer, level string) (Options, io.Closer, error) {
	opt := Options{LogLevel: new(slog.LevelVar), Logger: slog.New(slog.DiscardHandler)}
	var closer io.Closer = io.NopCloser(nil)
	dirs, err := paths.Find()
	if err != nil {
		return opt, closer, err
	}
	opt.Dirs = dirs
	for _, dir := range []string{dirs.Config, dirs.Log} {
		if err := paths.EnsurePrivate(dir); err != nil {
			return opt, closer, err
		}
	}
	log, file, err := logging.New(stderr, dirs.Log, opt.LogLevel)
	if err != nil {
		return opt, closer, err
	}
	opt.Logger, closer = log, file
	return opt, closer, errors.Join(opt.read(level), corefile.Disable())
}

// Reload reads the settings again, for a host that starts long after it was prepared: another one may have changed them meanwhile.
func (o *Options) Reload() error { return o.read("") }

// read reads the settings. Another log level than theirs may be named.
func (o *Options) read(level string) error {
	cfg, faults, err := config.Load(o.Dirs.Config)
	if err != nil {
		return err
	}
	if level != "" {
		cfg.LogLevel = level
	}
	atLevel, err := logging.ParseLevel(cfg.LogLevel)
	if err != nil {
		return err
	}
	o.Config, o.Faults, o.Listen = cfg, faults, cfg.Listen()
	o.LogLevel.Set(atLevel)
	return nil
}
