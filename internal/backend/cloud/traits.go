package cloud

import (
	"github.com/agentrun-tray/agentrun-tray/internal/agentrun"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// DefaultTraits are those of a backend with the default options, for who has to speak of it before there is one.
func DefaultTraits() sandbox.Traits {
	return traits(Options{Lifetime: defaultLifetime, MaxContexts: defaultContexts})
}

func traits(options Options) sandbox.Traits {
	return sandbox.Traits{
		Languages:   []sandbox.Language{sandbox.Python, sandbox.JavaScript},
		MaxRunTime:  agentrun.MaxRunTime,
		MaxContexts: options.MaxContexts,
		MaxCodeSize: maxCodeSize,
		MaxFileSize: agentrun.MaxUpload,
		Lifetime:    options.Lifetime,
		HardLimit:   agentrun.MaxLifetime,
		EndsLines:   true,

		Shell: true, MaxCommandTime: maxCommandTime,

		Note: "Code runs in an AgentRun sandbox in the cloud, with internet access: Python with the usual packages (pip install works until the sandbox ends), or JavaScript. " +
			"A run has at most 30 seconds and shows its output at its end; what is cancelled loses its variables; what takes longer belongs in a file that run_command runs in the background. Files go into the working folder; charts are best saved there.",
	}
}
