# Riverstones. `make help` lists the targets. Only Go is needed to build and
# run; the other targets install what they lack.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

GOLANGCI_VERSION    := 2.15.0
GOVULNCHECK_VERSION := 1.9.0

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
DATA    ?= .riverstones
TOOLS   ?= $(CURDIR)/bin
LDFLAGS := -s -w -X main.version=$(VERSION)

# SQLite is C translated to Go, and its memory is not Go's heap, which is all that
# the race detector looks at: it found nothing there and took three quarters of
# the time, the check of how pointers are made included. The driver, which holds
# Go's side, is looked at like our own code.
TRANSLATED := -d=checkptr=0 -race=false
RACE := -race -gcflags=modernc.org/...=-d=checkptr=0 $(foreach p,sqlite/lib libc/... memory,'-gcflags=modernc.org/$(p)=$(TRANSLATED)')
# For tests on a machine of two cores: two packages at a time, and three tests
# in each, since most of them wait for something most of the time.
TESTFLAGS ?= $(RACE) -p 2 -parallel 3 -timeout 10m
FUZZTIME  ?= 5s
BENCH     ?= -n 60000

# The packages that have benchmarks: the others would be linked for nothing.
BENCHED = $(shell grep -rl --include='*_test.go' '^func Benchmark' . | xargs -n 1 dirname | sort -u)

# A golangci-lint of the pinned version that is here already, else ours.
GOLANGCI = $(shell for t in "$(TOOLS)/golangci-lint" "$$(command -v golangci-lint)" "$$(go env GOPATH)/bin/golangci-lint"; do \
	if [ -x "$$t" ] && "$$t" version --short 2>/dev/null | grep -qxF '$(GOLANGCI_VERSION)'; then echo "$$t"; exit; fi; done; \
	echo "$(TOOLS)/golangci-lint")

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F '\t' '{printf "  %-16s %s\n", $$1, $$2}'

.PHONY: run
run: build ## everything in one process on this machine, with a demo (DATA=.riverstones)
	exec ./bin/riverstones dev --data "$(DATA)" --demo

.PHONY: build
build: ## build ./bin/riverstones, one static binary
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/riverstones ./cmd/riverstones

.PHONY: test
test: ## all tests with the race detector; installs what they lack (PKG=./... TESTFLAGS=...)
	@.ci/need cc postgres chromium
	go test $(TESTFLAGS) $(or $(PKG),./...)

.PHONY: lint
lint: ## golangci-lint (pinned, installed into bin when missing)
	@[ -x "$(GOLANGCI)" ] || { echo "installing golangci-lint $(GOLANGCI_VERSION)"; \
		GOBIN="$(TOOLS)" go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v$(GOLANGCI_VERSION); }
	$(GOLANGCI) run ./...

.PHONY: vulnerabilities
vulnerabilities: ## known vulnerabilities in what we call; says so and passes when the database is out of reach
	@out=$$(go run golang.org/x/vuln/cmd/govulncheck@v$(GOVULNCHECK_VERSION) ./... 2>&1) && code=0 || code=$$?; \
	printf '%s\n' "$$out"; \
	if grep -qE 'fetching vulnerabilities|dial tcp|no such host|connection refused|i/o timeout|proxyconnect|403 Forbidden|module version is not available' <<<"$$out"; \
	then echo 'govulncheck or its database is out of reach: not checked'; exit 0; fi; exit $$code

.PHONY: bench
bench: build ## micro-benchmarks, then the whole pipeline under load, and processes (BENCH="-n 60000")
	@.ci/need postgres
	go test -run '^$$' -bench . -benchmem $(BENCHED)
	./bin/riverstones bench $(BENCH)
	@for p in receive sequence fork; do ./bin/riverstones bench --process $$p -n 3000 || exit 1; done

.PHONY: bench-short
bench-short: build ## one pass of every benchmark, so that they keep working
	@.ci/need postgres
	go test -run '^$$' -bench . -benchtime 1x -short $(BENCHED)
	./bin/riverstones bench -n 500 -c 16
	./bin/riverstones bench --process sequence -n 100

.PHONY: bench-pages
bench-pages: ## every page of the console with ROWS (1000000) tasks and processes in the store
	go test -run '^$$' -bench Pages -benchtime 3x -timeout 2h ./gateway/console -rows $(or $(ROWS),1000000)

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME (5s)
	@FUZZTIME="$(FUZZTIME)" .ci/fuzz

.PHONY: generate
generate: ## run all generators
	go generate ./...

.PHONY: generate-check
generate-check: ## fail when generated files are not fresh
	@.ci/fresh

.PHONY: ci
ci: ## what must pass before a change lands
	.ci/run

.PHONY: clean
clean: ## remove what make built (keeps DATA)
	rm -rf bin .ci/artifacts
