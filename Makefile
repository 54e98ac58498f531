# What each target is for stands behind its name; `make help` lists them.

GO       ?= go
BIN      := bin
TOOLS    := $(CURDIR)/.tools
VERSION  := $(shell sed -n 's/^Version = "\(.*\)"/\1/p' FyneApp.toml)
BUILD    := -trimpath -buildvcs=false -ldflags="-s -w -X github.com/agentrun-tray/agentrun-tray/internal/version.number=$(VERSION)"

# Tools are pinned here and not in go.mod, where they would drag hundreds of modules into ours.
GOLANGCI_LINT := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOFUMPT       := mvdan.cc/gofumpt@v0.12.0

NFPM          := github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.44.2

# The public suites are npm packages, as are the editors whose settings we write, and the tool that checks and packs bundles for Claude
# Desktop. A lock beside each use names them; they are installed once per lock.
locked   = $(TOOLS)/$(1)-$(word 1,$(shell cat $(2)/package.json $(2)/package-lock.json packaging/npm.sh | cksum))
SUITES  := $(call locked,suites,internal/suites)
CLIENTS := $(call locked,clients,internal/editors/clients)
MCPB    := $(call locked,mcpb,packaging/mcpb)

# Programs without a window are pure Go, so that they start everywhere.
export CGO_ENABLED = 0

PROGRAMS := agentrun-mcp agentrunctl

# What the bundles for Claude Desktop have in them: the relay for each system and processor that there is.
RELAYS := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64

# The window program needs a C compiler and the headers of OpenGL, X11 and Wayland. Its flags stay the same everywhere, as the C part
# of the toolkit takes minutes to compile and is kept by its flags.
WINDOW      := agentrun-tray
WINDOW_TAGS := migrated_fynedo

# What is checked without a display has the toolkit's driver that paints into memory, which needs no C (ci), and its own fonts alone, so
# that pictures are the same everywhere (test).
CHECK_TAGS := ci,test

FUZZTIME ?= 30s
SOAKTIME ?= 10m
IDLETIME ?= 1m

.DEFAULT_GOAL := help
.PHONY: help run build programs window test check lint unit keyring e2e e2e-window pictures live clients suites bench soak fuzz engine dev status inspector bundles package fmt clean

help: ## lists the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{ printf "  make %-10s %s\n", $$1, $$2 }'

run: ## installs what is needed, builds, and opens the app; where there is no display, starts the host without it
	@sh packaging/deps.sh run
	@if sh packaging/display.sh; then \
		sh packaging/deps.sh window && $(MAKE) --no-print-directory programs window && echo "AgentRun Tray opens its window. Ctrl+C ends it." && exec $(BIN)/agentrun-tray; \
	else \
		echo "There is no display here, so the host starts without a window. The first time that takes some seconds."; \
		$(MAKE) --no-print-directory programs && exec $(BIN)/agentrunctl serve --welcome --quiet; \
	fi

build: programs ## builds the programs into bin/; the one with the window where its headers are (sh packaging/deps.sh window)
	@if sh packaging/headers.sh; then $(MAKE) --no-print-directory window; \
	else echo "agentrun-tray is not built, as headers of the window system are missing; this installs them: sh packaging/deps.sh window"; fi

programs:
	@mkdir -p $(BIN)
	$(GO) build $(BUILD) -o $(BIN)/ $(addprefix ./cmd/,$(PROGRAMS))

window:
	@mkdir -p $(BIN)
	CGO_ENABLED=1 $(GO) build $(BUILD) -tags $(WINDOW_TAGS) -o $(BIN)/ ./cmd/$(WINDOW)

test: ## everything: what the tests need, lint, unit tests with the race detector, a real keyring, end to end, the public suites, real editors
	@sh packaging/deps.sh test
	$(GO) mod tidy -diff
	@$(MAKE) --no-print-directory check keyring e2e e2e-window suites clients

check: lint unit ## the fast inner loop: lint and unit tests; no network after the first time, no display

lint: $(TOOLS)/golangci-lint-v2.15.0 $(TOOLS)/gofumpt-v0.12.0
	@test -z "$$($(TOOLS)/gofumpt-v0.12.0 -l assets cmd internal packaging)" || { echo "not formatted (make fmt):"; $(TOOLS)/gofumpt-v0.12.0 -l assets cmd internal packaging; exit 1; }
	$(GO) vet -tags $(CHECK_TAGS),e2e,window,rig,suites,soak,live,keyring,clients,bundles,shots ./...
	$(GO) vet -tags conformance ./internal/mcpserver/
	$(TOOLS)/golangci-lint-v2.15.0 run --allow-parallel-runners --build-tags $(CHECK_TAGS),e2e,window,rig,suites,soak,live,keyring,clients,bundles,shots ./...
	$(TOOLS)/golangci-lint-v2.15.0 run --allow-parallel-runners --build-tags conformance ./internal/mcpserver/
	GOOS=darwin GOARCH=arm64 $(GO) vet -tags $(CHECK_TAGS) $$($(GO) list -tags $(CHECK_TAGS) ./cmd/... ./internal/... | grep -v -e /cmd/$(WINDOW)$$ -e /internal/bench/window$$)
	GOOS=windows GOARCH=amd64 $(GO) vet -tags $(CHECK_TAGS) ./cmd/... ./internal/...

unit:
	CGO_ENABLED=1 $(GO) test -race -timeout 30m -tags $(CHECK_TAGS) ./cmd/... ./internal/... ./packaging/...

keyring: ## the keychain's part against a real gnome-keyring, on a session bus of its own
	$(GO) test -count=1 -tags keyring -run Keyring ./internal/secrets/

e2e: programs ## black-box tests of the built programs
	$(GO) test -count=1 -timeout 30m -tags e2e ./internal/e2e/

e2e-window: programs ## black-box tests of the window and the tray, on a display that nobody sees; pictures go to AGENTRUN_TEST_ARTIFACTS
	$(GO) test -count=1 -timeout 30m -tags e2e,window -run '^TestWindow' ./internal/e2e/

# The pictures in README: busy places, as the tests of the window have them. In that locale the toolkit finds a bold Chinese font.
PICTURES := overview-busy-dark|contexts-busy-light

pictures: ## draws the pictures in README anew; go test -tags shots has one of every place
	LANG=zh_CN.UTF-8 CGO_ENABLED=1 $(GO) test -count=1 -tags shots -run '^TestShots$$/^($(PICTURES))' ./internal/ui -shots $(CURDIR)/assets/pictures

# What must be in the environment for make live.
ACCOUNT := AGENTRUN_ACCESS_KEY_ID AGENTRUN_ACCESS_KEY_SECRET AGENTRUN_ACCOUNT_ID AGENTRUN_REGION

live: ## the conversation of the end-to-end tests with the real service, in the account that the environment names
	@missing=; for name in $(ACCOUNT); do test -n "$$(printenv $$name)" || missing="$$missing $$name"; done; \
	if test -n "$$missing"; then echo "make live: skipped, as no AgentRun account is named in the environment; not set:$$missing"; exit 0; fi; \
	$(MAKE) --no-print-directory programs && $(GO) test -count=1 -tags e2e,live -run '^TestLive$$' -v ./internal/e2e/

clients: $(CLIENTS) $(SUITES) ## real editors and their own parsers read the settings that we write for them
	@node=$$(sh internal/suites/node.sh $(SUITES)) && set -x && $(GO) test -count=1 -timeout 30m -tags clients ./internal/editors/clients -clients $(CLIENTS) -node $$node

suites: $(SUITES) ## the public MCP conformance suites and the MCP Inspector against our programs
	cd internal/suites && $(GO) test -count=1 -timeout 30m -tags suites -suites $(SUITES)

bench: build ## measures, with ratios to peers taken in the same run; the app is left alone in the tray for IDLETIME (1m)
	@if test "$$(uname -s)" = Linux && sh packaging/headers.sh; then CGO_ENABLED=1 $(GO) build $(BUILD) -tags $(WINDOW_TAGS) -o $(BIN)/bench-window ./internal/bench/window; fi
	$(GO) run -buildvcs=false ./internal/bench -bin $(BIN) -node-modules "$(wildcard $(SUITES)/node_modules)" -idle $(IDLETIME)

soak: programs ## twenty clients at once, with crashes and bad manners, for SOAKTIME (10m)
	$(GO) test -count=1 -tags e2e,soak -timeout 0 -run '^TestSoak$$' -v ./internal/e2e/ -soak.for $(SOAKTIME)

fuzz: ## every fuzz target of the tree, each for FUZZTIME (30s)
	@$(GO) test -list '^Fuzz' ./cmd/... ./internal/... | awk '/^Fuzz/ { names[n++] = $$1 } /^ok/ { for (i = 0; i < n; i++) print $$2, names[i]; n = 0 }' | sort -u | \
	while read -r package target; do sh packaging/fuzz.sh "$$package" "$$target" $(FUZZTIME) || exit 1; done

engine: ## rebuilds the WebAssembly of Python and JavaScript from source (about 30 minutes)
	@sh packaging/deps.sh engine
	sh internal/localengine/guest/build/build.sh

dev: programs ## starts the host in the foreground with all its logs
	$(BIN)/agentrunctl serve --log-level debug

status: programs ## shows what the running host is doing
	$(BIN)/agentrunctl status

inspector: programs $(SUITES) ## opens the MCP Inspector on the relay
	@node=$$(sh internal/suites/node.sh $(SUITES)) && PATH=$$(dirname $$node):$$PATH $(SUITES)/node_modules/.bin/mcp-inspector $(CURDIR)/$(BIN)/agentrun-mcp

bundles: programs ## makes the .mcpb bundles for Claude Desktop in dist/, has the official tool check them, and tries them
	@sh packaging/deps.sh bundles
	@$(MAKE) --no-print-directory $(MCPB)
	@rm -rf dist/relays dist/mcpb dist/*.mcpb
	@for relay in $(RELAYS); do \
		GOOS=$${relay%/*} GOARCH=$${relay#*/} $(GO) build $(BUILD) -o dist/relays/$$relay/ ./cmd/agentrun-mcp || exit 1; \
	done
	$(GO) run -buildvcs=false ./packaging/mcpb -bin $(BIN) -relays dist/relays -out dist/mcpb
	@sh packaging/mcpb/pack.sh $(MCPB) dist/mcpb dist
	$(GO) test -count=1 -tags bundles ./packaging/mcpb -bundles $(CURDIR)/dist -bin $(CURDIR)/$(BIN)

package: $(TOOLS)/nfpm-v2.44.2 ## makes a package for Debian and its relatives and the .mcpb bundles in dist/, and tries them, the package in a fresh root
	@sh packaging/deps.sh package
	@$(MAKE) --no-print-directory programs window bundles
	sh packaging/package.sh $(TOOLS)/nfpm-v2.44.2 $(BIN)
	sh packaging/try.sh dist/agentrun-tray_$(VERSION)_$$(dpkg --print-architecture).deb

fmt: $(TOOLS)/gofumpt-v0.12.0 ## formats the source
	$(TOOLS)/gofumpt-v0.12.0 -w assets cmd internal packaging

clean: ## removes what was built
	rm -rf $(BIN) dist

# A tool is built once per version; its version is in its name, so that a new one is built when the version changes.
$(TOOLS)/golangci-lint-v2.15.0:
	GOBIN=$(TOOLS) $(GO) install $(GOLANGCI_LINT)
	@mv $(TOOLS)/golangci-lint $@

$(TOOLS)/nfpm-v2.44.2:
	GOBIN=$(TOOLS) $(GO) install $(NFPM)
	@mv $(TOOLS)/nfpm $@

$(TOOLS)/gofumpt-v0.12.0:
	GOBIN=$(TOOLS) $(GO) install $(GOFUMPT)
	@mv $(TOOLS)/gofumpt $@

$(CLIENTS):
	@sh packaging/npm.sh internal/editors/clients $@ "The test of real editors" --omit=optional

$(SUITES):
	@sh packaging/npm.sh internal/suites $@ "The run of the public suites"

$(MCPB):
	@sh packaging/npm.sh packaging/mcpb $@ "Making bundles for Claude Desktop" --omit=optional
