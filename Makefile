# make help lists the targets. Every target does its own set-up.
SHELL := /bin/bash
.DEFAULT_GOAL := help

NODE_MODULES := node_modules/.package-lock.json
SOURCES := $(shell find src -name '*.ts' 2>/dev/null)

$(NODE_MODULES): package.json package-lock.json
	npm ci --no-audit --no-fund
	@touch $@

dist/main.js: $(NODE_MODULES) build.mjs $(wildcard packaging/*.mjs) $(SOURCES)
	@node build.mjs
	@touch $@

.PHONY: help build run check fix test soak e2e demo demo-ebs bench packages release plugin plugin-push image clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: dist/main.js ## bundle the program into dist/

run: dist/main.js ## serve volumes on this machine, in the foreground
	@node dist/main.js start

test: dist/main.js ## run the tests that any machine can run; what it cannot run is skipped by name
	@npx vitest run

soak: $(NODE_MODULES) ## histories of several machines in memory, at random; MINUTES=10 SEED=1 HISTORY=path
	@MINUTES=$(MINUTES) SEED=$(SEED) HISTORY=$(HISTORY) npx vitest run --config vitest.soak.config.ts

check: $(NODE_MODULES) ## types, lint, architecture arrows, unused code
	npx tsc --noEmit
	npx tsc --noEmit -p test
	npx biome check --error-on-warnings
	npx knip

fix: $(NODE_MODULES) ## let the tools mend what they can
	npx biome check --write

e2e: dist/main.js ## root: the real kernel, dockerd and Podman
	@npx vitest run --config vitest.e2e.config.ts

demo: dist/main.js ## root: Docker Swarm moves a service with its volume between instances of a simulated EC2; paints a picture
	@node demo/main.mjs swarm

demo-ebs: dist/main.js ## root: volumes of a simulated EC2 follow containers between two Docker engines; STAY=1 to go on
	@STAY=$(STAY) node demo/main.mjs

bench: dist/main.js ## measure; prints tables and ratios
	@node bench/main.mjs

packages: $(NODE_MODULES) ## build the npm package and the Debian package into release/
	@node packaging/main.mjs packages

release: $(NODE_MODULES) ## of a tagged commit: packages, plugin, changes, bills of materials, audit, checksums into release/; BASE=image
	@BASE=$(BASE) node packaging/main.mjs release

# BASE is the image that the tools and node come from: node:22-bookworm-slim, say. Without one they are this machine's own.
plugin: dist/main.js ## make the managed plugin in the engine of DOCKER_HOST, disabled; NAME=remora/rexray:x BASE=image
	@NAME=$(NAME) IMAGE=$(IMAGE) BASE=$(BASE) WITHOUT=$(WITHOUT) node docker-plugin/build.mjs plugin

plugin-push: ## push the plugin to the registry of its name; NAME=registry/rexray:x
	@NAME=$(NAME) node docker-plugin/build.mjs push

image: dist/main.js ## make the image that the plugin is made of, for docker run; IMAGE=remora/remora:x BASE=image
	@IMAGE=$(IMAGE) BASE=$(BASE) node docker-plugin/build.mjs image

clean: ## remove what make built
	rm -rf dist node_modules coverage release release.new
