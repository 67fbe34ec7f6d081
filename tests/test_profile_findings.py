import pandas as pd
import pytest

from workbench import profile_findings as findings
from workbench.formats import Style
from workbench.outputs import Missing
from workbench.profiles import REST, UNKNOWN, Profile

NAN = float("nan")
STYLE = Style("de_DE", "EUR")


def plain(sentence) -> str:
    return str(sentence).replace("\u00a0", " ")


def associations(*rows: tuple) -> pd.DataFrame:
    """Return rows of attribute, V and whether the test holds."""
    table = pd.DataFrame(rows, columns=["attribute", "cramers_v", "is_sure"])
    table = table.assign(v_low=table["cramers_v"] - 0.05, v_high=table["cramers_v"] + 0.05)
    return table.set_index("attribute")


def cells(attribute: str, **shares: tuple) -> pd.DataFrame:
    """Return the cells of two segments; a share that is missing is suppressed."""
    rows = {
        (attribute, group, segment): share
        for group, pair in shares.items()
        for segment, share in zip(("VIP-Kunden", "Neukunden"), pair, strict=True)
    }
    index = pd.MultiIndex.from_tuples(rows, names=["attribute", "group", "segment"])
    table = pd.DataFrame({"segment_share": list(rows.values())}, index=index)
    table["mean_share"] = 0.4
    table["relative"] = table["segment_share"] / 0.4
    table["customers"] = 100 * table["segment_share"]
    unknown = pd.MultiIndex.from_tuples(
        [(attribute, UNKNOWN, name) for name in ("VIP-Kunden", "Neukunden")], names=index.names
    )
    return pd.concat([table, pd.DataFrame({"customers": [9.0, NAN]}, index=unknown)])


AGES = cells("age_group", jung=(0.2, 0.5), alt=(0.8, NAN))


def test_every_attribute_has_a_name_and_stands_in_one_kind():
    in_kinds = [name for names in findings.KINDS.values() for name in names]
    assert sorted(in_kinds) == sorted(findings.ATTRIBUTES)
    assert findings.NEEDS.keys() == findings.KINDS.keys()


def test_a_profile_of_one_kind_has_its_attributes_or_says_what_it_lacks():
    found = Profile(AGES, associations(("age_group", 0.2, True)))
    own = findings.of_kind(found, "demographic")
    assert own.associations.index.tolist() == ["age_group"]
    lacking = findings.of_kind(found, "geographic")
    assert plain(lacking.sentence()) == (
        "Für diese Auswertung fehlt: Land oder Postleitzahl im Kundenstamm, mit mehr als einem "
        "Wert."
    )
    assert not findings.of_kind(Missing("alles"), "demographic")


def test_the_overview_counts_what_is_shown_and_names_the_closest():
    many = associations(("age_group", 0.31, True), ("gender", 0.1, True), ("country", 0.0, False))
    assert plain(findings.overview(Profile(AGES, many), style=STYLE)) == (
        "2 von 3 Merkmalen hängen nachweisbar mit der Gruppe zusammen, am engsten Alter (eng, "
        "Cramérs V 0,31)."
    )
    one = associations(("age_group", 0.05, True), ("country", 0.0, False))
    assert plain(findings.overview(Profile(AGES, one), style=STYLE)) == (
        "Nur 1 von 2 Merkmalen hängt nachweisbar mit der Gruppe zusammen: Alter (schwach, Cramérs "
        "V 0,05)."
    )
    none = associations(("age_group", 0.05, False))
    assert "Keines von 1 Merkmalen" in plain(findings.overview(Profile(AGES, none), style=STYLE))


def test_the_lead_names_how_closely_and_where_most():
    sure = associations(("age_group", 0.2, True), ("gender", 0.12, True))
    assert plain(findings.lead(AGES, sure, style=STYLE)) == (
        "Alter und Gruppe hängen mäßig zusammen (Cramérs V 0,20, Unsicherheitsbereich 0,15 bis "
        "0,25): Am deutlichsten ist „alt“ bei VIP-Kunden, 80 % statt 40 %. Nachgewiesen ist der "
        "Zusammenhang auch für: Geschlecht."
    )
    hidden = AGES.assign(segment_share=NAN, relative=NAN)
    text = plain(findings.lead(hidden, sure.iloc[:1], style=STYLE))
    assert text.endswith("bis 0,25).")
    unsure = associations(("age_group", 0.04, False), ("gender", 0.0, False))
    assert plain(findings.lead(AGES, unsure, style=STYLE)).startswith(
        "Ein Zusammenhang ist nicht nachgewiesen (Alter und Geschlecht)"
    )


def test_title_and_description_of_a_profile():
    sure = associations(("age_group", 0.35, True))
    assert plain(findings.title(AGES, sure, style=STYLE)) == (
        "Alter „alt“ ist bei VIP-Kunden häufiger: 80 % statt 40 %"
    )
    hidden = AGES.assign(segment_share=NAN, relative=NAN)
    assert "zu klein" in plain(findings.title(hidden, sure, style=STYLE))
    unsure = associations(("age_group", 0.35, False))
    assert "Kein nachgewiesener" in plain(findings.title(AGES, unsure, style=STYLE))
    alt = plain(findings.alt(AGES, style=STYLE))
    assert "je Ausprägung (2) und einer Spalte je Gruppe (2)" in alt
    assert alt.endswith("Am dunkelsten ist Alter „alt“ bei VIP-Kunden: 200 % des Durchschnitts.")
    assert "Am dunkelsten" not in plain(findings.alt(hidden, style=STYLE))


def test_the_rules_say_how_to_read_and_who_is_unknown():
    assert "bis zu 9 Kunden" in plain(findings.rule(AGES, style=STYLE))
    known = AGES.assign(customers=AGES["customers"].mask(AGES["segment_share"].isna(), 0))
    assert "Ohne Angabe" not in plain(findings.rule(known, style=STYLE))
    text = plain(findings.association_rule(style=STYLE))
    assert "2.000" in text and "unter 5 %" in text
    assert "mindestens 30 Kunden" in plain(findings.areas_rule(style=STYLE))


def test_attributes_are_named_in_the_tables():
    assert findings.named(AGES).index.unique("attribute").tolist() == ["Alter"]
    table = findings.association_table(associations(("age_group", 0.2, True), ("gender", 0, False)))
    assert table.index.tolist() == ["Alter", "Geschlecht"]
    assert table["is_sure"].tolist() == ["ja", "nein"]


def places(*rows: tuple) -> pd.DataFrame:
    names = ["group", "revenue_each", "gone_share"]
    table = pd.DataFrame(rows, columns=names).set_index("group")
    return table.assign(
        revenue_low=table["revenue_each"] - 20,
        revenue_high=table["revenue_each"] + 20,
        low=table["gone_share"] - 0.05,
        high=table["gone_share"] + 0.05,
    )


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        (
            [("DE 1…", 100, 0.3), ("DE 2…", 200, 0.5), (REST, 900, 0.9)],
            "Je Kunde bringt DE 2… am meisten Umsatz (200 €), DE 1… am wenigsten (100 €). "
            "Ehemalige sind in DE 2… am häufigsten (50 %), in DE 1… am seltensten (30 %).",
        ),
        (
            [("DE 1…", 100, 0.3), ("DE 2…", 130, 0.35)],
            "Beim Umsatz je Kunde überlappen sich die Unsicherheitsbereiche. Beim Anteil der "
            "Ehemaligen ist kein Unterschied nachgewiesen.",
        ),
        ([(UNKNOWN, 100, 0.3)], "Jede Gegend ist zu klein, um gezeigt zu werden."),
    ],
)
def test_a_difference_of_areas_is_named_where_intervals_lie_apart(rows, text):
    assert plain(findings.areas(places(*rows), style=STYLE)) == text


def test_where_nobody_knows_who_has_gone_the_areas_tell_of_money_alone():
    table = places(("DE 1…", 100, 0.3), ("DE 2…", 200, 0.5))[
        ["revenue_each", "revenue_low", "revenue_high"]
    ]
    assert plain(findings.areas(table, style=STYLE)).endswith("DE 1… am wenigsten (100 €).")
