import nbformat
import numpy as np
import pandas as pd
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from workbench import formats, intake, measures_base, outputs, summary
from workbench.measures_base import VALUES

STYLE = formats.style(locale="de_DE", currency="EUR")


def write(folder, stem, **columns):
    table = pd.DataFrame(columns, index=pd.Index(["b", "a"], name="customer_id"))
    intake.write_customers(table, run_dir=str(folder), notebook=stem)


def test_the_tables_of_a_run_are_joined_and_sorted(tmp_path):
    write(tmp_path, "02_segmentierung", customer_group=["Stammkunden", "Neukunden"])
    assert measures_base.scores(str(tmp_path)) is None
    write(tmp_path, "03_clv", clv=[2.0, 1.0], p_purchase=[0.5, 0.5], expected_spend=[4.0, 2.0])
    found = measures_base.scores(str(tmp_path))
    assert found.index.tolist() == ["a", "b"]
    assert found["customer_group"].tolist() == ["Neukunden", "Stammkunden"]
    assert measures_base.has_values(found)
    write(tmp_path, "04_churn", churn_probability=[0.3, 0.4])
    assert measures_base.scores(str(tmp_path))["churn_probability"].tolist() == [0.4, 0.3]


def test_outside_a_run_and_without_values_there_is_nothing(tmp_path):
    assert measures_base.scores("") is None
    assert measures_base.page("", stem="03_clv") is None
    assert measures_base.page(str(tmp_path), stem="03_clv") is None
    assert measures_base.table_of(None, name="neukunden_quartale") is None
    assert measures_base.values_of(None, finding="wertbereich") == {}
    assert not measures_base.has_values(outputs.Missing("Werte"))
    worthless = pd.DataFrame(0.0, index=["a"], columns=list(VALUES))
    assert not measures_base.has_values(worthless)
    assert not measures_base.has_values(worthless.assign(clv=1.0)[["clv"]])


def test_alone_it_groups_and_values_every_customer(sample_orders):
    as_of = pd.Timestamp("1998-06-30")
    people = summary.summarise(sample_orders, as_of=as_of)
    terms = {"horizon_days": 365, "annual_discount_rate": 0.1}
    terms |= {"margin": 0.5, "winback": False}
    found = measures_base.alone(sample_orders, people, as_of=as_of, **terms)
    assert found.index.equals(people.index)
    assert measures_base.has_values(found)
    assert np.allclose(found["clv"], 0.5 * found["clv_revenue"])
    gone = found["customer_group"].isin(["Gelegenheitskäufer", "Überfällige Stammkunden"])
    assert 0 < found["may_be_listed"].sum() < len(found)
    assert not found.loc[gone, "may_be_listed"].any()


def test_what_another_page_shows_is_read_from_its_outputs(tmp_path):
    table = outputs.table(
        pd.DataFrame({"quarter": [pd.Timestamp("2025-01-01")], "cac": [None]}),
        name="neukunden_quartale",
        caption="Quartale",
        columns={"quarter": ("Quartal", "date"), "cac": ("Kosten", "money", 2)},
        style=STYLE,
    )
    sentence = outputs.say("Zwischen {von} und {bis}.", von=STYLE.money(1), bis=STYLE.money(2))
    verdict = outputs.Verdict("clv_backtest", "Probe", False, sentence, sentence)
    shown = [table, outputs.finding("wertbereich", sentence), verdict]
    cells = [new_markdown_cell("# Kundenwert\n\n**Frage.** Wie viel?")]
    cells += [
        new_code_cell(outputs=[new_output("display_data", data={one.media_type: one.payload()})])
        for one in shown
    ]
    (tmp_path / "notebooks").mkdir()
    nbformat.write(new_notebook(cells=cells), tmp_path / "notebooks" / "03_clv.ipynb")
    said = measures_base.page(str(tmp_path), stem="03_clv")
    found = measures_base.table_of(said, name="neukunden_quartale")
    assert found["quarter"].tolist() == ["2025-01-01"]
    assert found["cac"].isna().all()
    assert measures_base.values_of(said, finding="wertbereich") == {"von": 1.0, "bis": 2.0}
    assert measures_base.table_of(said, name="andere") is None
    assert measures_base.passed(said, verdict="clv_backtest") is False
    assert measures_base.passed(said, verdict="andere") is None
    assert measures_base.passed(None, verdict="clv_backtest") is None
