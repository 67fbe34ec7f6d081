import ast
import functools
import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "workbench"
MODULES = sorted(path.stem for path in PACKAGE.glob("*.py"))

# Who may import whom inside the package; a change here is a decision.
MAY_IMPORT = {
    "__init__": set(),
    "schema": set(),
    "formats": set(),
    "parameters": {"schema", "formats", "identifiers"},
    "privacy": set(),
    "newton": {"schema"},
    "synthetic": {"schema"},
    "example_world": {"schema"},
    "example_comments": set(),
    "example_mailings": {"example_world"},
    "example_receipts": {"example_world"},
    "example_shop": {
        *("schema", "example_world", "example_mailings", "example_receipts", "example_comments"),
    },
    "discrimination": {"schema"},
    "drawn_quality": {"customer_bootstrap", "discrimination"},
    "evaluation": {"schema"},
    "inequality": {"schema"},
    "textfiles": {"schema"},
    "day_formats": {"schema", "textfiles"},
    "dialects": {"schema", "textfiles", "day_formats"},
    "typed_cells": {"schema", "day_formats", "textfiles"},
    "workbooks": {"schema", "day_formats", "textfiles", "typed_cells"},
    "databases": {"schema", "textfiles", "typed_cells"},
    "datasets": {"schema", "textfiles"},
    "jsonfiles": {"schema", "textfiles"},
    "parquetfiles": {"schema", "day_formats", "textfiles", "typed_cells"},
    "return_marks": {"schema", "textfiles"},
    "crm_columns": {"schema", "day_formats"},
    "column_names": {"schema", "day_formats", "crm_columns"},
    "sources": {
        *("schema", "dialects", "textfiles", "jsonfiles", "parquetfiles", "typed_cells"),
        *("workbooks", "databases", "datasets", "return_marks", "column_names", "crm_columns"),
        "engines",
    },
    "deals": {"schema", "crm_columns"},
    "engines": set(),
    "orders": {"schema", "engines"},
    "returns": {"orders"},
    "summary": {"schema", "orders"},
    "nps": {"schema", "customer_bootstrap", "discrimination"},
    "complaint_funnel": {"schema", "discrimination", "rhythm"},
    "feedback_outcomes": {"schema", "customer_bootstrap"},
    "comment_themes": {"schema"},
    "feedback_findings": {
        *("comment_themes", "complaint_funnel", "feedback_outcomes", "formats", "nps", "outputs"),
    },
    "feedback_tables": {"comment_themes", "feedback_findings", "feedback_outcomes", "nps"},
    "feedback_plots": {"plots", "formats"},
    "assortment": {"schema", "customer_bootstrap", "discrimination", "lines"},
    "assortment_findings": {"assortment", "formats", "outputs"},
    "crm_fields": {"schema"},
    "crm_profiles": {"schema", "crm_columns", "crm_fields"},
    "crm_gate": {"schema", "consents"},
    "workbook_files": set(),
    "crm_export": {
        *("schema", "companion_cells", "crm_fields", "crm_gate", "crm_profiles", "intake"),
        *("pseudonyms", "runfolder", "sources", "workbook_files"),
    },
    "cohorts": {"schema", "privacy"},
    "cohort_retention": {"cohorts", "discrimination", "privacy", "schema"},
    "second_purchases": {"cohorts", "discrimination", "privacy", "rhythm", "schema"},
    "cohort_trend": {"cohort_drift", "cohorts", "discrimination", "privacy", "rhythm", "schema"},
    "cohort_trend_findings": {
        *("cohort_drift", "cohort_trend", "cohorts", "formats", "outputs", "rhythm"),
        *("schema", "seasonality", "second_purchases"),
    },
    "seasonality": {"cohorts", "schema"},
    "regions": set(),
    "line_profiles": {"lines"},
    "customer_attributes": {"companion_columns", "line_profiles", "lines", "regions"},
    "profiles": {"discrimination", "privacy", "schema"},
    "profile_findings": {"formats", "outputs", "profiles"},
    "profile_plots": {"formats", "plots", "profiles"},
    "cohort_findings": {"cohorts", "formats", "outputs"},
    "cohort_plots": {"cohorts", "formats", "plots"},
    "rhythm": {"schema"},
    "quality": {"schema"},
    "data_findings": {"outputs", "formats", "quality", "rhythm"},
    "segments": {"schema"},
    "lifecycle": {"orders", "schema", "summary"},
    "customer_groups": {"lifecycle"},
    "group_probe": {
        *("summary", "lifecycle", "customer_groups", "outlook", "candidates", "discrimination"),
        "purchase_models",
    },
    "score_rules": {"schema", "rhythm", "segments"},
    "phases": {"schema", "privacy", "discrimination", "lifecycle"},
    "purchase_journey": {"schema", "rhythm"},
    "lifecycle_findings": {"findings", "formats", "outputs", "phases"},
    "outlook": {
        *("schema", "summary", "backtests", "candidates", "clv", "gates", "published_model"),
        *("purchase_models", "spend_models"),
    },
    "group_findings": {
        "labels",
        "score_rules",
        "backtest_findings",
        "customer_groups",
        "findings",
        "formats",
        "outputs",
    },
    "clusters": {"schema"},
    "mixtures": {"clusters"},
    "cluster_cards": {"clusters"},
    "cluster_plots": {"formats", "plots"},
    "cluster_findings": {"clusters", "formats", "mixtures", "outputs"},
    "migration": {"schema", "orders", "summary", "discrimination", "privacy"},
    "segment_memory": {"schema", "summary", "segments", "migration"},
    "ageing": {"schema", "predictive", "purchase_models", "segments"},
    "migration_plots": {"formats", "migration", "plots"},
    "migration_findings": {"ageing", "formats", "migration", "outputs", "segment_memory"},
    "predictive": set(),
    "profile_likelihood": {"newton"},
    "fitting": {"schema", "newton"},
    "purchases": {"schema", "newton", "predictive", "fitting"},
    "mbg_nbd": {"schema", "newton", "predictive", "purchases"},
    "nbd": {"schema", "newton", "fitting", "predictive"},
    "leaving": set(),
    "pareto_nbd": {"schema", "newton", "leaving", "predictive", "fitting"},
    "model_records": set(),
    "purchase_models": {
        "model_records",
        "schema",
        "predictive",
        "profile_likelihood",
        "purchases",
        "mbg_nbd",
        "nbd",
        "pareto_nbd",
    },
    "forecast_measures": {"schema", "newton", "evaluation"},
    "backtests": {"schema", "summary", "evaluation", "forecast_measures"},
    "gates": {"backtests", "evaluation", "forecast_measures"},
    "intervals": {"schema"},
    "candidates": {
        "schema",
        "backtests",
        "intervals",
        "purchase_models",
        "spend_models",
        "spend_shrinkage",
    },
    "backtest_findings": {
        *("backtests", "evaluation", "formats", "gates", "intervals", "measured_coverage"),
        *("outputs", "published_model"),
    },
    "spend": {"schema", "newton"},
    "customer_bootstrap": {"schema"},
    "periods": {"schema", "orders"},
    "budgets": set(),
    "revenue_bridge": {"privacy", "orders", "periods"},
    "revenue_factors": {"customer_bootstrap", "orders", "periods"},
    "kpi_book": set(),
    "kpi_columns": {"kpi_book", "lines", "orders", "periods"},
    "kpis": {
        *("budgets", "customer_bootstrap", "privacy", "revenue_bridge", "discrimination"),
        *("kpi_book", "kpi_columns", "lines", "orders", "periods"),
    },
    "kpi_findings": {
        *("customer_bootstrap", "formats", "kpi_book", "outputs", "periods", "revenue_bridge"),
        "schema",
    },
    "kpi_plots": {"plots", "formats"},
    "revenue_ratio": {"customer_bootstrap", "orders", "periods", "schema"},
    "claim_book": set(),
    "claims": {
        *("budgets", "customer_bootstrap", "discrimination", "orders", "periods"),
        *("retention_whatif", "schema"),
    },
    "claim_events": {"customer_bootstrap", "orders", "schema"},
    "claim_effects": {
        *("claim_events", "customer_bootstrap", "kpi_book", "lines", "orders", "periods"),
        "schema",
    },
    "tested_claims": {
        *("claim_book", "claim_effects", "claims", "lines", "orders", "periods", "privacy"),
        *("revenue_bridge", "revenue_ratio", "schema"),
    },
    "claim_findings": {
        *("claim_book", "claim_effects", "claims", "customer_bootstrap", "formats", "outputs"),
        *("periods", "retention_whatif", "revenue_ratio", "schema", "tested_claims"),
    },
    "claim_plots": {"formats", "plots"},
    "early_warning": {"schema"},
    "reasons": {"schema", "formats"},
    "effects": {"schema", "discrimination"},
    "recalibration": {"schema", "discrimination"},
    "churn_plots": {"plots", "formats"},
    "contract_lives": {"schema", "rhythm", "discrimination"},
    "contract_plots": {"plots", "formats"},
    "labelled_models": {
        *("schema", "discrimination", "effects", "churn_training", "model_choice"),
        "stored_model",
    },
    "labelled_findings": {
        *("churn_features", "churn_training", "labelled_models", "model_choice"),
        *("formats", "labels", "outputs", "processing_record"),
    },
    "contract_findings": {
        *("contract_lives", "churn_training", "feature_book", "labels"),
        *("formats", "outputs", "processing_record"),
    },
    "contract_panels": {
        *("schema", "summary", "lines", "contract_lives", "churn_features", "churn_training"),
        *("churn_panels", "effects", "stored_model"),
    },
    "retention_findings": {"formats", "offers", "outputs", "retention_profit", "return_curve"},
    "return_curve": {"schema", "rhythm"},
    "retention_profit": {"schema", "offers"},
    "offers": {"schema"},
    "economics": {"schema", "offers"},
    "campaign_effects": {"schema"},
    "campaign_log": {"consents", "lines", "orders", "schema"},
    "campaign_balance": {"campaign_effects", "schema"},
    "campaign_returns": {
        *("campaign_effects", "campaign_log", "discrimination", "privacy", "schema"),
    },
    "uplift": {"campaign_effects", "customer_bootstrap", "schema"},
    "campaign_readings": {
        *("campaign_balance", "campaign_effects", "campaign_log", "campaign_returns"),
        *("schema", "uplift"),
    },
    "campaign_tables": {"campaign_log", "campaign_readings", "campaign_returns", "privacy"},
    "campaign_effect_findings": {
        *("campaign_balance", "campaign_log", "campaign_readings", "campaign_returns"),
        *("campaign_tables", "formats", "outputs"),
    },
    "campaign_plots": {"formats", "plots"},
    "matching": {"schema", "customer_bootstrap"},
    "programmes": {"schema", "matching"},
    "referrals": {"schema", "discrimination", "matching", "privacy"},
    "programme_findings": {"formats", "matching", "outputs", "programmes"},
    "measure_plots": {"formats", "plots"},
    "campaign_gain": {"schema", "customer_bootstrap", "offers"},
    "campaign_gate": {"schema", "crm_gate", "customer_groups"},
    "contact_pressure": {"schema", "consents", "discrimination"},
    "campaign_lists": {"campaign_gate", "crm_gate", "privacy"},
    "control_groups": {"crm_gate"},
    "trial_power": {"control_groups"},
    "campaign_findings": {"contact_pressure", "crm_gate", "formats", "outputs", "trial_power"},
    "economics_findings": {"economics", "formats", "offers", "outputs"},
    "measures_base": {
        *("clv", "customer_groups", "intake", "lifecycle", "outlook", "pages"),
        *("published_model", "spend_models", "summary"),
    },
    "equity_findings": {"equity", "formats", "intervals", "next_purchase", "outputs", "schema"},
    "retention_whatif": {
        "schema",
        "predictive",
        "mbg_nbd",
        "pareto_nbd",
        "purchases",
        "purchase_models",
    },
    "equity": {"schema", "purchase_models"},
    "membership": {"schema"},
    "next_purchase": {"schema", "intervals", "purchase_models"},
    "assumption_findings": {
        "cohort_drift",
        "formats",
        "outputs",
        "regularity",
        "spend",
        "spend_models",
    },
    "spend_models": {"model_records", "schema", "spend", "spend_shrinkage"},
    "spend_shrinkage": {"schema", "newton"},
    "cohort_drift": {"schema"},
    "regularity": {"schema"},
    "published_model": {"schema", "gates", "purchase_models"},
    "measured_coverage": set(),
    "line_counts": {"returns"},
    "lines": {"schema", "orders", "line_counts"},
    "transactions": {
        *("schema", "sources", "orders", "returns", "line_counts", "lines", "deals"),
    },
    "clv": {"schema", "predictive", "purchase_models"},
    "second_opinion": {"schema", "purchase_models", "spend"},
    "return_policies": {"schema", "summary", "purchase_models", "spend_models", "clv"},
    "line_features": {"lines"},
    "purchase_windows": {"predictive", "mbg_nbd", "nbd", "pareto_nbd", "purchase_models"},
    "churn_features": {
        *("schema", "orders", "purchase_models", "purchase_windows", "discrimination"),
        *("lines", "line_features"),
    },
    "feature_book": {"schema", "reasons"},
    "stored_model": {"schema", "discrimination", "recalibration"},
    "model_choice": {"discrimination", "drawn_quality", "recalibration", "stored_model"},
    "churn_training": {
        *("schema", "labels", "discrimination", "drawn_quality", "model_choice", "stored_model"),
    },
    "churn_panels": {
        *("schema", "formats", "intake", "summary", "purchase_models", "published_model"),
        *("spend_models", "clv", "churn_features", "feature_book", "stored_model"),
        *("churn_training", "reasons", "lines"),
    },
    "identifiers": {"schema"},
    "companion_cells": {"schema", "sources", "transactions"},
    "consents": {"schema", "companion_cells"},
    "companion_columns": {
        *("schema", "sources", "transactions", "companion_cells", "consents", "identifiers"),
    },
    "companions": {
        *("schema", "sources", "dialects", "transactions", "identifiers"),
        *("companion_cells", "companion_columns", "consents", "column_names", "crm_columns"),
    },
    "labelled_sets": {
        *("schema", "sources", "transactions", "identifiers"),
        *("companion_cells", "companion_columns", "companions"),
    },
    "intake": {
        "labelled_sets",
        *("schema", "sources", "datasets", "dialects", "orders", "returns", "transactions"),
        *("lines", "pseudonyms", "identifiers", "consents", "companions", "databases"),
    },
    "processing_record": {
        *("companions", "dialects", "formats", "identifiers", "intake", "orders", "outputs"),
        *("labelled_sets", "release"),
    },
    "pseudonyms": {"schema"},
    "outputs": {"schema", "formats"},
    "plots": {"outputs", "formats"},
    "findings": {"outputs", "formats", "schema", "lifecycle"},
    "value_findings": {
        *("clv", "findings", "formats", "outputs", "purchase_models", "second_opinion", "spend"),
        "spend_models",
    },
    "churn_findings": {
        "schema",
        *("outputs", "formats", "labels", "discrimination", "churn_features", "churn_training"),
        *("feature_book", "model_choice"),
    },
    "glossary": set(),
    "labels": set(),
    "release": {"identifiers", "pseudonyms"},
    "pages": {"outputs"},
    "tablefiles": {"pages", "release"},
    "report": {"outputs", "glossary", "pages", "tablefiles"},
    "runfolder": {"schema"},
    "publication": {
        *("", "formats", "intake", "pages", "parameters", "pseudonyms", "release", "report"),
    },
    "kernels": set(),
    "run": {
        *("campaign_gate", "labels", "intake", "kernels", "parameters", "publication", "report"),
        *("runfolder", "schema"),
    },
    "cli": {"", "schema", "parameters", "intake", "orders", "run", "crm_export"},
}
ONLY_IN = {
    "lifetimes": {"second_opinion"},
    "matplotlib": {
        *(
            "measure_plots",
            "plots",
            "churn_plots",
            "cohort_plots",
            "contract_plots",
            "feedback_plots",
        ),
        *(
            "campaign_plots",
            "migration_plots",
            "kpi_plots",
            "profile_plots",
            "claim_plots",
            "cluster_plots",
        ),
    },
    "papermill": {"run"},
    "sklearn": {
        *("model_choice", "labelled_models", "stored_model"),
        *("clusters", "mixtures", "cluster_cards", "comment_themes", "uplift"),
    },
    "skops": {"stored_model"},
    "nbconvert": {"report", "pages"},
    "duckdb": {
        *("textfiles", "day_formats", "dialects", "typed_cells", "workbooks", "databases"),
        *("jsonfiles", "parquetfiles", "return_marks"),
        *("engines", "sources", "orders", "returns", "lines", "line_counts", "transactions"),
        "intake",
        "deals",
    },
    "openpyxl": {"workbooks", "workbook_files"},
    "sqlalchemy": {"databases"},
    "click": {"cli"},
    "pydantic": {"parameters"},
    "babel": {"formats"},
}
# They compute; they touch no file and no clock.
PURE = (
    *("nps", "complaint_funnel", "feedback_outcomes", "comment_themes", "feedback_tables"),
    *("feedback_findings", "feedback_plots", "crm_fields", "crm_profiles", "crm_gate"),
    "summary",
    "rhythm",
    "quality",
    "data_findings",
    "cohorts",
    "cohort_findings",
    "cohort_plots",
    "cohort_retention",
    "cohort_trend",
    "cohort_trend_findings",
    "seasonality",
    "second_purchases",
    "regions",
    "line_profiles",
    "customer_attributes",
    "profiles",
    "profile_findings",
    "profile_plots",
    "segments",
    "lifecycle",
    "customer_groups",
    "outlook",
    "group_findings",
    "group_probe",
    "score_rules",
    "phases",
    "purchase_journey",
    "lifecycle_findings",
    "clusters",
    "mixtures",
    "cluster_cards",
    "cluster_plots",
    "cluster_findings",
    "migration",
    "segment_memory",
    "ageing",
    "migration_plots",
    "migration_findings",
    "newton",
    "profile_likelihood",
    "purchases",
    "spend",
    "clv",
    "purchase_windows",
    "line_features",
    "churn_features",
    "feature_book",
    "churn_training",
    "discrimination",
    "evaluation",
    "inequality",
    "return_policies",
    "predictive",
    "fitting",
    "mbg_nbd",
    "nbd",
    "leaving",
    "pareto_nbd",
    "model_records",
    "purchase_models",
    "forecast_measures",
    "backtests",
    "gates",
    "intervals",
    "candidates",
    "backtest_findings",
    "published_model",
    "measured_coverage",
    "regularity",
    "cohort_drift",
    "spend_shrinkage",
    "spend_models",
    "assumption_findings",
    "next_purchase",
    "membership",
    "equity",
    "retention_whatif",
    "equity_findings",
    "offers",
    "economics",
    "economics_findings",
    "campaign_gain",
    "campaign_gate",
    "contact_pressure",
    "campaign_lists",
    "control_groups",
    "trial_power",
    "campaign_findings",
    "measure_plots",
    *("campaign_effects", "campaign_log", "campaign_balance", "campaign_returns", "uplift"),
    *("campaign_readings", "campaign_tables", "campaign_effect_findings", "campaign_plots"),
    "matching",
    "programmes",
    "referrals",
    "programme_findings",
    "retention_profit",
    "return_curve",
    "retention_findings",
    "churn_plots",
    "contract_lives",
    "contract_panels",
    "contract_plots",
    "contract_findings",
    "labelled_models",
    "labelled_findings",
    "model_choice",
    "drawn_quality",
    "recalibration",
    "effects",
    "reasons",
    "customer_bootstrap",
    "periods",
    "budgets",
    "revenue_bridge",
    "revenue_factors",
    "kpi_book",
    "kpi_columns",
    "kpis",
    "kpi_findings",
    "kpi_plots",
    "revenue_ratio",
    "claim_book",
    "claims",
    "claim_events",
    "claim_effects",
    "tested_claims",
    "claim_findings",
    "claim_plots",
    "early_warning",
    "findings",
    "value_findings",
    "churn_findings",
    "privacy",
    "plots",
    "synthetic",
    "example_world",
    "example_comments",
    "example_mailings",
    "example_receipts",
)


@functools.cache
def imports(module: str) -> tuple[set[str], set[str]]:
    """Names inside the package and top-level names outside that a module imports."""
    inside, outside = set(), set()
    for node in ast.walk(ast.parse((PACKAGE / f"{module}.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            outside |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == "workbench":
            inside |= {alias.name if alias.name in MODULES else "" for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("workbench."):
            inside.add(node.module.split(".")[1])
        elif isinstance(node, ast.ImportFrom):
            outside.add((node.module or "").split(".")[0])
    return inside, outside


def test_every_module_stands_in_the_import_map():
    assert set(MODULES) == set(MAY_IMPORT)


@pytest.mark.parametrize("module", MODULES)
def test_data_flows_one_way(module):
    assert imports(module)[0] <= MAY_IMPORT[module]


def test_the_import_map_has_no_circle():
    remaining = {name: set(needs) - {""} for name, needs in MAY_IMPORT.items()}
    while remaining:
        free = {name for name, needs in remaining.items() if not needs & set(remaining)}
        assert free, f"a circle among {sorted(remaining)}"
        remaining = {name: needs for name, needs in remaining.items() if name not in free}


@pytest.mark.parametrize("library", ONLY_IN)
def test_a_library_is_imported_where_it_belongs(library):
    found = {module for module in MODULES if library in imports(module)[1]}
    assert found == ONLY_IN[library]


@pytest.mark.parametrize("module", PURE)
def test_computing_modules_touch_no_file_and_no_clock(module):
    source = (PACKAGE / f"{module}.py").read_text(encoding="utf-8")
    names = {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
    outside = imports(module)[1]
    assert not names & {"open", "print", "input"}
    assert not outside & {"pathlib", "os", "time", "datetime", "shutil", "tempfile", "random"}
    assert not re.search(r"\.(today|now)\(|read_csv|to_csv", source)


def test_no_module_is_called_utils_and_none_is_long():
    assert not {"utils", "helpers", "common", "misc"} & set(MODULES)
    long = {
        path.stem: n
        for path in PACKAGE.glob("*.py")
        if (n := len(path.read_text(encoding="utf-8").splitlines())) > 650
    }
    assert not long


def test_architecture_page_names_every_module_and_dependency():
    page = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = project["dependencies"] + extras["test"] + extras["lab"]
    names = [re.match(r"[A-Za-z0-9_-]+", text).group() for text in wanted]
    assert [name for name in MODULES[1:] if f"{name}.py" not in page] == []
    assert [name for name in names if f"`{name}`" not in page] == []


# Conda channels cannot be asked here, so the environment is compared, not solved.
CONDA_NAMES = {
    "duckdb": "python-duckdb",
    "flit_core": "flit-core",
    "matplotlib": "matplotlib-base",
    "nbconvert": "nbconvert-core",
}
PIP_ONLY = {"playwright", "axe-playwright-python", "empulse"}


def test_environment_yml_names_the_packages_and_bounds_of_pyproject():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = (
        project["project"]["dependencies"]
        + project["build-system"]["requires"]
        + project["project"]["optional-dependencies"]["test"]
        + project["project"]["optional-dependencies"]["lab"]
    )
    expected = {f"python{project['project']['requires-python']}", "pip"}
    for text in wanted:
        name, bounds = re.match(r"([A-Za-z0-9_-]+)(?:\[\w+\])?(.*)", text).groups()
        if name not in PIP_ONLY:
            expected.add(CONDA_NAMES.get(name, name) + bounds)
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    named = {entry for entry in environment["dependencies"] if isinstance(entry, str)}
    assert named == expected


@pytest.mark.parametrize("name", ["run", "test", "lab"])
def test_locks_hold_hashes_and_no_address(name):
    lines = (ROOT / "requirements" / f"{name}.lock").read_text(encoding="utf-8").splitlines()
    pinned = [line for line in lines if line and not line.startswith((" ", "#"))]
    assert len(pinned) > 50
    assert all("==" in line for line in pinned)
    assert sum("--hash=sha256:" in line for line in lines) >= len(pinned)
    assert not [line for line in lines if "://" in line or "--index" in line or "file:" in line]


def test_locks_agree_and_hold_pandas_three_and_the_build_backend():
    def versions(name):
        text = (ROOT / "requirements" / f"{name}.lock").read_text(encoding="utf-8")
        return dict(re.findall(r"^([A-Za-z0-9_.-]+)==([^ ;\\]+)", text, flags=re.MULTILINE))

    run = versions("run")
    assert run["pandas"].startswith("3.")
    assert run["lifetimes"] == "0.11.3"
    assert "flit-core" in run
    for other in ("test", "lab"):
        theirs = versions(other)
        shared = run.keys() & theirs.keys()
        assert {name for name in shared if run[name] != theirs[name]} == set()
