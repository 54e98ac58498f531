package autostart

func newSystem(opt Options) (system, error) { return newAgent(opt) }
