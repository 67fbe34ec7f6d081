import pandas as pd
import pytest

from workbench import crm_fields
from workbench.crm_fields import Run

RUN = Run(pd.Timestamp("2025-12-31"), "0.1.0", 365, 91, "EUR")


@pytest.fixture
def scores() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "segment": ["Spitzenkunden", "Ruhende", "Ruhende"],
            "state": ["Bindung aktiv", "Rückgewinnung", "Rückgewinnung"],
            "r_score": [5, 1, 2],
            "f_score": [4, 1, 1],
            "m_score": [5, 1, 3],
            "clv": [120.456, -3.2, None],
            "value_low": [80.0, -9.0, None],
            "value_high": [200.0, 4.0, None],
            "p_purchase": [0.91234, 0.05, 0.2],
            "churn_probability": [1 / 3, None, 0.9],
        },
        index=pd.Index(["00123", "45", "b"], name="customer_id"),
    )


def test_the_fields_are_those_that_the_run_has_columns_for(scores):
    found = crm_fields.hand_over(scores, run=RUN)
    assert [field.name for field in found.fields] == [
        *("external_id", "segment", "lebenszyklus_phase", "rfm_code", "clv_12m"),
        *("clv_untergrenze", "clv_obergrenze", "kaufwahrsch_365d", "abwanderungsrisiko_klasse"),
        *("modell_stand", "modell_version"),
    ]
    few = crm_fields.hand_over(scores[["segment"]], run=RUN)
    assert [field.name for field in few.fields] == [
        *("external_id", "segment", "modell_stand", "modell_version"),
    ]
    assert list(found.values.columns) == [field.name for field in found.fields[1:]]
    assert found.values.index.equals(scores.index)


def test_a_phase_of_the_model_goes_before_the_state_behind_it(scores):
    found = crm_fields.hand_over(scores.assign(phase="Bindung"), run=RUN)
    assert set(found.values["lebenszyklus_phase"]) == {"Bindung"}


def test_the_rfm_code_is_three_digits_and_text(scores):
    assert crm_fields.hand_over(scores, run=RUN).values["rfm_code"].tolist() == [
        "545",
        "111",
        "213",
    ]


def test_a_risk_on_a_limit_belongs_above_it_and_none_stays_none(scores):
    risk = crm_fields.hand_over(scores, run=RUN).values["abwanderungsrisiko_klasse"]
    assert risk.iloc[[0, 2]].tolist() == ["mittel", "hoch"]
    assert pd.isna(risk.iloc[1])


def test_another_horizon_has_another_name_for_the_value(scores):
    found = crm_fields.hand_over(scores, run=RUN._replace(horizon_days=90))
    assert {"clv_90d", "kaufwahrsch_90d"} <= set(found.values.columns)
    assert "clv_12m" not in found.values.columns
    meaning = next(field.meaning for field in found.fields if field.name == "clv_90d")
    assert "90 Tage" in meaning and "EUR" in meaning


def test_every_field_says_in_two_languages_what_it_means(scores):
    for field in crm_fields.hand_over(scores, run=RUN).fields:
        assert field.meaning and field.meaning_en and field.label


def test_there_are_a_dozen_fields_or_so_even_with_everything(scores):
    everything = scores.assign(
        customer_group="Stammkunden", next_category="Kaffee", campaign_group="Ziel"
    )
    assert len(crm_fields.hand_over(everything, run=RUN).fields) == 14
