import pandas as pd
import pytest

from workbench import contact_pressure
from workbench.schema import TooFewData

DAYS = pd.to_datetime(
    ["2025-11-30", "2025-12-01", "2025-12-01", "2025-12-02", "2025-12-31", "2026-01-01"]
)
LOG = pd.DataFrame(
    {
        "customer_id": ["a", "a", "b", "c", "a", "a"],
        "date": DAYS,
        "channel": ["email", "email", "post", "email", "post", "email"],
        "campaign": "x",
        "group": ["treatment", "treatment", None, "control", "treatment", "treatment"],
        "reaction": ["geöffnet", None, "keine", None, "Abgemeldet ", None],
    }
)
TERMS = {"customers": ["a", "b", "c", "d"], "as_of": pd.Timestamp("2025-12-31")}


def test_the_days_end_with_the_last_one_and_controls_were_not_contacted():
    found = {
        (days, limit): contact_pressure.pressed(LOG, days=days, limit=limit, **TERMS).tolist()
        for days, limit in ((30, 1), (31, 2), (32, 3))
    }
    assert found == {
        (30, 1): [True, False, False, False],
        (31, 2): [True, False, False, False],
        (32, 3): [True, False, False, False],
    }
    assert not contact_pressure.pressed(LOG, days=32, limit=4, **TERMS).any()
    assert contact_pressure.pressed(LOG, days=31, limit=1, **TERMS)["b"]


def test_without_a_log_nobody_was_contacted():
    assert not contact_pressure.pressed(None, days=30, limit=1, **TERMS).any()


def test_months_and_opt_outs_by_hand():
    months = contact_pressure.by_month(LOG)
    assert months["customers"].tolist() == [1, 2, 1]
    assert months["contacts"].tolist() == [1, 3, 1]
    assert months["contacts_each"].tolist() == [1.0, 1.5, 1.0]
    left = contact_pressure.opt_outs(LOG)
    assert left.index.tolist() == [1, 2, 3, 4]
    assert left["contacts"].tolist() == [2, 1, 1, 1]
    assert left["opted_out"].tolist() == [0, 0, 1, 0]
    assert ((left["low"] <= left["share"]) & (left["share"] <= left["high"])).all()


def test_a_log_without_contacts_or_opt_outs_says_so():
    with pytest.raises(TooFewData):
        contact_pressure.by_month(LOG[LOG["group"] == "control"])
    with pytest.raises(TooFewData):
        contact_pressure.opt_outs(LOG.assign(reaction=None))
