# The two commands: `make demo` runs the main job, `make test` the tests. Each works from a fresh clone.
VENV := .venv
PY := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed
KERNELS := $(VENV)/.kernels
SOURCES := $(wildcard kernels/*.pyx kernels/*.pxd kernels/csrc/*.hpp kernels/csrc/*.cpp)
PACKAGES := kernels radio phy mac rlc_pdcp rrc_nas observe epc enb ue sims
BENCH_ARGS ?=
DEMO_ARGS ?=
SANITIZE_ARGS ?=
CROSS_ARGS ?=

.PHONY: demo test test-sanitize cross-aarch64 install kernels lint bench campaign docs radio clean

demo: $(KERNELS)
	$(VENV)/bin/picocell demo $(DEMO_ARGS)

test: $(KERNELS) lint
	$(PY) tools/run_tests.py

# The kernels' tests and calls with hostile arguments under AddressSanitizer and UBSan, in a build of its own: minutes.
test-sanitize: $(KERNELS)
	$(PY) tools/run_sanitized.py $(SANITIZE_ARGS)

# The kernels for aarch64, and their tests under qemu: minutes.
cross-aarch64: $(INSTALLED)
	$(PY) tools/cross_aarch64.py $(CROSS_ARGS)

install: $(KERNELS)

kernels: $(KERNELS)

lint: $(KERNELS)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

bench: $(KERNELS)
	$(PY) -m benchmarks $(BENCH_ARGS)

# The long statistical runs (cell search, PBCH, …): minutes, not part of `make test`.
campaign: $(KERNELS)
	$(PY) tools/run_campaigns.py

# SoapySDR and UHD of Debian, linked into .venv, and the pair of radios in memory that their tests use.
radio: $(INSTALLED)
	sh tools/radio_packages.sh $(VENV)

docs: $(KERNELS)
	PICOCELL_KERNELS=none $(PY) -m pip install -q --disable-pip-version-check --no-build-isolation -e ".[docs]"
	$(PY) -m sphinx -W -q -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

$(INSTALLED): pyproject.toml
	@sh tools/system_packages.sh
	python3 -m venv $(VENV)
	$(PY) -m pip install -q --disable-pip-version-check -U pip "setuptools>=77" "cython>=3.1" "numpy>=2.0"
	PICOCELL_KERNELS=none $(PY) -m pip install -q --disable-pip-version-check --no-build-isolation -e ".[dev]"
	@sh tools/radio_packages.sh $(VENV) soapy
	@touch $@

$(KERNELS): $(INSTALLED) setup.py $(SOURCES)
	$(PY) setup.py -q build_ext --inplace
	$(PY) -m compileall -q $(PACKAGES) src/picocell
	@touch $@

clean:
	rm -rf $(VENV) build docs/_build kernels/*.so *.egg-info src/*.egg-info
