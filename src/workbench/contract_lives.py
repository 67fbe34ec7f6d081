"""Contracts with a first and a last day to how long they last, how many end, and who leaves.

A contract is a row; it runs up to and including its last day, and that day belongs to the end. A
customer may hold several, one after the other or at once.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from workbench.discrimination import wilson
from workbench.rhythm import MIN_CUSTOMERS, kaplan_meier
from workbench.schema import DAYS_PER_YEAR, TooFewData

MONTHS_PER_YEAR = 12
# More points than these are not told apart on a telephone.
MAX_PERIODS = 36
# Lengths of a period, the finest first, as pandas calls them.
LENGTHS = ("M", "Q", "Y")
UNKNOWN = "unbekannt"


def known(contracts: pd.DataFrame, *, as_of: pd.Timestamp) -> pd.DataFrame:
    """Return the contracts as they stood at the end of a day: an end that came later is missing.

    Parameters
    ----------
    contracts : DataFrame
        `customer_id`, `start` and `end` (days; missing while the contract runs), in any order;
        other columns stay.
    as_of : Timestamp
        Last day that counts.
    """
    begun = contracts[contracts["start"] <= as_of]
    return begun.assign(end=begun["end"].where(begun["end"] <= as_of))


def survival(contracts: pd.DataFrame, *, as_of: pd.Timestamp) -> pd.DataFrame:
    """Estimate which share of contracts still runs so many months after its start.

    By Kaplan and Meier, with Greenwood's variance: a contract that runs on `as_of` counts as
    long as it was observed. A month is a twelfth of 365 days. The curve ends where fewer than 30
    contracts (`rhythm.MIN_CUSTOMERS`) are still observed. A table that leaves out contracts that
    ended makes it too high; nothing in it can show that.

    Parameters
    ----------
    contracts, as_of
        As in `known`.

    Returns
    -------
    DataFrame
        Indexed by `months` from 1: `ended` (contracts, so far), `customers_ended` (who had one of
        them), `ended_later`, `customers_ended_later` (whose first one ended after that month),
        `observed` (contracts still running and observed then), `kept_share` (0 to 1), `low`,
        `high` (95 %, from the log(-log) scale).

    Raises
    ------
    TooFewData
        If fewer than 30 contracts ended.

    References
    ----------
    Kaplan and Meier (1958), JASA 53 (282), 457-481.
    """
    table = known(contracts, as_of=as_of)
    lasted = (table["end"].fillna(as_of) - table["start"]).dt.days
    over = table["end"].notna()
    if over.sum() < MIN_CUSTOMERS:
        raise TooFewData(
            f"a curve needs {MIN_CUSTOMERS} contracts that ended; there are {over.sum()}.",
            have=int(over.sum()),
            need=MIN_CUSTOMERS,
        )
    curve = kaplan_meier(lasted, over)
    # The n-th longest observation: up to its day n contracts are still there.
    reach = int(np.sort(lasted.to_numpy())[-MIN_CUSTOMERS])
    months = np.arange(1, max(1, reach * MONTHS_PER_YEAR // DAYS_PER_YEAR) + 1)
    days = np.round(months * DAYS_PER_YEAR / MONTHS_PER_YEAR).astype(int)
    read = curve.reindex(days, method="ffill")
    # Before the first day on which an observation ended, every contract runs.
    read.loc[days < curve.index[0], ["survival", "lower", "upper"]] = 1.0
    ends = np.sort(lasted[over].to_numpy())
    firsts = np.sort(lasted[over].groupby(table.loc[over, "customer_id"]).min().to_numpy())
    n_ended = np.searchsorted(ends, days, side="right")
    n_customers = np.searchsorted(firsts, days, side="right")
    return pd.DataFrame(
        {
            "ended": n_ended,
            "customers_ended": n_customers,
            "ended_later": len(ends) - n_ended,
            "customers_ended_later": len(firsts) - n_customers,
            "observed": len(lasted) - np.searchsorted(np.sort(lasted), days, side="left"),
            "kept_share": read["survival"].to_numpy(),
            "low": read["lower"].to_numpy(),
            "high": read["upper"].to_numpy(),
        },
        index=pd.Index(months, name="months"),
    )


def thin(curve: pd.DataFrame, *, k: int) -> pd.DataFrame:
    """Blank months of a curve, so that no step between two that stay speaks of fewer than `k`.

    Two months between which no contract ended both stay. Whole years are the last to go.

    Parameters
    ----------
    curve : DataFrame
        From `survival`.
    k : int
        Smallest group of customers shown.

    Returns
    -------
    DataFrame
        A copy; the numbers of blanked months are missing.
    """
    years_first = np.argsort(curve.index % MONTHS_PER_YEAR != 0, kind="stable")
    counts = curve[["ended", "customers_ended"]].to_numpy()
    later = curve[["ended_later", "customers_ended_later"]].to_numpy()
    told, keep = [np.zeros(2), counts[0] + later[0]], np.full(len(curve), False)
    for row in years_first:
        contracts, customers = np.abs(np.array(told) - counts[row]).T
        if ((contracts == 0) | (customers >= k)).all():
            told.append(counts[row])
            keep[row] = True
    return curve.astype(float).where(pd.Series(keep, index=curve.index), axis=0)


def period_length(contracts: pd.DataFrame, *, as_of: pd.Timestamp, k: int) -> str:
    """Choose the finest of month, quarter and year that can be shown.

    There are at most 36 such periods (`MAX_PERIODS`), and at least half of them speak of no group
    of fewer than `k` customers.

    Returns
    -------
    str
        One of `LENGTHS`.
    """
    for length in LENGTHS[:-1]:
        table = rates(contracts, as_of=as_of, length=length)
        if len(table) <= MAX_PERIODS and (table["fewest"] >= k).mean() >= 0.5:
            return length
    return LENGTHS[-1]


def rates(contracts: pd.DataFrame, *, as_of: pd.Timestamp, length: str) -> pd.DataFrame:
    """Count which share of the contracts that ran at the start of a period ended in it.

    A contract that begins and ends within one period is in none.

    Parameters
    ----------
    contracts, as_of
        As in `known`.
    length : str
        One of `LENGTHS`.

    Returns
    -------
    DataFrame
        Indexed by `period` (its first day), every complete one from the first on that began with
        30 contracts (`rhythm.MIN_CUSTOMERS`): `contracts` (at its start), `customers` (who held
        them), `ended`, `customers_ended`, `end_rate`, `low`, `high` (95 %, Wilson), and `fewest`,
        the smallest group of customers that a row and the next one speak of.

    References
    ----------
    Wilson (1927), Journal of the American Statistical Association 22, 209-212.

    Examples
    --------
    >>> table = pd.DataFrame({
    ...     "customer_id": [f"c{n}" for n in range(40)], "start": pd.Timestamp("2024-01-15"),
    ...     "end": pd.to_datetime(["2024-02-29"] * 10 + [None] * 30),
    ... })
    >>> rates(table, as_of=pd.Timestamp("2024-03-31"), length="M")[["contracts", "end_rate"]]
                contracts  end_rate
    period
    2024-02-01         40      0.25
    2024-03-01         30      0.00
    """
    table = known(contracts, as_of=as_of)
    if table.empty:
        return _rated([], pd.DatetimeIndex([], name="period", dtype="datetime64[us]"))
    periods = pd.period_range(table["start"].min(), as_of, freq=length)
    starts, ends = periods.start_time.normalize(), periods.end_time.normalize()
    complete = (starts > table["start"].min()) & (ends <= as_of)
    day = pd.Timedelta(days=1)
    rows = [
        _at_risk(table, origin=start - day, until=end)
        for start, end in zip(starts[complete], ends[complete], strict=True)
    ]
    rated = _rated(rows, pd.DatetimeIndex(starts[complete], name="period"))
    # Two rows one after the other give away how many contracts began between them.
    began = table.groupby(table["start"].dt.to_period(length).dt.start_time)["customer_id"]
    newcomers = began.nunique().reindex(rated.index, fill_value=0)
    rated["fewest"] = rated["fewest"].mask(
        (newcomers > 0) & (newcomers < rated["fewest"]), newcomers
    )
    return rated[(rated["contracts"] >= MIN_CUSTOMERS).cummax()]


def by_tariff(contracts: pd.DataFrame, *, as_of: pd.Timestamp) -> pd.DataFrame:
    """Count by tariff which share of the contracts that ran a year ago has ended since.

    Parameters
    ----------
    contracts, as_of
        As in `known`, with `tariff` (text, may be missing).

    Returns
    -------
    DataFrame
        Indexed by `tariff`, sorted; columns as in `rates`.

    Raises
    ------
    TooFewData
        If no contract ran a year before `as_of`.
    """
    table = known(contracts, as_of=as_of)
    origin = as_of - pd.Timedelta(days=DAYS_PER_YEAR)
    ran = table[runs(table, day=origin)]
    if ran.empty:
        first = table["start"].min() if len(table) else as_of
        raise TooFewData(
            f"no contract ran on {origin.date()}, a year before as_of.",
            have=(as_of - first).days,
            need=DAYS_PER_YEAR,
        )
    groups = dict(list(ran.groupby(ran["tariff"].fillna(UNKNOWN))))
    rows = [_at_risk(group, origin=origin, until=as_of) for group in groups.values()]
    return _rated(rows, pd.Index(list(groups), name="tariff"))


def reasons(contracts: pd.DataFrame, *, as_of: pd.Timestamp) -> pd.DataFrame:
    """Count the contracts that ended by the reason that was given, the most frequent first.

    Returns
    -------
    DataFrame
        Indexed by `end_reason`: `contracts`, `customers` (counts) and `contract_share`.
    """
    over = known(contracts, as_of=as_of).dropna(subset=["end"])
    groups = over.groupby(over["end_reason"].fillna(UNKNOWN))["customer_id"]
    table = pd.DataFrame({"contracts": groups.size(), "customers": groups.nunique()})
    table["contract_share"] = table["contracts"] / len(over)
    return table.sort_values("contracts", ascending=False, kind="stable")


def runs(contracts: pd.DataFrame, *, day: pd.Timestamp) -> pd.Series:
    """Say which contracts still run when a day is over."""
    return (contracts["start"] <= day) & ~(contracts["end"] <= day)


def holders(contracts: pd.DataFrame, *, origin: pd.Timestamp) -> pd.DataFrame:
    """Describe each customer with a running contract by what was known at the end of a day.

    Parameters
    ----------
    contracts : DataFrame
        As in `known`; a missing `tariff` counts as `UNKNOWN`.
    origin : Timestamp
        The day.

    Returns
    -------
    DataFrame
        Indexed and sorted by `customer_id`, floats and a text.

        - `contract_days`: since the oldest contract that runs began
        - `contracts_running`, `contracts_ended` (counts)
        - `tariff`: that of the contract that began last; of several on one day the first in the
          alphabet
    """
    table = known(contracts, as_of=origin)
    running = runs(table, day=origin)
    held, over = table[running], table[~running]
    tariff = held["tariff"].fillna(UNKNOWN) if "tariff" in held else UNKNOWN
    held = held.assign(tariff=tariff).sort_values(
        ["customer_id", "start", "tariff"], ascending=[True, False, True]
    )
    by_customer = held.groupby("customer_id")
    found = pd.DataFrame(
        {
            "contract_days": (origin - by_customer["start"].min()).dt.days.astype(float),
            "contracts_running": by_customer.size().astype(float),
            "tariff": by_customer["tariff"].first().astype("str"),
        }
    )
    ended = over.groupby("customer_id").size().reindex(found.index, fill_value=0)
    found.insert(2, "contracts_ended", ended.astype(float))
    return found


def left(
    contracts: pd.DataFrame,
    *,
    origin: pd.Timestamp,
    gap_days: int,
    horizon_days: int,
    customers: pd.Index,
) -> pd.Series:
    """Tell which customers end their last contract in the outcome window of an origin.

    The window is ``(origin + gap_days, origin + gap_days + horizon_days]``. Who holds another
    contract when it is over changed and did not leave; whose last contract ended in the gap left
    before the window.

    Parameters
    ----------
    contracts : DataFrame
        As in `known`; what began or ended after the window is ignored.
    origin : Timestamp
        Day of the features.
    gap_days, horizon_days : int
        Days between origin and window, and length of the window.
    customers : Index
        Who held a contract at the origin, from `holders`.

    Returns
    -------
    Series
        `left` (bool), indexed and sorted by `customer_id`.
    """
    start = origin + pd.Timedelta(days=gap_days)
    end = start + pd.Timedelta(days=horizon_days)
    table = known(contracts, as_of=end)
    stays = set(table.loc[runs(table, day=end), "customer_id"])
    last = table.groupby("customer_id")["end"].max()
    index = customers.sort_values().rename("customer_id")
    in_window = last.reindex(index) > start
    return pd.Series(in_window.to_numpy() & ~index.isin(stays), index=index, name="left")


def _at_risk(
    table: pd.DataFrame, *, origin: pd.Timestamp, until: pd.Timestamp
) -> tuple[int, int, int, int]:
    """Count contracts and customers at the end of a day, and those who ended by another."""
    ran = table[runs(table, day=origin)]
    over = ran[ran["end"] <= until]
    return len(ran), ran["customer_id"].nunique(), len(over), over["customer_id"].nunique()


def _rated(rows: list[tuple[int, int, int, int]], index: pd.Index) -> pd.DataFrame:
    columns = ["contracts", "customers", "ended", "customers_ended"]
    table = pd.DataFrame(rows, columns=columns, index=index, dtype=int)
    table = table[table["contracts"] > 0]
    table["end_rate"] = table["ended"] / table["contracts"]
    table["low"], table["high"] = wilson(table["ended"], table["contracts"])
    rest = table["customers"] - table["customers_ended"]
    parts = pd.concat([table["customers"], table["customers_ended"], rest], axis=1)
    table["fewest"] = parts.where(parts > 0).min(axis=1).astype(int)
    return table
