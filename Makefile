# Every target sets up what it needs; nothing is repeated while the locks are unchanged.
PYTHON ?= python3
UV := $(shell command -v uv 2>/dev/null)
BIN := .venv/bin
LAB_BIN := .venv-lab/bin
export UV_COMPILE_BYTECODE = 1
export UV_PYTHON_DOWNLOADS = never
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.DEFAULT_GOAL := help
.PHONY: help report test lab notebooks lint lock clean

# $(call make_venv,FOLDER): an empty environment, unless it is there.
define make_venv
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; call make with PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(1)/bin/python || $(if $(UV),$(UV) venv --quiet --python $(PYTHON) $(1),{ $(PYTHON) -m venv $(1) || { rm -rf $(1); exit 1; }; })
endef

# $(call install,FOLDER,LOCK): what the lock names, by hash.
define install
	$(if $(UV),VIRTUAL_ENV=$(1) $(UV) pip install --quiet --require-hashes -r $(2),$(1)/bin/python -m pip install --quiet --require-hashes -r $(2))
endef

# $(call install_package,FOLDER): this package, editable, with nothing else.
define install_package
	$(if $(UV),VIRTUAL_ENV=$(1) $(UV) pip install --quiet --no-deps --no-build-isolation -e .,$(1)/bin/python -m pip install --quiet --no-deps --no-build-isolation -e .)
endef

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

report: .venv/run-ready ## the German report on the embedded data set; ends with the path of index.html
	@$(BIN)/workbench run

# Sixty processes start on the way; none compiles again what another has compiled.
test: export PYTHONDONTWRITEBYTECODE =
test: .venv/test-ready ## the whole test suite
	@$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

lab: .venv-lab/ready ## JupyterLab on the notebooks
	@$(LAB_BIN)/jupyter lab --notebook-dir=notebooks

notebooks: .venv/test-ready ## run the notebooks and store the key figures that the tests hold
	@$(BIN)/python tests/store_key_figures.py

lint: .venv/test-ready ## ruff over code and notebooks
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

lock: ## renew the locks (needs uv)
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-emit-find-links --no-header --upgrade \
		pyproject.toml requirements/build.in -o requirements/run.lock
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-emit-find-links --no-header --upgrade \
		-c requirements/run.lock --extra test pyproject.toml requirements/build.in -o requirements/test.lock
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-emit-find-links --no-header --upgrade \
		-c requirements/run.lock --extra lab pyproject.toml requirements/build.in -o requirements/lab.lock

clean: ## remove environments, reports and caches
	@rm -rf .venv .venv-lab reports .pytest_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/run-ready: requirements/run.lock pyproject.toml
	$(call make_venv,.venv)
	@echo "setting up .venv from requirements/run.lock"
	@$(call install,.venv,requirements/run.lock)
	@$(call install_package,.venv)
	@touch $@

.venv/test-ready: requirements/test.lock .venv/run-ready
	@echo "adding requirements/test.lock to .venv"
	@$(call install,.venv,requirements/test.lock)
	@touch $@

.venv-lab/ready: requirements/lab.lock pyproject.toml
	$(call make_venv,.venv-lab)
	@echo "setting up .venv-lab from requirements/lab.lock"
	@$(call install,.venv-lab,requirements/lab.lock)
	@$(call install_package,.venv-lab)
	@touch $@
