# Every command of the lab. `make lab` shows it, `make test` proves it.

.PHONY: lab test bench check diff book build tools images up down prefetch workshop-test

# Which client workflows survive a backend restart?
lab: build
	@target/debug/chaos matrix --moments telling
	@echo
	@echo "One square as a story:  target/debug/chaos run cart kill"
	@echo "The one that surprises: target/debug/chaos run cart-blind kill"

# Everything a new machine lacks, then all tests.
test: tools build
	cargo test --workspace --no-fail-fast
	@docker info >/dev/null 2>&1 || \
	  echo "SKIPPED the lab in containers: no Docker engine answers here (make workshop-test wants one)"

# The two services raced against what you would use instead, on this machine; writes BENCHMARKS.md.
# make bench BENCH=--short: does everything run? Judges and writes nothing.
bench:
	bench/run $(BENCH)

# What a change must pass before the tests: format, lints, docs.
check:
	cargo fmt --all --check
	cargo fmt --all --check --manifest-path bench/Cargo.toml
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# The lesson: where the twins differ, in reading order.
diff:
	@for file in main sessions token config; do \
	  echo; echo "=== $$file.rs: stateful-svc against stateless-svc ==="; \
	  diff -u stateful-svc/src/$$file.rs stateless-svc/src/$$file.rs; \
	done; true
	@echo; echo "=== only in one twin ==="; diff -rq stateful-svc/src stateless-svc/src | grep '^Only' ; true

# The labs as a book, to read in a browser without a network. ci/tools installs mdbook.
book:
	@PATH="$$PATH:$${CARGO_HOME:-$$HOME/.cargo}/bin" mdbook build labs
	@echo "the book: target/book/index.html"

# The lab in containers: its images, all of it up, all of it gone again. `deploy/README.md` says more.
images:
	@deploy/images

up:
	@deploy/up

down:
	@deploy/down

# Everything a room needs before it goes offline, with sizes.
prefetch:
	@deploy/prefetch

# Does the lab in containers keep its promises? Takes minutes; CI runs it after the tests.
workshop-test:
	@ci/tools workshop
	@ci/workshop-test

build:
	@cargo build --workspace

# redis-server, Postgres, HAProxy and a browser for the tests, where apt can bring them; mdbook for the book.
tools:
	@ci/tools
