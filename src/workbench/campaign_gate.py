"""Customers to those who may be on the list of a campaign: for each the first reason against it."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import pandas as pd

from workbench import crm_gate
from workbench.customer_groups import GROUPS
from workbench.schema import ParameterError

# The first reason that holds is the one that counts; '' is on the list.
REASONS = (
    *("no_legal_basis", "objection", "former", "pressed", "not_chosen"),
    *("not_worth", "beyond_budget"),
)
# Of those the campaign could reach, and would not.
PASSED_OVER = ("not_worth", "beyond_budget")
# How a run names the channels, and how the hand-over does.
CHANNELS = {german: channel for channel, german in crm_gate.CHANNELS.items()}
# At risk is who buys in the horizon with a smaller chance; valuable is who belongs to this share.
AT_RISK_BELOW = 0.5
VALUABLE_SHARE = 1 / 3


def check_groups(names: Iterable[str]) -> None:
    """Refuse a group of customers that there is not.

    Raises
    ------
    ParameterError
        With the groups that there are.

    Examples
    --------
    >>> check_groups(["Stammkunden"])
    """
    unknown = [name for name in names if name not in GROUPS]
    if unknown:
        raise ParameterError(
            f"campaign_groups names {unknown}; the groups are {', '.join(GROUPS)}."
        )


def chosen(people: pd.DataFrame, *, groups: Collection[str], rule: str) -> pd.Series:
    """Say whom a campaign is meant for.

    Parameters
    ----------
    people : DataFrame
        Indexed by `customer_id`: `customer_group`, `p_purchase` (0 to 1) and
        `clv` (currency).
    groups : collection of str
        Some of `customer_groups.GROUPS`; empty: all.
    rule : {"lohnend", "gefaehrdet", "wertvoll"}
        All of them; those with a chance of a purchase below one half; or the
        third of all customers with the highest value, and whoever equals them.

    Returns
    -------
    Series of bool
        Indexed like `people`.

    Raises
    ------
    ParameterError
        If a group is unknown.

    Examples
    --------
    >>> people = pd.DataFrame({"customer_group": ["Neukunden", "Stammkunden", "Stammkunden"],
    ...                        "p_purchase": [0.2, 0.4, 0.9], "clv": [4.0, 9.0, 50.0]})
    >>> chosen(people, groups=["Stammkunden"], rule="gefaehrdet").tolist()
    [False, True, False]
    """
    check_groups(groups)
    meant = pd.Series(True, index=people.index)
    if groups:
        meant &= people["customer_group"].isin(list(groups))
    if rule == "gefaehrdet":
        meant &= people["p_purchase"] < AT_RISK_BELOW
    if rule == "wertvoll":
        meant &= people["clv"].rank(method="max", pct=True) > 1 - VALUABLE_SHARE
    return meant


def reasons(
    people: pd.DataFrame,
    *,
    consent: pd.DataFrame | None,
    channel: str,
    pressed: pd.Series,
    meant: pd.Series,
    gain: pd.Series,
) -> pd.Series:
    """Say of each customer why he cannot be on the list.

    Parameters
    ----------
    people : DataFrame
        Indexed by `customer_id`; `may_be_listed` counts where it is there.
    consent : DataFrame or None
        As in `crm_gate.for_contact`. Without one nobody may be contacted: what
        comes out then is a plan, and no list.
    channel : str
        A key of `CHANNELS`.
    pressed, meant : Series of bool
        Same customers: who was contacted often enough, and whom the campaign is
        meant for.
    gain : Series
        Same customers: expected gain of a contact (currency).

    Returns
    -------
    Series of str
        `reason`, indexed like `people`: one of `REASONS`, or '' for whom the
        list may hold.
    """
    if consent is None:
        reason = crm_gate.of_run(people)
    else:
        gate = crm_gate.for_contact(people, consent=consent, channel=CHANNELS[channel])
        reason = gate.reason
    for name, holds in (
        ("pressed", pressed.reindex(people.index, fill_value=False)),
        ("not_chosen", ~meant.reindex(people.index)),
        ("not_worth", ~(gain.reindex(people.index) > 0)),
    ):
        reason = reason.mask((reason == "") & holds, name)
    return reason.rename("reason")


def counts(reason: pd.Series, *, group: pd.Series) -> pd.DataFrame:
    """Count who is left out for which reason, and who is on the list.

    Parameters
    ----------
    reason : Series
        From `reasons`, after the budget.
    group : Series
        `crm_gate.TARGET` or `crm_gate.CONTROL` for those on the list, the same
        customers.

    Returns
    -------
    DataFrame
        Indexed by `reason`, in the order in which they count, then by
        `crm_gate.CONTROL` and `crm_gate.TARGET`: `customers`, which add up to
        all, and `part`: what of the customers it is, for the suppression
        (``out``, ``candidate`` or ``list``).
    """
    stand = group.reindex(reason.index).where(reason == "", reason)
    order = [*REASONS, crm_gate.CONTROL, crm_gate.TARGET]
    n = stand.value_counts().reindex(order, fill_value=0)
    part = ["list" if name in order[-2:] else _part(name) for name in order]
    table = pd.DataFrame({"customers": n, "part": part}).rename_axis("reason")
    always = table["part"] == "list"
    return table[always | (table["customers"] > 0)]


def _part(reason: str) -> str:
    return "candidate" if reason in PASSED_OVER else "out"
