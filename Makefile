# What people and machines run. `make` alone says what there is.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

SWIFT ?= swift
PREFIX ?= /usr
DESTDIR ?=
TREE ?=
KEEP ?=
# The program that the demo, the benchmark and the installation take.
GB ?= .build/release/gb

# Checking and testing share one debug build: the same flags.
DEBUG_FLAGS := --explicit-target-dependency-import-check error
# The standard library is linked in, so the program runs on machines without a toolchain.
RELEASE_FLAGS := --configuration release --static-swift-stdlib --product gb
FORMATTED := Package.swift Sources Tests
SCRIPTS := .ci/check-repository .ci/compare-trees .ci/demo .ci/demo-logs .ci/install-dependencies .ci/run .ci/test-compare-trees \
	Benchmarks/measure.sh Benchmarks/run Benchmarks/transfer.sh Benchmarks/logs.sh .ci/check-systemd units/examples/dump-databases
GENERATORS := .ci/check-imports Benchmarks/make-storage Benchmarks/make-stream Benchmarks/make-tree Benchmarks/peak-memory \
	Benchmarks/make-elements Benchmarks/make-package-log Benchmarks/over-socket Benchmarks/relay Benchmarks/store-plainly

.PHONY: help demo test check bench format build install clean dependencies

help: ## says what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo 'make demo takes TREE=/path (the tree it tries) and KEEP=1 (leaves its directory);'
	@echo 'make install takes DESTDIR= and PREFIX= (/usr); demo, bench and install take GB=/path/to/gb instead of building.'

demo: dependencies ## backs up a real tree, changes it, restores both states and compares
	@$(if $(filter file,$(origin GB)),$(MAKE) --no-print-directory build)
	@TREE='$(TREE)' KEEP='$(KEEP)' GB='$(GB)' .ci/demo

# One after the other: many of them run programs, transfers with time limits, and kill -9 loops.
test: dependencies ## runs all tests
	$(SWIFT) test --no-parallel $(DEBUG_FLAGS)

check: dependencies ## format, imports between targets, scripts, links: all without running a test
	$(SWIFT) format lint --strict --parallel --recursive $(FORMATTED)
	@for script in $(SCRIPTS); do bash -n "$$script"; done
	@for generator in $(GENERATORS); do perl -c "$$generator" 2>&1 | grep --quiet 'syntax OK$$' || { perl -c "$$generator"; exit 1; }; done
	@.ci/install-dependencies shellcheck
	shellcheck -x $(SCRIPTS)
	.ci/check-repository
	SWIFT='$(SWIFT)' .ci/check-imports
	.ci/check-systemd
	.ci/test-compare-trees
	$(SWIFT) build --build-tests $(DEBUG_FLAGS)

bench: dependencies ## measures speed and memory, writes the table of doc/benchmarks.md
	@$(if $(filter file,$(origin GB)),$(MAKE) --no-print-directory build)
	@GB='$(GB)' Benchmarks/run

format: ## formats the Swift sources in place
	$(SWIFT) format --in-place --parallel --recursive $(FORMATTED)

build: dependencies ## builds the release program, .build/release/gb
	$(SWIFT) build $(RELEASE_FLAGS)

# An existing configuration is never overwritten. The names of the original's programs (gb-backup-generator and others)
# are installed as links as soon as gb answers to them; this version does not.
install: ## installs below DESTDIR what is built; the configuration only where there is none
	@test -x '$(GB)' || $(MAKE) --no-print-directory build
	install -D -m 0755 '$(GB)' '$(DESTDIR)$(PREFIX)/bin/gb'
	install -d -m 0755 '$(DESTDIR)/etc/guerillabackup' '$(DESTDIR)/etc/guerillabackup/units' \
		'$(DESTDIR)/etc/guerillabackup/lib-enabled'
	install -d -m 0700 '$(DESTDIR)/etc/guerillabackup/keys'
	install -d -m 0700 '$(DESTDIR)/var/lib/guerillabackup' \
		'$(DESTDIR)/var/lib/guerillabackup/data' '$(DESTDIR)/var/lib/guerillabackup/state'
	test -e '$(DESTDIR)/etc/guerillabackup/config' || \
		install -m 0600 etc/config '$(DESTDIR)/etc/guerillabackup/config'
	install -d -m 0755 '$(DESTDIR)$(PREFIX)/share/doc/guerillabackup/examples'
	install -m 0644 etc/config '$(DESTDIR)$(PREFIX)/share/doc/guerillabackup/examples/config'
	install -m 0644 etc/units/*.example '$(DESTDIR)$(PREFIX)/share/doc/guerillabackup/examples/'
	for file in $$(cd etc && find examples -type f); do \
		install -D -m 0644 "etc/$$file" '$(DESTDIR)$(PREFIX)/share/doc/guerillabackup/'"$$file"; \
	done
	install -m 0644 etc/units/*.example '$(DESTDIR)/etc/guerillabackup/units/'
	install -d -m 0755 '$(DESTDIR)$(PREFIX)/lib/guerillabackup/units'
	install -m 0644 $$(find units -maxdepth 1 -type f) '$(DESTDIR)$(PREFIX)/lib/guerillabackup/units/'
	install -d -m 0755 '$(DESTDIR)$(PREFIX)/lib/guerillabackup/units/examples'
	install -m 0755 units/examples/* '$(DESTDIR)$(PREFIX)/lib/guerillabackup/units/examples/'
	install -d -m 0755 '$(DESTDIR)$(PREFIX)/lib/systemd/system'
	for unit in systemd/*; do \
		sed 's|/usr/|$(PREFIX)/|g' "$$unit" >'$(DESTDIR)$(PREFIX)/lib/systemd/system/'"$${unit##*/}"; \
		chmod 0644 '$(DESTDIR)$(PREFIX)/lib/systemd/system/'"$${unit##*/}"; \
	done
	install -m 0644 README.md CHANGELOG.md LICENSE doc/*.md '$(DESTDIR)$(PREFIX)/share/doc/guerillabackup/'
	install -m 0755 doc/examples/pull.py '$(DESTDIR)$(PREFIX)/share/doc/guerillabackup/examples/'

clean: ## removes what was built
	$(SWIFT) package clean

dependencies: ## installs what is missing from Debian
	@.ci/install-dependencies
