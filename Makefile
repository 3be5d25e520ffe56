# Each verb is a short script in scripts/; `make help` lists them.
CONFIGURATION ?=
SANITIZE ?=
VIDEO ?=
SHORT ?=
PREFIX ?= /usr/local
DESTDIR ?=
# YES=1: install Swift, where there is none, without asking.
YES ?=
export CONFIGURATION SANITIZE VIDEO SHORT PREFIX DESTDIR YES

.PHONY: help build test lint format demo bench faults install uninstall deb deb-test
.NOTPARALLEL:

help: ## list these verbs
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1|\2/p' Makefile | while IFS='|' read -r verb what; do printf 'make %-9s %s\n' "$$verb" "$$what"; done

build: ## set up and build segmentd in release (CONFIGURATION=debug for a debug build)
	@scripts/build.sh

test: ## set up, build, run every test (CONFIGURATION=release, SANITIZE=address|thread)
	@scripts/test.sh

lint: ## format, import directions, warnings as errors, shell syntax
	@scripts/lint.sh

format: ## write all Swift code in the house's format
	@scripts/format.sh

demo: ## segment a synthetic drive, or VIDEO=path, into demo/overlay.mp4 and demo/contact-sheet.png
	@scripts/demo.sh

bench: ## latency of the network alone at the sizes of Figure 5, the machine's matrix rate, heap allocations
	@scripts/bench.sh

faults: ## real RTSP servers, networks and readers that fail round a real service (SHORT=1 for CI's form)
	@scripts/faults.sh

install: ## install what `make build` built under PREFIX (/usr/local) and DESTDIR
	@scripts/install.sh

uninstall: ## remove it again; configuration and recordings stay
	@scripts/uninstall.sh

deb: ## build the Debian package of this release and architecture, .build-deb/segmentd_VERSION_ARCH.deb
	@scripts/deb.sh

deb-test: ## build it, lintian, then install, start, upgrade and purge it in a bare Debian root (root needed)
	@scripts/deb-test.sh
