# Otklik. `make help` lists the targets.

VERSION     := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
RUN_FLAGS   ?=
BENCH       ?= .
BENCHTIME   ?= 1s
FUZZTIME    ?= 20s
SOAKTIME    ?= 30m
JOLT        ?= 1
# Three packages at a time: their tests wait for servers a fifth of the time, which leaves
# two cores idle when two run.
PARALLEL    ?= 3
PACKAGES    ?= ./...

# Neither git nor the folder's name may change what a build gives.
export GOFLAGS ?= -buildvcs=false

BIN         := .cache/bin
WITHSERVERS := $(BIN)/withservers

GO_DIRS     := channels cmd internal migrations templates

# Tests too slow for the race detector stand in files tagged heavy and are named
# TestHeavy…; long runs are tagged soak and named TestSoak….
tagged = $(addprefix ./,$(sort $(dir $(shell grep -rls --include='*_test.go' '^//go:build.*\b$(1)\b' $(GO_DIRS)))))

.DEFAULT_GOAL := help
.PHONY: help run build test test-race test-heavy lint fmt bench bench-campaign bench-nodes figures lexicon fuzz cover soak jolt screenshots setup clean ready

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: build ## build and start the demo dealership on this machine; needs Go only
	@exec bin/otklik demo $(RUN_FLAGS)

build: ## build bin/otklik, one static file
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/otklik ./cmd/otklik

test: ready ## run all tests, installing what they need if it is missing
	$(WITHSERVERS) $(MAKE) --no-print-directory --keep-going test-race test-heavy

# The race detector has nothing to find in packages of others that only compute: SQLite
# in Go is translated C on memory that the detector does not know, YAML is read and
# passwords are hashed by who called. To ask it at each of their accesses took a third of
# the tests' time. SQLite's driver and all other packages are watched.
UNWATCHED := modernc.org/sqlite/lib modernc.org/libc go.yaml.in/yaml/v3 golang.org/x/crypto/argon2
RACE      := -race $(foreach p,$(UNWATCHED),-gcflags=$(p)=-race=false)

# The two halves of test. Alone, each package starts servers of its own. What vet finds is
# said by lint.
test-race:
	go test -vet=off $(RACE) -p $(PARALLEL) -timeout 20m $(PACKAGES)

test-heavy:
	$(if $(call tagged,heavy),go test -vet=off -tags heavy -run '^TestHeavy' -p $(PARALLEL) -timeout 9m $(call tagged,heavy),@echo 'no package has heavy tests')

lint: ## check form, comments, errors and the direction of imports
	.ci/setup modules linter
	@unformatted=$$(gofmt -s -l $(GO_DIRS)); \
		test -z "$$unformatted" || { echo "make fmt would change:"; echo "$$unformatted"; exit 1; }
	$(BIN)/golangci-lint run $(PACKAGES)

fmt: ## format all Go files
	gofmt -s -w $(GO_DIRS)

bench: ready ## print the speed of plan, claim, render, send, record, inbound, parse (BENCH=…)
	$(WITHSERVERS) go test -run '^$$' -bench '$(BENCH)' -benchtime $(BENCHTIME) -benchmem -p 1 -timeout 60m $(PACKAGES)

# What a campaign's measurement can be asked for; `bin/otklik` is what is measured.
N           ?= 200000
CHANNEL     ?= email
DB          ?= postgres
REDIS       ?=
DELAY       ?= 0ms
LIVE        ?=
ROWS        ?=
RUNS        ?= 1

bench-campaign: build loadtest ## measure a campaign beside a bare loop (N= CHANNEL=email|sms DB=postgres|sqlite REDIS=0|1 DELAY=0ms LIVE=1 ROWS=1 RUNS=)
	@$(BIN)/loadtest campaign -n $(N) -channel $(CHANNEL) -db $(DB) -redis '$(REDIS)' -delay $(DELAY) -live=$(if $(LIVE),1,0) -rows=$(if $(ROWS),1,0) -runs $(RUNS)

bench-nodes: build loadtest ## measure a campaign on one, two and three nodes (N= CHANNEL=email|sms DELAY=0ms LIVE=1 RUNS=)
	@$(BIN)/loadtest nodes -n $(N) -channel $(CHANNEL) -delay $(DELAY) -live=$(if $(LIVE),1,0) -runs $(RUNS)

.PHONY: loadtest
loadtest:
	@.ci/setup modules servers
	@go build -o $(BIN)/loadtest ./internal/loadtest

figures: ## print how well customers' replies are read: accuracy, wrong ratings, opt-outs, comments, flags
	@go test ./internal/reply -run Figures -v | grep -E 'replies, accuracy|recall|^(---|ok|FAIL)|want'

lexicon: ## compile the reply lexicons anew after they were edited
	@go test ./internal/reply -run '^TestCompiled$$' -count=1 -update

fuzz: ## look for bad input, FUZZTIME for each fuzz test
	@set -e; grep -ros --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' $(GO_DIRS) | while IFS=: read -r file name; do \
		name=$${name#func }; echo "$$name in $$(dirname "$$file")"; \
		go test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) "./$$(dirname "$$file")"; \
	done

cover: ready ## print the share of statements that the tests reach
	$(WITHSERVERS) go test -p $(PARALLEL) -timeout 20m -coverpkg=./... -coverprofile=coverage.out $(PACKAGES)
	go tool cover -func=coverage.out | tail -1

# Never from the cache: what a soak draws is new each time (OTKLIK_TEST_SEED repeats it).
soak: ready ## run for a long time under faults (SOAKTIME=30m)
	$(if $(call tagged,soak),OTKLIK_SOAK=$(SOAKTIME) $(WITHSERVERS) go test -v -count=1 -tags soak -run '^TestSoak' -timeout 0 $(call tagged,soak),@echo 'no package has soak tests')

# Each test meets a slow machine here before it meets one: see internal/jolt. Waits are
# bounded by two minutes; a test that a machine ten times slower could not pass is broken.
jolt: ready ## run the tests with random delays in the program (JOLT=2: twice as many, PACKAGES=…)
	JOLT=$(JOLT) $(WITHSERVERS) go test -vet=off -count=1 -tags jolt $(RACE) -p $(PARALLEL) -timeout 60m $(PACKAGES)

screenshots: ready ## make the pictures of the documentation anew
	$(WITHSERVERS) go test -tags screenshots ./internal/e2e -run '^TestScreenshots' -count=1 -update

setup: ## install the servers, peers and tools that tests and lint need
	.ci/setup

clean: ## remove what was built; data/ and .cache/ stay
	rm -rf bin coverage.out

# What a test run needs before it starts.
ready:
	@.ci/setup modules servers peers
	@go build -o $(WITHSERVERS) ./internal/testserver/withservers
