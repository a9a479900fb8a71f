# What people and machines type. `make test` is all that continuous integration runs.

# What the tests call besides Rust and a C compiler, as DEBIAN-PACKAGE:PROGRAM, or :py.MODULE.
NEEDED = python3:python3 python3-venv:py.ensurepip strace:strace iproute2:ip

# How long `make fuzz` looks at each target.
FUZZ_SECONDS = 60

.PHONY: test lint build packages demo fuzz corpus bench mutants soak


# What the tests have shown is counted anew in each run: see integration/facts.
test: packages lint build
	rm -rf "$${CARGO_TARGET_DIR:-target}/facts"
	cargo test --workspace

lint:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings

# The tests of `integration` start these binaries; cargo does not know that they need them.
build:
	cargo build --workspace

# Installs what is missing where that can be done without asking; otherwise says the one command.
packages:
	@missing=; \
	for pair in $(NEEDED); do \
		package=$${pair%%:*}; thing=$${pair##*:}; \
		case $$thing in \
		py.*) python3 -c "import $${thing#py.}" 2>/dev/null ;; \
		*) command -v $$thing >/dev/null ;; \
		esac || missing="$$missing $$package"; \
	done; \
	test -n "$$missing" || exit 0; \
	install="apt-get install -y --no-install-recommends$$missing"; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive $$install; \
	else \
		echo "The tests need$$missing. On Debian: sudo $$install" >&2; exit 1; \
	fi

# A controller and three agents on this machine, in a narrated run; ARGS=--once ends by itself.
demo: build
	$${CARGO_TARGET_DIR:-target}/debug/demo $(ARGS)

# Our parsers beside the original's over inputs that are made up; ARGS="ini --seed 7" for one of them.
fuzz: packages
	cargo build -q -p agent
	cargo run -q -p fuzz -- run --seconds $(FUZZ_SECONDS) $(ARGS)

# Writes the original's answers beside the inputs of the corpora. To add one: a line {"in": "…"}.
corpus: packages
	cargo run -q -p fuzz -- record

# Our agent, the original and a bare loop in the same run, as ratios; ARGS chooses by a part of a
# bench's name. On a file system in memory where there is one, so that no disk is measured.
bench:
	cargo build --release --workspace
	TMPDIR=$$(test -w /dev/shm && echo /dev/shm || echo /tmp) $${CARGO_TARGET_DIR:-target}/release/bench $(ARGS)

# Puts faults into a copy of the agent, one after the other, and shows that tests notice each of them;
# ARGS chooses by a part of a fault's name.
mutants: build
	cargo run -q -p integration --bin mutants -- $(ARGS)

# As many programs as this machine lets agents run, then a storm; minutes. ARGS="--seconds 3600" for more.
soak: build
	$${CARGO_TARGET_DIR:-target}/debug/soak $(ARGS)
