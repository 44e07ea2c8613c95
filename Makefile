# make demo    set everything up in .venv, write outputs/demo.mp4, say where it is
# make ui      the page with controls on this machine; UI_FLAGS="--port 7870" and the like
# make test    set everything up in .venv, run lint, unit, parity and host tests
# make test-nodes    only the ComfyUI nodes, in an environment of their own (.venv-nodes)
# make test-comfyui  the nodes in a real ComfyUI: COMFYUI_DIR=/path/to/ComfyUI make test-comfyui
# make test-ui       the local page: in the newest gradio and Chromium (.venv-ui)
# make test-ui-matrix    the page in gradio 3.41, 4.40 and the newest
# make test-webui    the tab in a real A1111 or Forge: WEBUI_DIR=/path/to/webui make test-webui
# make format  put the code in the project's format
# make clean   remove .venv and what was built
#
# PYTHON=python3.12 chooses the interpreter (3.10 to 3.13).
# TORCH_INDEX=https://download.pytorch.org/whl/cpu takes torch from another index: with this one the
# smaller build without CUDA, which spares about 2 GB on Linux.
# REQUIRE_HOSTS=1 lets the hosts stage fail where it would be left out for want of an environment.
# COMFYUI_PYTHON=/path/to/python is the interpreter that runs COMFYUI_DIR (else .venv-nodes).
# WEBUI_PYTHON is the one that runs WEBUI_DIR (else venv/ in there), WEBUI_ARGS what it is started with.

VENV := .venv
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif
RUN := $(BIN)/python
NODES_VENV := .venv-nodes
NODES_RUN := $(subst $(VENV)/,$(NODES_VENV)/,$(RUN))
UI_VENVS := .venv-ui
UI_RUN := $(subst $(VENV)/,$(UI_VENVS)/newest/,$(RUN))
# Two workers with a page and a browser each.
UI_PYTEST_FLAGS ?= -q -n 2
PIP := $(RUN) -m pip --disable-pip-version-check
SETUP_FILES := pyproject.toml requirements.txt constraints.txt
TORCH_INDEX ?=
# Two workers: the unit suite is to stay under 90 s on two cores. Each begins with half of the files,
# so that what the tests of a file share is made once.
PYTEST_FLAGS ?= -q -n 2 --dist worksteal
# Left to the stages below: to read the tests that need a host would take the others some seconds,
# and the page's run with gradio, where none of them is skipped.
HOST_TESTS := tests/nodes tests/comfyui tests/webui_hosts tests/ui

# The first interpreter that runs and is of a supported version.
PICK := for p in $(PYTHON) python3 python3.12 python3.11 python3.13 python3.10 python; do \
	  if "$$p" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' \
	    >/dev/null 2>&1; then echo "$$p"; break; fi; \
	done

.PHONY: demo ui test lint unit parity hosts test-nodes test-comfyui test-ui test-ui-matrix test-webui format clean setup setup-dev
.DEFAULT_GOAL := demo

demo: $(VENV)/.ready
	@$(RUN) -m sadtalker_core demo

# Without the constraints: gradio keeps to an older Pillow than they name.
ui: $(VENV)/.ready
	@if ! $(RUN) -c 'from importlib.metadata import version; version("gradio")' 2>/dev/null; then \
	  echo "Getting the page's packages (once)"; $(PIP) install --quiet --editable '.[ui]'; \
	fi
	@$(RUN) -m sadtalker_core ui $(UI_FLAGS)

test: lint unit parity hosts
	@echo "make test: all stages passed."

setup: $(VENV)/.ready
setup-dev: $(VENV)/.ready-dev

$(RUN):
	@set -e; python="$$($(PICK))"; \
	if [ -z "$$python" ]; then \
	  echo "No Python 3.10 to 3.13 was found. Install one, or say where it is: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)" >&2; \
	  exit 1; \
	fi; \
	echo "Setting up $(VENV) with $$("$$python" --version) (once; a few minutes)"; \
	if ! "$$python" -m venv $(VENV); then \
	  rm -rf $(VENV); \
	  echo "$$python could not make a virtual environment. On Debian and Ubuntu: sudo apt-get install python3-venv" >&2; \
	  exit 1; \
	fi

$(VENV)/.ready: $(SETUP_FILES) | $(RUN)
	@set -e; \
	if [ -n "$(TORCH_INDEX)" ]; then \
	  $(PIP) install --quiet -c constraints.txt --index-url "$(TORCH_INDEX)" torch; \
	fi; \
	$(PIP) install --quiet -c constraints.txt --editable .
	@touch $@

$(VENV)/.ready-dev: $(VENV)/.ready
	@$(PIP) install --quiet -c constraints.txt --editable '.[dev]'
	@touch $@

lint: $(VENV)/.ready-dev
	@echo "== lint"
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .
	@$(RUN) -m pyright --pythonpath $(RUN)

# pytest compiles every file of tests in a way of its own: kept, it serves the next stage and run.
unit parity: export PYTHONDONTWRITEBYTECODE :=

unit: $(VENV)/.ready-dev
	@echo "== unit"
	@$(RUN) -m pytest $(PYTEST_FLAGS) $(HOST_TESTS:%=--ignore %) \
	  -m "not parity and not jobs and not hosts"

# Full-size networks, whole jobs from files to a file (neural engines with toy networks), and what
# runs the library or the program in a process of its own, which takes seconds to import them.
# A stage without tests says so. pytest would exit with 5 and look like a failure.
parity: $(VENV)/.ready-dev
	@echo "== parity (full size) and whole jobs"
	@if grep -rqs --include='test_*.py' 'mark\.parity' tests; then \
	  $(RUN) -m pytest $(PYTEST_FLAGS) $(HOST_TESTS:%=--ignore %) -m "parity or jobs"; \
	else echo "left out: parity: no such test yet, they come with the first neural engine"; fi

# In this order: the last count that is printed is of tests that ran.
hosts: $(VENV)/.ready-dev
	@$(RUN) -m tools.hosts_found
	@$(MAKE) --no-print-directory test-nodes
	@$(MAKE) --no-print-directory test-ui

# The nodes have packages of their own: those that ComfyUI's users have.
test-nodes: | $(RUN)
	@echo "== hosts: ComfyUI nodes"
	@if $(RUN) -m tools.comfy_environment $(NODES_VENV); then \
	  $(NODES_RUN) -m pytest $(PYTEST_FLAGS) -m hosts tests/nodes; \
	elif [ -n "$(REQUIRE_HOSTS)" ]; then exit 1; \
	else echo "left out: ComfyUI nodes (the line above says why)"; fi

# gradio has needs of its own, which are not to decide what the library is tested with. Tests with a
# browser go apart: it leaves an event loop behind, beside which no other can begin. Most of those
# without one need no gradio either, and this is where they run: also where it cannot be had.
test-ui: $(VENV)/.ready-dev
	@echo "== hosts: the local page"
	@if $(RUN) -m tools.ui_environments $(UI_VENVS) newest; then \
	  $(UI_RUN) -m pytest $(UI_PYTEST_FLAGS) tests/ui -m "not hosts" && \
	  $(UI_RUN) -m pytest $(UI_PYTEST_FLAGS) tests/ui -m hosts --ignore tests/ui/test_matrix.py; \
	elif [ -n "$(REQUIRE_HOSTS)" ]; then exit 1; \
	else $(RUN) -m pytest $(PYTEST_FLAGS) tests/ui -m "not hosts" && \
	  echo "left out: the local page in gradio (the line at the top says why)"; fi

test-ui-matrix: $(VENV)/.ready-dev
	@$(RUN) -m tools.ui_environments $(UI_VENVS)
	@TALKING_PORTRAITS_UI_ENVS="$(abspath $(UI_VENVS))" \
	  $(UI_RUN) -m pytest $(UI_PYTEST_FLAGS) tests/ui/test_matrix.py

test-comfyui: $(VENV)/.ready-dev
	@if [ ! -f "$(COMFYUI_DIR)/main.py" ]; then \
	  echo "Say where ComfyUI is: COMFYUI_DIR=/path/to/ComfyUI make test-comfyui" >&2; exit 1; \
	fi
	@if [ -z "$(COMFYUI_PYTHON)" ]; then $(RUN) -m tools.comfy_environment $(NODES_VENV); fi
	@COMFYUI_DIR="$(COMFYUI_DIR)" COMFYUI_PYTHON="$(or $(COMFYUI_PYTHON),$(NODES_RUN))" \
	  $(RUN) -m pytest -v -m hosts tests/comfyui

test-webui: $(VENV)/.ready-dev
	@if [ ! -f "$(WEBUI_DIR)/launch.py" ]; then \
	  echo "Say where the web UI is: WEBUI_DIR=/path/to/webui make test-webui" >&2; exit 1; \
	fi
	@$(RUN) -m tools.ui_environments $(UI_VENVS) newest
	@WEBUI_DIR="$(WEBUI_DIR)" WEBUI_PYTHON="$(WEBUI_PYTHON)" \
	  $(UI_RUN) -m pytest -v -m hosts tests/webui_hosts

format: $(VENV)/.ready-dev
	@$(RUN) -m ruff check --fix .
	@$(RUN) -m ruff format .

clean:
	rm -rf $(VENV) $(NODES_VENV) $(UI_VENVS) build dist *.egg-info .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
