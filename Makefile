# make              format check, lint, test, build
# make build        bin/shbuild, one static binary
# make demo         builds it, then an example image with it, as whoever you are
# make test         sets up what the tests need (Debian packages, an ordinary user when you are root) and runs them all
# make check        the same without `make e2e`, which takes the network
# make lint         gofmt, go vet, staticcheck
# make e2e          real Debian, registry, podman, skopeo, umoci, docker
# make conformance  the same images as BuildKit's, and podman's, for every case of scripts/conformance; some on each rung
# make bench        times the parts, and whole builds against other builders: docs/performance (not in CI)
# make fuzz         every fuzz target for 20 s
# make install      into $(PREFIX)/bin, by default /usr/local/bin

PREFIX  ?= /usr/local
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
TAGS    := netgo osusergo
# One way for all that is compiled, so that nothing is compiled twice.
export GOFLAGS := -trimpath -tags=netgo,osusergo
LDFLAGS := -s -w -X main.version=$(VERSION)

.PHONY: all userland build demo test check lint e2e conformance bench fuzz install clean

all: lint test build

userland:
	@scripts/setup build
	scripts/build-userland

build: userland
	CGO_ENABLED=1 go build -trimpath -tags '$(TAGS)' -ldflags '$(LDFLAGS)' -o bin/shbuild ./cmd/shbuild

demo:
	@scripts/setup demo
	@$(MAKE) --no-print-directory build
	@scripts/demo

test:
	@scripts/setup e2e
	@$(MAKE) --no-print-directory check
	@$(MAKE) --no-print-directory -j3 e2e $(BESIDE)

check:
	scripts/test

lint: userland
	scripts/lint

e2e: build
	@scripts/setup e2e
	scripts/e2e/run $(E2E)

conformance: build
	@scripts/setup e2e
	go test -count=1 -timeout 20m -exec "'$(CURDIR)/scripts/as-test-user'" ./scripts/conformance
	scripts/conformance/on-rungs

bench: build
	@scripts/setup bench
	scripts/bench/parts
	go build -o bin/bench ./scripts/bench
	bin/bench

fuzz:
	scripts/fuzz 20s

install: build
	install -D -m 755 bin/shbuild $(DESTDIR)$(PREFIX)/bin/shbuild

clean:
	rm -rf bin runtime/userland/embed/toybox*
