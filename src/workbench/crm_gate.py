"""Customers of a run to those whom a hand-over names: who is left out, and for which reason."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import pandas as pd

from workbench import consents
from workbench.schema import ParameterError

# How the command line names the channels of `consents`.
CHANNELS = {"email": "email", "phone": "telefon", "post": "post"}
# What a campaign's column says of those to be contacted, and of those drawn not to be.
TARGET = "Ziel"
CONTROL = "Kontrolle"
# The first reason that holds is the one that counts.
REASONS = {
    "no_key": "no row in the table of keys",
    "ambiguous_key": "more than one row in the table of keys",
    "no_crm_key": "a row in the table of keys without what the CRM knows a customer by",
    "no_legal_basis": "no legal basis for this channel",
    "objection": "an objection to advertising on this channel",
    "former": "a former customer, and the run was made without winback",
    "control": "drawn into the control group",
    "not_listed": "not on the list of the campaign that the run planned",
    "formula": "a text that a spreadsheet would run",
}


class Gate(NamedTuple):
    """Who passes.

    Attributes
    ----------
    reason : Series of str
        Indexed by customer; a key of `REASONS`, or '' for who passes.
    legal_basis : Series of str
        Indexed by customer: ``opt_in``, ``bestandskunde_7_3``, or missing.
    """

    reason: pd.Series
    legal_basis: pd.Series


def open_to_all(customers: Iterable[str]) -> Gate:
    """Let everybody pass: values go into fields of the CRM and nobody is contacted."""
    index = pd.Index(customers, name="customer_id")
    nothing = pd.Series(None, index=index, dtype="str", name="legal_basis")
    return Gate(pd.Series("", index=index, dtype="str", name="reason"), nothing)


def for_contact(scores: pd.DataFrame, *, consent: pd.DataFrame, channel: str) -> Gate:
    """Let those pass who may be contacted on one channel, and are meant to be.

    Nobody passes without a legal basis: express consent, or for electronic
    mail § 7 (3) UWG too. Former customers pass where the run allowed win-back.
    Where the run planned a campaign, its list alone passes, and its control
    group never: a list that a campaign made shorter, so that nobody is written
    to too often, must not grow again on its way out.

    Parameters
    ----------
    scores : DataFrame
        Indexed by `customer_id`; `may_be_listed` and `campaign_group` count
        where they are there.
    consent : DataFrame
        As `companions.read` makes it, under the ids of the scores.
    channel : str
        A key of `CHANNELS`.

    Raises
    ------
    ParameterError
        If there is no such channel.

    Examples
    --------
    >>> scores = pd.DataFrame(
    ...     {"may_be_listed": [True, False, True]},
    ...     index=pd.Index(["anna", "ben", "cleo"], name="customer_id"),
    ... )
    >>> consent = pd.DataFrame(
    ...     {"customer_id": ["anna", "ben"], "channel": "email", "status": "opt_in"}
    ... )
    >>> for_contact(scores, consent=consent, channel="email").reason.tolist()
    ['', 'former', 'no_legal_basis']
    """
    if channel not in CHANNELS:
        raise ParameterError(f"channel={channel!r} must be one of {', '.join(CHANNELS)}.")
    name = CHANNELS[channel]
    said = consents.standing(consent, customers=scores.index, channel=name).reindex(scores.index)
    basis = said.where(said.isin(consents.sufficient(name, by="bestandskunde_7_3")))
    legal = pd.Series("", index=scores.index, dtype="str").mask(basis.isna(), "no_legal_basis")
    legal = legal.mask(said == consents.OBJECTION, "objection")
    reason = legal.where(legal != "", of_run(scores)).rename("reason")
    return Gate(reason, basis.rename("legal_basis"))


def of_run(scores: pd.DataFrame) -> pd.Series:
    """Say who is left out by what the run says of him: former, control group, on no list.

    Parameters
    ----------
    scores : DataFrame
        As in `for_contact`.

    Returns
    -------
    Series of str
        `reason`, indexed like `scores`; '' for who passes.
    """
    reason = pd.Series("", index=scores.index, dtype="str", name="reason")
    if "may_be_listed" in scores:
        listed = scores["may_be_listed"].fillna(False).astype(bool)
        reason = reason.mask(~listed, "former")
    if "campaign_group" in scores:
        group = scores["campaign_group"].fillna("")
        reason = reason.mask((reason == "") & (group == CONTROL), "control")
        reason = reason.mask((reason == "") & (group != TARGET), "not_listed")
    return reason


def counts(reason: pd.Series) -> pd.DataFrame:
    """Count who was left out for which reason.

    Returns
    -------
    DataFrame
        A row per key of `REASONS` that occurs: `reason`, `label`, `customers`.
    """
    found = reason[reason != ""].value_counts()
    return pd.DataFrame(
        [(name, label, int(found[name])) for name, label in REASONS.items() if name in found],
        columns=["reason", "label", "customers"],
    )
