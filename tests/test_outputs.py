import json
import math
import re

import numpy as np
import pandas as pd
import pytest

from workbench import outputs
from workbench.formats import Number, Style
from workbench.outputs import (
    Figure,
    KeyFigure,
    Missing,
    Sentence,
    Verdict,
    attempt,
    finding,
    key_figures,
    say,
    table,
)
from workbench.schema import DataError, NotIdentified, TooFewData

NBSP = "\u00a0"
STYLE = Style("de_DE", "EUR")
HOSTILE = "<script>alert('{x}')</script>&\"{n}"


def small_table(data: pd.DataFrame | None = None, **columns) -> outputs.Table:
    frame = pd.DataFrame({"segment": ["A", "B"], "customers": [12, 3]}) if data is None else data
    columns = columns or {"segment": ("Segment", "text"), "customers": ("Kunden", "count")}
    return table(frame, name="segmente", caption="Je Segment", columns=columns, style=STYLE)


def small_figure(**changed) -> Figure:
    parts = {
        "name": "bild",
        "title": say("Titel"),
        "alt": say("Ersatztext"),
        "caption": say("Legende"),
        "svg": "<svg></svg>",
        "data": small_table(),
    }
    return Figure(**(parts | changed))


# by hand: sentences


def test_a_sentence_is_its_template_filled_with_texts():
    sentence = say(
        "{n} Kunden, {anteil} davon zweimal, {n}.", n=STYLE.count(1234), anteil=STYLE.share(0.5)
    )
    assert str(sentence) == f"1.234 Kunden, 50{NBSP}% davon zweimal, 1.234."
    assert sentence.payload() == {
        "text": str(sentence),
        "template": "{n} Kunden, {anteil} davon zweimal, {n}.",
        "values": {
            "n": {"value": 1234, "unit": "count", "text": "1.234"},
            "anteil": {"value": 0.5, "unit": "share", "text": f"50{NBSP}%"},
        },
    }


@pytest.mark.parametrize("hostile", ["{n}", "{0}", "{", "}}", "{n.text}", "{x}", HOSTILE, "12 %"])
def test_a_value_is_put_in_as_it_is_whatever_braces_it_has(hostile):
    sentence = say("{segment}: {n}", segment=STYLE.text(hostile), n=STYLE.count(3))
    assert str(sentence) == f"{hostile}: 3"
    assert sentence.payload()["values"]["segment"]["value"] == hostile


@pytest.mark.parametrize("name", ["self", "template", "values"])
def test_a_value_may_have_any_name(name):
    assert str(say(f"Wert {{{name}}}", **{name: STYLE.count(3)})) == "Wert 3"


def test_a_missing_value_is_a_dash_and_has_no_value():
    sentence = say("Umsatz {u}", u=STYLE.money(math.nan))
    assert str(sentence) == "Umsatz –"
    assert sentence.payload()["values"]["u"] == {"value": None, "unit": "money", "text": "–"}


# by hand: key figures


def test_key_figures_hold_label_value_and_note():
    shown = key_figures(
        KeyFigure("kunden", "Kunden", STYLE.count(np.int64(1234)), headline=True),
        KeyFigure("zins", "Zins", STYLE.share(0.1), say("im {n}", n=STYLE.text("Jahr"))),
    )
    assert shown.payload() == {
        "key_figures": [
            {
                "name": "kunden",
                "label": "Kunden",
                "value": 1234,
                "unit": "count",
                "text": "1.234",
                "note": {"text": "", "template": "", "values": {}},
                "headline": True,
            },
            {
                "name": "zins",
                "label": "Zins",
                "value": 0.1,
                "unit": "share",
                "text": f"10{NBSP}%",
                "note": {
                    "text": "im Jahr",
                    "template": "im {n}",
                    "values": {"n": {"value": "Jahr", "unit": "text", "text": "Jahr"}},
                },
                "headline": False,
            },
        ]
    }
    assert shown.plain() == f"Kunden  1.234\nZins    10{NBSP}%"


def test_no_key_figure_at_all_is_an_empty_row():
    assert key_figures().payload() == {"key_figures": []}
    assert key_figures().plain() == ""


# by hand: tables


def test_a_table_holds_columns_values_and_texts():
    assert small_table().payload() == {
        "name": "segmente",
        "caption": {"text": "Je Segment", "template": "Je Segment", "values": {}},
        "columns": [
            {"key": "segment", "label": "Segment", "unit": "text"},
            {"key": "customers", "label": "Kunden", "unit": "count"},
        ],
        "values": [["A", 12], ["B", 3]],
        "texts": [["A", "12"], ["B", "3"]],
    }
    assert small_table().plain() == "Segment  Kunden\nA            12\nB             3"


def test_only_the_columns_asked_for_are_shown_in_the_order_asked_for():
    shown = small_table(customers=("Kunden", "count"), segment=("S", "text"))
    assert shown.payload()["texts"] == [["12", "A"], ["3", "B"]]
    only = small_table(customers=("Kunden", "number", 1))
    assert only.payload()["texts"] == [["12,0"], ["3,0"]]


def test_a_named_index_is_a_column_and_an_unnamed_one_is_not():
    data = pd.DataFrame({"n": [1, 2]}, index=pd.Index(["a", "b"], name="segment"))
    shown = small_table(data, segment=("S", "text"), n=("N", "count"))
    assert shown.payload()["texts"] == [["a", "1"], ["b", "2"]]
    with pytest.raises(ValueError, match=r"asks for \['index'\]; there are \['n'\]"):
        small_table(data.rename_axis(None), index=("S", "text"))


def test_the_levels_of_an_index_are_columns():
    index = pd.MultiIndex.from_tuples([(1, "a"), (2, "b")], names=["r", "f"])
    data = pd.DataFrame({"n": [3, 4]}, index=index)
    shown = small_table(data, r=("R", "count"), f=("F", "text"), n=("N", "count"))
    assert shown.payload()["texts"] == [["1", "a", "3"], ["2", "b", "4"]]


def test_a_column_takes_the_unit_of_each_row_from_another():
    data = pd.DataFrame({"value": [0.5, 91, 1234.5], "unit": ["share", "days", "money"]})
    shown = small_table(data, value=("Wert", "by:unit"))
    assert shown.payload()["texts"] == [[f"50{NBSP}%"], [f"91{NBSP}Tage"], [f"1.234{NBSP}€"]]
    assert shown.payload()["values"] == [[0.5], [91.0], [1234.5]]
    assert shown.payload()["columns"] == [{"key": "value", "label": "Wert", "unit": "number"}]


def test_digits_apply_to_the_rows_whose_unit_has_decimals():
    data = pd.DataFrame({"value": [0.5, 91.0, 1234.0], "unit": ["share", "days", "count"]})
    shown = small_table(data, value=("Wert", "by:unit", 1))
    assert shown.payload()["texts"] == [[f"50,0{NBSP}%"], [f"91{NBSP}Tage"], ["1.234"]]


def test_a_column_takes_the_digits_of_each_row_from_another():
    data = pd.DataFrame({"value": [0.5, 91.25, 12.0], "unit": ["share", "number", "count"]})
    shown = small_table(data.assign(digits=[1, 2, None]), value=("Wert", "by:unit", "by:digits"))
    assert shown.payload()["texts"] == [[f"50,0{NBSP}%"], ["91,25"], ["12"]]


def test_a_table_without_rows_keeps_its_head():
    empty = small_table(pd.DataFrame({"segment": [], "customers": []}))
    assert (empty.payload()["values"], empty.payload()["texts"]) == ([], [])
    assert [column["label"] for column in empty.payload()["columns"]] == ["Segment", "Kunden"]
    assert empty.plain() == "Segment  Kunden"
    assert "<tbody></tbody>" in empty.markup()


def test_braces_in_cells_and_labels_stay_as_they_are():
    shown = small_table(pd.DataFrame({"s": ["{x}", "{0} {"]}), s=("Label {y}", "text"))
    assert shown.payload()["texts"] == [["{x}"], ["{0} {"]]
    assert "Label {y}" in shown.plain()


# by hand: figures, findings, verdicts, what is missing


def test_a_figure_carries_its_drawing_its_words_and_its_data():
    payload = small_figure().payload()
    assert list(payload) == ["name", "title", "alt", "caption", "svg", "data"]
    assert payload["data"] == small_table().payload()
    assert small_figure().plain() == "Titel\nErsatztext"


def test_a_finding_is_a_sentence_that_may_stand_on_the_first_page():
    shown = finding("befund", say("Es gilt."), headline=True)
    assert shown.payload() == {
        "name": "befund",
        "sentence": {"text": "Es gilt.", "template": "Es gilt.", "values": {}},
        "headline": True,
    }
    assert shown.plain() == "Es gilt."
    assert finding("befund", say("Es gilt.")).headline is False


def test_a_verdict_says_in_german_whether_it_was_passed():
    good = Verdict("v", "Kaufmodell", True, say("Es trifft."), say("Nutzen Sie es."))
    bad = Verdict("v", "Kaufmodell", False, say("Es irrt."), say("Lassen Sie es."))
    assert good.plain() == "Kaufmodell: bestanden. Es trifft. Nutzen Sie es."
    assert bad.plain() == "Kaufmodell: nicht bestanden. Es irrt. Lassen Sie es."
    assert bad.payload()["passed"] is False
    assert bad.payload()["consequence"]["text"] == "Lassen Sie es."


def test_attempt_hands_back_what_the_function_returns():
    assert attempt(divmod, 7, 2, needs="nichts", style=STYLE) == (3, 1)
    assert attempt(dict, needs="nichts", style=STYLE, a=1) == {"a": 1}


def too_few():
    raise TooFewData("English words about 3 customers.", have=1003, need=20)


def not_identified():
    raise NotIdentified("English words.")


def test_too_few_data_become_a_german_sentence_with_both_counts():
    missing = attempt(too_few, needs="genug Wiederkäufer", style=STYLE)
    assert isinstance(missing, Missing) and not missing
    text = (
        "Für diese Auswertung fehlt: genug Wiederkäufer (vorhanden: 1.003, nötig: mindestens 20)."
    )
    assert missing.plain() == text
    assert missing.payload()["sentence"]["text"] == text
    assert missing.payload()["sentence"]["values"]["noetig"]["value"] == 20


def test_what_is_not_identified_becomes_a_german_sentence():
    missing = attempt(not_identified, needs="genug Wiederkäufer", style=STYLE)
    assert isinstance(missing, Missing) and not missing
    assert missing.plain() == (
        "Für diese Auswertung fehlt: eine eindeutige Lösung; das Verfahren findet auf diesen Daten "
        "keine."
    )


@pytest.mark.parametrize("function", [too_few])
def test_braces_in_what_is_needed_stay_as_they_are(function):
    missing = attempt(function, needs="Spalte {x}", style=STYLE)
    assert missing.plain().startswith("Für diese Auswertung fehlt: Spalte {x}")
    assert json.dumps(missing.payload())


@pytest.mark.parametrize(
    "result", [pd.DataFrame(), pd.DataFrame({"n": [1]}), pd.Series([0, 1]), 0, 91, "", np.zeros(2)]
)
def test_what_attempt_hands_back_was_found_even_where_it_is_neither_true_nor_false(result):
    back = attempt(lambda: result, needs="nichts", style=STYLE)
    assert outputs.found(back) is True and outputs.missing_note(back) is None


def test_what_is_missing_or_was_not_tried_was_not_found():
    missing = attempt(too_few, needs="genug Wiederkäufer", style=STYLE)
    for result in (missing, attempt(not_identified, needs="nichts", style=STYLE), False, None):
        assert outputs.found(result) is False
    assert outputs.missing_note(missing) is missing
    # What depends on something that is missing is not tried, and misses nothing of its own.
    assert outputs.missing_note(outputs.found(missing) and 91) is None


# properties


def every_output(text: str) -> list:
    sentence = say("{t}", t=STYLE.text(text))
    data = pd.DataFrame({"t": [text], "n": [1]})
    return [
        key_figures(KeyFigure("a", text, STYLE.text(text), sentence)),
        table(
            data,
            name="a",
            caption=sentence,
            columns={"t": (text, "text"), "n": ("N", "count")},
            style=STYLE,
        ),
        small_figure(title=sentence, alt=sentence, caption=sentence),
        finding("a", sentence),
        Verdict("a", text, False, sentence, sentence),
    ]


def test_hostile_text_is_escaped_wherever_it_stands():
    for output in every_output(HOSTILE):
        bundle = output._repr_mimebundle_()
        shown = re.sub(r"<svg>.*</svg>", "", bundle["text/html"])
        assert "<script>" not in shown
        assert "&lt;script&gt;alert(" in shown
        assert HOSTILE in bundle["text/plain"]


def test_the_text_for_screen_readers_cannot_leave_its_attribute():
    shown = small_figure(alt=say("{t}", t=STYLE.text("' onload='x\" <b>"))).markup()
    attribute = re.search(r"aria-label='([^']*)'", shown).group(1)
    assert attribute == "&#x27; onload=&#x27;x&quot; &lt;b&gt;"


def test_every_output_shows_itself_under_its_own_media_type_and_as_text():
    kinds = []
    for output in [*every_output("x"), attempt(too_few, needs="mehr", style=STYLE)]:
        bundle = output._repr_mimebundle_(include=None, exclude=None)
        own = [kind for kind in bundle if kind in outputs.MEDIA_TYPES]
        assert list(bundle) == [*own, "text/html", "text/plain"] and len(own) == 1
        assert bundle[own[0]] == output.payload()
        kinds += own
    assert tuple(kinds) == (
        outputs.KPI,
        outputs.TABLE,
        outputs.FIGURE,
        outputs.FINDING,
        outputs.VERDICT,
        outputs.MISSING,
    )
    assert set(kinds) == set(outputs.MEDIA_TYPES)


@pytest.mark.parametrize(
    ("unit", "values", "plain"),
    [
        ("count", [np.int64(3), np.float32(2), True], [3, 2, 1]),
        ("number", [np.float64(0.5), np.nan, np.inf], [0.5, None, None]),
        ("money", [pd.NA, None, 1], [None, None, 1.0]),
        ("share", [np.float16(0.5), -np.inf, 0], [0.5, None, 0.0]),
        (
            "date",
            [pd.Timestamp("2024-02-29 12:00"), pd.NaT, np.datetime64("2024-01-01")],
            ["2024-02-29", None, "2024-01-01"],
        ),
        ("text", ["x", None, np.nan], ["x", None, None]),
        (
            "text",
            [np.str_("x"), np.int64(3), pd.Timestamp("2024-01-01")],
            ["x", "3", "2024-01-01 00:00:00"],
        ),
    ],
)
def test_payloads_are_strict_json_for_every_kind_of_value(unit, values, plain):
    data = pd.DataFrame({"v": pd.Series(values, dtype=object)})
    payload = small_table(data, v=("V", unit)).payload()
    read = json.loads(json.dumps(payload, allow_nan=False))
    assert read == payload
    assert read["values"] == [[value] for value in plain]


def test_values_are_kept_to_ten_significant_digits():
    data = pd.DataFrame({"v": [1 / 3, 2e10 / 3, 1e-9 / 3, -1 / 3, 0.1 + 0.2, 12345678901.2]})
    values = small_table(data, v=("V", "number")).payload()["values"]
    assert values == [
        [0.3333333333],
        [6666666667.0],
        [3.333333333e-10],
        [-0.3333333333],
        [0.3],
        [12345678900.0],
    ]


def test_whole_numbers_keep_all_their_digits():
    data = pd.DataFrame({"v": [123456789012345]})
    assert small_table(data, v=("V", "count")).payload()["values"] == [[123456789012345]]


def test_sums_that_differ_in_the_last_bits_give_the_same_payload():
    parts = np.random.default_rng(1).exponential(20, 1000)
    sums = {float(np.sum(parts[np.random.default_rng(s).permutation(1000)])) for s in range(20)}
    payloads = {
        json.dumps(small_table(pd.DataFrame({"v": [s]}), v=("V", "money")).payload()) for s in sums
    }
    assert len(sums) > 1 and len(payloads) == 1


def test_the_table_shown_is_left_as_it_was():
    data = pd.DataFrame({"n": [1.5, np.nan]}, index=pd.Index(["a", "b"], name="segment"))
    before = data.copy()
    small_table(data, segment=("S", "text"), n=("N", "number"))
    pd.testing.assert_frame_equal(data, before)


# messages


@pytest.mark.parametrize("typed", ["5 Kunden", "Note 1", "m²", "{n} von 10", "٣ Kunden", "½ davon"])
def test_a_digit_typed_into_a_template_is_refused(typed):
    with pytest.raises(ValueError, match=r"^a digit is typed into '.*'. Compute it and pass it by"):
        say(typed, n=STYLE.count(3))


def test_a_digit_typed_into_a_caption_or_a_note_is_refused():
    with pytest.raises(ValueError, match="a digit is typed into 'Die besten 10'"):
        table(
            pd.DataFrame({"n": [1]}),
            name="x",
            caption="Die besten 10",
            columns={"n": ("N", "count")},
            style=STYLE,
        )
    with pytest.raises(ValueError, match="a digit is typed into 'in 365 Tagen'"):
        key_figures(KeyFigure("a", "A", STYLE.count(1), "in 365 Tagen")).payload()


@pytest.mark.parametrize(
    ("template", "asked"),
    [
        ("{m} Kunden", r"\['m'\]"),
        ("{} Kunden", r"\[''\]"),
        ("{n.text}", r"\['n.text'\]"),
        ("{n[0]}", r"\['n\[0\]'\]"),
        ("{n.__class__}", r"\['n.__class__'\]"),
        ("{n} {a} {b}", r"\['a', 'b'\]"),
    ],
)
def test_a_name_without_a_value_is_refused(template, asked):
    with pytest.raises(ValueError, match=f"asks for {asked}, which were not given"):
        say(template, n=STYLE.count(3))


def test_a_caption_that_asks_for_a_value_must_be_a_sentence():
    with pytest.raises(ValueError, match=r"asks for \['k'\], which were not given"):
        table(pd.DataFrame(), name="x", caption="ab {k}", columns={}, style=STYLE)


@pytest.mark.parametrize("name", ["", "A", "ä", "1a", "_a", "a-b", "a.b", "a b", "a\n", "../a"])
def test_a_name_must_be_fit_for_a_file(name):
    match = f"^name {re.escape(repr(name))} must be lower-case ASCII letters, digits and '_'"
    with pytest.raises(ValueError, match=match):
        finding(name, say("x"))
    with pytest.raises(ValueError, match=match):
        table(pd.DataFrame(), name=name, caption="x", columns={}, style=STYLE)
    with pytest.raises(ValueError, match=match):
        key_figures(KeyFigure(name, "A", STYLE.count(1)))


def test_key_figures_have_names_of_their_own():
    one, two = (KeyFigure(name, "L", STYLE.count(1)) for name in ("a", "b"))
    with pytest.raises(ValueError, match=r"^\['a', 'b'\] stand more than once"):
        key_figures(two, one, two, one)


def test_a_column_that_the_table_lacks_is_named():
    with pytest.raises(
        ValueError, match=r"^table 'segmente' asks for \['x', 'y'\]; there are \['s"
    ):
        small_table(x=("X", "text"), segment=("S", "text"), y=("Y", "text"))


def test_a_column_of_units_that_the_table_lacks_is_named():
    with pytest.raises(ValueError, match=r"^table 'segmente' asks for \['unit'\]; there are \['s"):
        small_table(customers=("Kunden", "by:unit"))


def test_a_column_of_digits_that_the_table_lacks_is_named():
    with pytest.raises(ValueError, match=r"^table 'segmente' asks for \['digits'\]; there are"):
        small_table(customers=("Kunden", "number", "by:digits"))


def test_an_unknown_unit_is_refused():
    with pytest.raises(ValueError, match=r"^unit 'euro' is unknown"):
        small_table(customers=("Kunden", "euro"))


@pytest.mark.parametrize("error", [DataError, ValueError, ZeroDivisionError, KeyError])
def test_attempt_lets_every_other_error_pass(error):
    def fail():
        raise error("anderes")

    with pytest.raises(error, match="anderes"):
        attempt(fail, needs="nichts", style=STYLE)


def test_a_sentence_made_by_hand_from_numbers_is_the_same_as_a_said_one():
    number = Number(3, "count", "3")
    assert Sentence("{n} Kunden", {"n": number}).payload() == say("{n} Kunden", n=number).payload()
