# Bare `make` explains every target. The environment .venv makes itself on first use.

PROGRAM ?= examples/add.takt
CHIP ?= nano
N ?= 1000
SEED ?= 1
VECTORS ?= 1000000
CHIPS ?= 2
PPM ?= 200
BER ?=
BOARD ?= ulx3s
MHZ ?=
SWEEP ?=
ESTIMATE ?=

PYTHON_FILES := hw sim firmware tests bench
BIN := .venv/bin

.PHONY: help demo test check sim sim-links waves synth gatesim formal board bench bench-systems allreduce soak soak-links soak-arith faults coverage functions planted docs manual format clean compiler
.DEFAULT_GOAL := help

help:
	@awk -F ' ## ' '/^[a-z-]+:.* ## / { sub(/:.*/, "", $$1); printf "  make %-10s %s\n", $$1, $$2 }' Makefile

demo: .venv/ready compiler ## classify handwritten digits with a neural network on the chip's RTL
	@$(BIN)/takt demo

test: .venv/ready compiler ## run all tests, the RTL benches included, on all processors
	@$(BIN)/python -m pytest -n auto --dist loadfile

check: .venv/ready ## lint, types, and whether every generated file is fresh
	@$(BIN)/ruff format --quiet --check $(PYTHON_FILES) || { echo "takt: the files above are not formatted; run make format" >&2; exit 1; }
	@$(BIN)/ruff check --quiet $(PYTHON_FILES)
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/python -m takt_hw.manual --check
	@echo "check: format, lint, types and generated pages are good"

sim: .venv/ready compiler ## run PROGRAM=examples/add.takt on the RTL of CHIP=nano
	@$(BIN)/takt run $(PROGRAM) --chip $(CHIP) --backend rtl

sim-links: VECTORS = 100000
sim-links: .venv/ready compiler ## VECTORS=100000 over the links of CHIPS=4 chips on the RTL, clocks PPM=100 off, bit error rate BER=1e-5
	@$(BIN)/python -m takt_sim.tb.system.links --chips $(CHIPS) --ppm $(PPM) --vectors $(VECTORS) --seed $(SEED) $(if $(BER),--ber $(BER))

waves: .venv/ready compiler ## the same as sim, writing a VCD, a GTKWave save file and a picture to build/waves
	@$(BIN)/takt waves $(PROGRAM) --chip $(CHIP)

synth: .venv/ready ## a bitstream for BOARD=ulx3s, the board's MHZ, and of SEED 1 to 3 the first that reaches it; SWEEP="seed=1,2 streams=8,16" tabulates sizes; figures in build/synth.json
	@$(BIN)/python -m takt_hw.synth --board $(BOARD) $(if $(filter command line,$(origin SEED)),--seed $(SEED)) $(if $(MHZ),--mhz $(MHZ)) $(if $(filter command line,$(origin CHIP)),--chip $(CHIP)) $(if $(SWEEP),--sweep "$(SWEEP)") $(if $(ESTIMATE),--estimate)

gatesim: .venv/ready compiler ## programs on the synthesized netlist of a small build, against RTL and reference
	@$(BIN)/python -m takt_sim.tb.gates

board: .venv/ready compiler ## the RTL of a board with CHIP=nano, its UART at a pseudo-terminal for --backend fpga
	@$(BIN)/python -m takt_sim.tb.board --chip $(CHIP)

formal: .venv/ready ## prove properties of the RTL and refute planted faults; figures in build/formal.json
	@$(BIN)/python -m tests.formal --mutants

bench: .venv/ready compiler ## simulated cycles per second of every executor, beside a hand-written array
	@$(BIN)/python -m bench --chip $(CHIP)

bench-systems: .venv/ready ## the reference simulator of many chips on one process and on several
	@$(BIN)/python -m bench.systems

allreduce: .venv/ready ## cycles of all-reduce on 2, 4 and 8 chips against the links' bandwidth: build/allreduce.svg
	@$(BIN)/python -m takt.collectives

soak: .venv/ready compiler ## N=1000 random legal programs on RTL and reference; SEED=1 reproduces a run
	@$(BIN)/python -m takt_sim.tb.soak --programs $(N) --seed $(SEED) --chip $(CHIP)

soak-links: N = 50
soak-links: CHIP = nano_c2c
soak-links: .venv/ready compiler ## N=50 random programs of CHIPS=2 chips CHIP=nano_c2c, clocks up to PPM=200 off, on RTL and reference
	@$(BIN)/python -m takt_sim.tb.system.soak --programs $(N) --seed $(SEED) --chip $(CHIP) --chips $(CHIPS) --ppm $(PPM)

functions: .venv/ready compiler ## exp2, log2 and the like: coefficients fresh, errors as the manual says, RTL the same bits
	@$(BIN)/python -m takt_sim.functions
	@$(BIN)/python -m tests.arithmetic.functions

soak-arith: .venv/ready compiler ## VECTORS=1000000 of each floating-point operation and conversion: RTL, reference, SoftFloat
	@$(BIN)/python -m tests.arithmetic --vectors $(VECTORS) --seed $(SEED)

coverage: .venv/ready compiler ## every row of the table and data type, and the random program that executed it on the RTL
	@$(BIN)/python -m takt_sim.tb.soak --programs 200 --seed 1 --chip nano --coverage build/coverage.json

faults: CHIP = nano_ecc
faults: .venv/ready compiler ## flip bits of CHIP=nano_ecc, or another chip with ECC, during a program; figures in build/faults.json
	@$(BIN)/python -m tests.fault_campaign --seed $(SEED) --chip $(CHIP)

planted: .venv/ready compiler ## break the RTL in known ways and show that the suite notices each (slow)
	@$(BIN)/python -m tests.planted_faults --write

docs: .venv/ready ## build the manual as a web site in build/site
	@$(BIN)/python -m takt_hw.manual --check
	@$(BIN)/mkdocs build --quiet --strict
	@echo "docs: build/site/index.html"

manual: .venv/ready ## write the generated pages of the manual again
	@$(BIN)/python -m takt_hw.manual

format: .venv/ready ## format the Python files and mend what the linter can
	@$(BIN)/ruff check --quiet --fix-only $(PYTHON_FILES)
	@$(BIN)/ruff format --quiet $(PYTHON_FILES)

clean: ## remove what was built; .venv stays
	@rm -rf build .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find hw sim firmware tests bench -name __pycache__ -prune -exec rm -rf {} +

compiler:
	@echo 'int main() { return 0; }' | c++ -std=c++17 -x c++ -fsyntax-only - 2>/dev/null || \
	{ echo "takt: a C++ compiler is needed to simulate the chip; install one (on Debian and Ubuntu: g++)" >&2; exit 1; }

.venv/ready: requirements.lock pyproject.toml .ci/setup
	@.ci/setup
