import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench import crm_gate
from workbench.consents import GRANTS, STATUSES
from workbench.schema import ParameterError


def people(**columns) -> pd.DataFrame:
    ids = [f"c{number}" for number in range(len(next(iter(columns.values()))))]
    return pd.DataFrame(columns, index=pd.Index(ids, name="customer_id"))


def consent_of(*rows: tuple[str, str, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["customer_id", "channel", "status"], dtype="str")


def test_the_first_reason_counts_and_who_consented_is_named_so():
    scores = people(
        may_be_listed=[True, True, False, True, True, True],
        campaign_group=["Ziel", "Kontrolle", "Ziel", "Kontrolle", None, "Ziel"],
    )
    consent = consent_of(
        ("c5", "alle", "widerspruch"),
        ("c0", "email", "opt_in"),
        ("c1", "email", "bestandskunde_7_3"),
        ("c2", "email", "opt_in"),
        ("c3", "email", "keine"),
        ("c4", "email", "bestandskunde_7_3"),
    )
    gate = crm_gate.for_contact(scores, consent=consent, channel="email")
    assert gate.reason.tolist() == [
        *("", "control", "former", "no_legal_basis", "not_listed", "objection"),
    ]
    assert gate.legal_basis.iloc[[0, 1, 2, 4]].tolist() == [
        *("opt_in", "bestandskunde_7_3", "opt_in", "bestandskunde_7_3"),
    ]
    assert pd.isna(gate.legal_basis["c3"])
    assert crm_gate.counts(gate.reason).values.tolist() == [
        [reason, crm_gate.REASONS[reason], 1]
        for reason in ("no_legal_basis", "objection", "former", "control", "not_listed")
    ]


def test_section_7_3_reaches_electronic_mail_alone():
    scores = people(may_be_listed=[True])
    consent = consent_of(
        ("c0", "email", "bestandskunde_7_3"), ("c0", "telefon", "bestandskunde_7_3")
    )
    by = {
        channel: crm_gate.for_contact(scores, consent=consent, channel=channel).reason["c0"]
        for channel in crm_gate.CHANNELS
    }
    assert by == {"email": "", "phone": "no_legal_basis", "post": "no_legal_basis"}


def test_an_unknown_channel_is_refused():
    with pytest.raises(ParameterError, match="channel='fax' must be one of email, phone, post"):
        crm_gate.for_contact(
            people(may_be_listed=[True]),
            consent=consent_of(("c0", "email", "opt_in")),
            channel="fax",
        )


statuses = st.sampled_from([*STATUSES, None])
groups = st.sampled_from(["Ziel", "Kontrolle", None])


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            statuses,
            statuses,
            statuses,
            st.booleans(),
            st.sampled_from(["Ziel", "Kontrolle", None]),
        ),
        min_size=1,
        max_size=12,
    ),
    st.sampled_from(sorted(crm_gate.CHANNELS)),
)
def test_nobody_passes_without_a_basis_and_the_control_group_never(drawn, channel):
    scores = people(
        may_be_listed=[listed for *_, listed, _ in drawn],
        campaign_group=[group for *_, group in drawn],
    )
    rows = [
        (customer, name, status)
        for customer, (own, every, profiling, *_) in zip(scores.index, drawn, strict=True)
        for name, status in (
            (crm_gate.CHANNELS[channel], own),
            ("alle", every),
            ("profiling", profiling),
        )
        if status is not None
    ]
    gate = crm_gate.for_contact(scores, consent=consent_of(*rows), channel=channel)
    said = {(customer, name): status for customer, name, status in rows}
    for customer in gate.reason.index[gate.reason == ""]:
        own = said.get((customer, crm_gate.CHANNELS[channel]), said.get((customer, "alle")))
        assert own in GRANTS
        assert "widerspruch" not in (
            said.get((customer, "alle")),
            said.get((customer, "profiling")),
        )
        assert scores.loc[customer, "campaign_group"] == crm_gate.TARGET
        assert scores.loc[customer, "may_be_listed"]
        assert gate.legal_basis[customer] in GRANTS
