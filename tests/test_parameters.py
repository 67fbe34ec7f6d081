import re

import pandas as pd
import pytest
import yaml

from workbench.parameters import (
    ParameterError,
    Parameters,
    as_of_day,
    check,
    read_config,
    read_value,
)

EVERY = tuple(Parameters.model_fields)


def checked(**values) -> Parameters:
    return check(values, declared=EVERY)


def message(**values) -> str:
    with pytest.raises(ParameterError) as caught:
        checked(**values)
    return str(caught.value)


@pytest.fixture
def config(tmp_path):
    """Write a configuration and return its path."""

    def write(text: str, *, encoding: str = "utf-8"):
        path = tmp_path / "config.yml"
        path.write_bytes(text.encode(encoding))
        return path

    return write


# by hand


def test_the_defaults_are_those_of_the_contract():
    values = checked().model_dump()
    contract = {
        "transactions": "dataset:cdnow",
        "columns": {},
        "run_dir": "",
        "as_of": "",
        "holdout_days": 0,
        "horizon_days": 365,
        "churn_horizon_days": 91,
        "annual_discount_rate": 0.10,
        "margin": 1.0,
        "currency": "",
        "locale": "de_DE",
        "duplicates": "report",
        "max_loss": 0.35,
        "k": 5,
        "fatal": [],
        "seed": 20050401,
        "out": "",
    }
    assert {name: values[name] for name in contract} == contract


def test_every_parameter_has_a_german_help():
    for name, field in Parameters.model_fields.items():
        assert field.description, name


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("transactions", ["dataset:cdnow", "00123", "kunden.csv"]),
        ("columns", [{}, "deutsch", {"customer_id": "KundenNr"}]),
        ("as_of", ["", "1998-06-30", "2024-02-29"]),
        ("holdout_days", [0, 1, 36500]),
        ("horizon_days", [1, 36500]),
        ("churn_horizon_days", [1, 3650]),
        ("annual_discount_rate", [0, 0.0, 0.999]),
        ("margin", [0.001, 1, 1.0]),
        ("currency", ["", "EUR", "CHF"]),
        ("locale", ["de_DE", "de_AT", "de_CH"]),
        ("duplicates", ["report", "drop"]),
        ("max_loss", [0, 1, 0.5]),
        ("k", [1, 1000]),
        ("fatal", [[], ["clv_backtest"], ["clv_backtest", "churn_quality"]]),
        ("seed", [0, 2**32 - 1]),
        ("out", ["", "reports/heute"]),
    ],
)
def test_good_values_are_taken_as_they_are(name, values):
    for value in values:
        assert getattr(checked(**{name: value}), name) == value


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("k", "10", 10),
        ("k", "010", 10),
        ("seed", "0", 0),
        ("margin", "0.3", 0.3),
        ("annual_discount_rate", "1e-2", 0.01),
        ("horizon_days", " 91 ", 91),
    ],
)
def test_a_number_on_the_command_line_is_the_number_it_shows(name, text, value):
    assert getattr(checked(**{name: read_value(name, text)}), name) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("transactions", "00123"),
        ("transactions", "1e5"),
        ("transactions", "a: b"),
        ("transactions", "no"),
        ("currency", "EUR"),
        ("as_of", "2025-12-31"),
        ("out", "0010"),
        ("columns", "deutsch"),
    ],
)
def test_a_text_on_the_command_line_stays_as_it_is_written(name, text):
    assert read_value(name, text) == text
    assert getattr(checked(**{name: read_value(name, text)}), name) == text


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("columns", "{customer_id: KundenNr}", {"customer_id": "KundenNr"}),
        (
            "columns",
            "{customer_id: 'Kunden Nr', date: Tag}",
            {"customer_id": "Kunden Nr", "date": "Tag"},
        ),
        ("columns", "{}", {}),
        ("columns", '{"amount": "Umsatz €"}', {"amount": "Umsatz €"}),
        ("columns", "{customer_id: 010}", {"customer_id": "010"}),
        ("columns", "{customer_id: no}", {"customer_id": "no"}),
        ("columns", "{date: 2024-01-01}", {"date": "2024-01-01"}),
        ("columns", "{amount: 12.50}", {"amount": "12.50"}),
        ("fatal", "[clv_backtest]", ["clv_backtest"]),
        ("fatal", "[]", []),
    ],
)
def test_a_mapping_or_a_list_on_the_command_line_holds_texts(name, text, value):
    assert getattr(checked(**{name: read_value(name, text)}), name) == value


def test_a_configuration_is_a_flat_mapping(config):
    path = config(
        "transactions: kunden.csv\ncolumns: {customer_id: KundenNr}\nas_of: 2025-12-31\n"
        "k: 7\nmargin: 0.3\nfatal: [clv_backtest]\n"
    )
    values = checked(**read_config(path)).model_dump()
    assert values == checked().model_dump() | {
        "transactions": "kunden.csv",
        "columns": {"customer_id": "KundenNr"},
        "as_of": "2025-12-31",
        "k": 7,
        "margin": 0.3,
        "fatal": ["clv_backtest"],
    }


def test_a_configuration_may_have_a_byte_order_mark_and_umlauts(config):
    path = config("out: Übersicht\n", encoding="utf-8-sig")
    assert checked(**read_config(path)).out == "Übersicht"


@pytest.mark.parametrize("text", ["", "# nur ein Kommentar\n", "---\n", "{}"])
def test_an_empty_configuration_changes_nothing(config, text):
    assert read_config(config(text)) == {}


def test_a_quoted_day_and_a_bare_one_are_the_same(config):
    bare = read_config(config("as_of: 1998-06-30\n"))
    assert read_config(config("as_of: '1998-06-30'\n")) == bare == {"as_of": "1998-06-30"}


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("k: 010", "k", 10),
        ("horizon_days: 010", "horizon_days", 10),
        ("transactions: 00123", "transactions", "00123"),
        ("out: 1e5", "out", "1e5"),
        ("columns: {customer_id: 010}", "columns", {"customer_id": "010"}),
        ("columns: {date: 2025-01-01}", "columns", {"date": "2025-01-01"}),
    ],
)
def test_a_configuration_means_what_the_command_line_means(config, text, name, value):
    assert getattr(checked(**read_config(config(text))), name) == value


def test_the_as_of_day_is_a_timestamp_or_left_to_the_data():
    assert as_of_day("1998-06-30") == pd.Timestamp("1998-06-30")
    assert as_of_day("") is None


# properties


def test_checking_leaves_what_was_given():
    given = {"columns": {"date": "Tag"}, "fatal": ["clv_backtest"], "k": "7"}
    result = check(given, declared=EVERY)
    assert given == {"columns": {"date": "Tag"}, "fatal": ["clv_backtest"], "k": "7"}
    assert result.k == 7


def test_checked_parameters_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        checked().k = 1


def test_what_is_written_as_yaml_reads_back(config):
    values = {"as_of": "2024-02-29", "k": 7, "columns": {"date": "Tag"}, "margin": 0.25}
    path = config(yaml.safe_dump(values))
    assert checked(**read_config(path)) == checked(**values)


# messages: one sentence with the name, the value and what is expected


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"transactions": ""}, "transactions='' is empty; its default is 'dataset:cdnow'."),
        ({"transactions": 1}, "transactions=1 is no text; its default is 'dataset:cdnow'."),
        (
            {"columns": [1]},
            "columns=[1] is no mapping such as {customer_id: KundenNr} and no preset; "
            "its default is {}.",
        ),
        (
            {"as_of": "31.12.2025"},
            "as_of='31.12.2025' is no ISO date such as 1998-06-30; its default is ''.",
        ),
        ({"holdout_days": "x"}, "holdout_days='x' is no whole number; its default is 0."),
        ({"holdout_days": 9.5}, "holdout_days=9.5 is no whole number; its default is 0."),
        ({"holdout_days": None}, "holdout_days=None is no whole number; its default is 0."),
        (
            {"holdout_days": -1},
            "holdout_days=-1 should be greater than or equal to 0; its default is 0.",
        ),
        (
            {"holdout_days": 36501},
            "holdout_days=36501 should be less than or equal to 36500; its default is 0.",
        ),
        (
            {"horizon_days": 0},
            "horizon_days=0 should be greater than or equal to 1; its default is 365.",
        ),
        (
            {"churn_horizon_days": 3651},
            "churn_horizon_days=3651 should be less than or equal to 3650; its default is 91.",
        ),
        (
            {"annual_discount_rate": "0,1"},
            "annual_discount_rate='0,1' is no number (with a decimal point); its default is 0.1.",
        ),
        (
            {"annual_discount_rate": 1},
            "annual_discount_rate=1 should be less than 1; its default is 0.1.",
        ),
        ({"margin": 0}, "margin=0 should be greater than 0; its default is 1.0."),
        (
            {"margin": 1.1},
            "margin=1.1 should be less than or equal to 1; its default is 1.0.",
        ),
        (
            {"currency": "eur"},
            "currency='eur' is no ISO 4217 code such as EUR; its default is ''.",
        ),
        (
            {"locale": "en_US"},
            "locale='en_US' should be 'de_DE', 'de_AT' or 'de_CH'; its default is 'de_DE'.",
        ),
        (
            {"duplicates": "keep"},
            "duplicates='keep' should be 'report' or 'drop'; its default is 'report'.",
        ),
        (
            {"max_loss": -0.1},
            "max_loss=-0.1 should be greater than or equal to 0; its default is 0.35.",
        ),
        ({"k": 0}, "k=0 should be greater than or equal to 1; its default is 5."),
        (
            {"fatal": "clv_backtest"},
            "fatal='clv_backtest' is no list such as [clv_backtest]; its default is [].",
        ),
        (
            {"seed": 2**32},
            "seed=4294967296 should be less than 4294967296; its default is 20050401.",
        ),
        ({"out": 1}, "out=1 is no text; its default is ''."),
    ],
)
def test_a_bad_value_gives_one_sentence(values, text):
    assert message(**values) == f"parameter {text}"


@pytest.mark.parametrize(
    "day",
    [
        "31.12.2025",
        "12/31/2025",
        "2025-13-01",
        "2025-02-30",
        "20251231",
        "2025-1-1",
        " 2025-12-31",
        "2025-12-31T00:00",
        "2025-W01-1",
        "heute",
    ],
)
def test_a_day_is_written_as_iso_and_in_no_other_way(day):
    expected = f"parameter as_of={day!r} is no ISO date such as 1998-06-30; its default is ''."
    assert message(as_of=day) == expected


@pytest.mark.parametrize("currency", ["eur", "EURO", "€", "E1R", "12E", " EU"])
def test_a_currency_is_three_capital_letters(currency):
    expected = f"parameter currency={currency!r} is no ISO 4217 code such as EUR"
    assert message(currency=currency).startswith(expected)


@pytest.mark.parametrize(
    "name", ["holdout_days", "horizon_days", "churn_horizon_days", "k", "seed"]
)
@pytest.mark.parametrize("value", ["", "x", "9.5", "1,5", "1.000", None, [1], {}, True, False])
def test_a_whole_number_is_nothing_else(name, value):
    assert message(**{name: value}).startswith(f"parameter {name}={value!r} is no whole number")


@pytest.mark.parametrize("name", ["annual_discount_rate", "margin", "max_loss"])
@pytest.mark.parametrize("value", ["", "x", "0,5", "10 %", None, [0.5], True])
def test_a_share_is_a_number_with_a_decimal_point(name, value):
    expected = f"parameter {name}={value!r} is no number (with a decimal point)"
    assert message(**{name: value}).startswith(expected)


@pytest.mark.parametrize("name", ["annual_discount_rate", "margin", "max_loss"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), "nan", "-inf"])
def test_a_share_is_finite(name, value):
    assert message(**{name: value}).startswith(f"parameter {name}=")


@pytest.mark.parametrize(
    ("values", "name", "given"),
    [
        ({"columns": {"customer_id": 83}}, "columns", "83"),
        ({"columns": {"customer_id": None}}, "columns", "None"),
        ({"fatal": [1]}, "fatal", "1"),
        ({"fatal": ["clv_backtest", None]}, "fatal", "None"),
        ({"fatal": [["clv_backtest"]]}, "fatal", "[['clv_backtest']]"),
    ],
)
def test_a_bad_entry_of_a_collection_is_named_with_its_place(values, name, given):
    text = message(**values)
    assert text.startswith(f"parameter {name}") and given in text
    assert ("customer_id" in text) == (name == "columns")


def test_every_message_is_one_line_that_ends_in_a_full_stop():
    bad = {name: object() for name in EVERY if name != "run_dir"}
    for name, value in bad.items():
        text = message(**{name: value})
        assert text.startswith(f"parameter {name}=") and text.endswith(".")
        assert "\n" not in text and "pydantic" not in text and "https" not in text


def test_the_first_of_several_faults_is_told():
    assert message(k=0, margin=7).count("parameter") == 1


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("as_off", "as_of"),
        ("asof", "as_of"),
        ("horizon", "horizon_days"),
        ("horizon-days", "horizon_days"),
        ("holdout", "holdout_days"),
        ("transaction", "transactions"),
        ("max-loss", "max_loss"),
        ("AS_OF", "as_of"),
        ("Margin", "margin"),
    ],
)
def test_a_near_miss_gets_a_suggestion(name, near):
    assert message(**{name: 1}) == f"parameter {name} is unknown. Did you mean {near}?"


def test_a_name_like_none_of_ours_gets_the_list():
    text = message(stichtag="1998-06-30")
    known = ", ".join(sorted(set(EVERY) - {"run_dir"}))
    assert text == f"parameter stichtag is unknown. Known are {known}."


def test_a_name_that_no_notebook_declares_is_unknown():
    with pytest.raises(
        ParameterError, match=r"^parameter margin is unknown\. Known are as_of, k\."
    ):
        check({"margin": 0.3}, declared=["k", "as_of"])


def test_the_folder_of_a_run_is_not_for_the_user():
    text = message(run_dir="x")
    assert text.startswith("parameter run_dir is unknown.")
    assert "run_dir" not in text.removeprefix("parameter run_dir is unknown.")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("- a\n- b\n", r"is no list of 'name: value' lines\."),
        ("nur Text\n", r"is no list of 'name: value' lines\."),
        ("k: 5\n  x: 3\n", r"is no valid YAML at line 2\."),
        ("k: 5\nmargin: [0.3\n", r"is no valid YAML at line [23]\."),
        ("\tk: 5\n", r"is no valid YAML at line 1\."),
        ("k: *x\n", r"is no valid YAML at line 1\."),
        ("k: \x01\n", r"is no valid YAML\."),
    ],
)
def test_a_configuration_that_cannot_be_read_is_refused_with_its_line(config, text, reason):
    path = config(text)
    with pytest.raises(ParameterError, match=f"^configuration {re.escape(str(path))} {reason}$"):
        read_config(path)


def test_a_configuration_cannot_run_code(config):
    path = config("k: !!python/object/apply:os.getcwd []\n")
    with pytest.raises(ParameterError):
        checked(**read_config(path))


def test_a_name_that_stands_twice_is_refused(config):
    with pytest.raises(ParameterError, match=r"^configuration .* at line 3"):
        read_config(config("k: 5\nmargin: 0.5\nk: 50\n"))


def test_a_configuration_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ParameterError, match=r"^configuration .*nichts\.yml does not exist\.$"):
        read_config(tmp_path / "nichts.yml")


def test_a_folder_or_another_encoding_is_no_configuration(tmp_path, config):
    with pytest.raises(ParameterError, match=r"^configuration .* cannot be read: "):
        read_config(tmp_path)
    with pytest.raises(ParameterError, match=r"^configuration .* cannot be read: 'utf-8' codec"):
        read_config(config("out: Übersicht\n", encoding="cp1252"))


@pytest.mark.parametrize(("name", "text"), [("columns", "{a: ["), ("fatal", "[clv")])
def test_a_broken_collection_on_the_command_line_is_refused(name, text):
    match = f"^parameter {name}={re.escape(repr(text))} is no valid YAML"
    with pytest.raises(ParameterError, match=match):
        read_value(name, text)


@pytest.mark.parametrize("name", ["purpose", "legal_basis", "retention"])
def test_words_that_stand_on_every_page_name_nobody(name):
    with pytest.raises(ParameterError, match=f"parameter {name}=.* holds what names a person"):
        check({name: "Fragen an anna@example.org"}, declared=[name])
    assert getattr(check({name: "Art. 6 Abs. 1 lit. f DSGVO"}, declared=[name]), name)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"x": [1, 2, 3, 4]}, "has x; it takes recency_days and money"),
        ({"money": [1, 2, 3]}, "needs four rising numbers above 0 for money"),
        ({"money": [1, 3, 2, 4]}, "needs four rising numbers above 0 for money"),
        ({"recency_days": [0, 3, 5, 9]}, "needs four rising numbers above 0 for recency_days"),
        ({"money": ["viel", 2, 3, 4]}, "is no number"),
    ],
)
def test_limits_of_scores_are_four_rising_numbers(given, message):
    with pytest.raises(ParameterError, match=message):
        checked(score_limits=given)


def test_limits_of_scores_are_read_from_the_command_line():
    given = read_value("score_limits", "{recency_days: [30, 90, 180, 365]}")
    taken = checked(score_limits=given)
    assert taken.score_limits == {"recency_days": [30.0, 90.0, 180.0, 365.0]}
