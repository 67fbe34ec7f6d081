"""Orders to how many customers of each cohort buy again: within so many days, or so far."""

from __future__ import annotations

import pandas as pd

from workbench import cohorts, privacy, rhythm
from workbench.discrimination import wilson
from workbench.schema import TooFewData

WINDOWS = (90, 180, 365)
# More curves than these cannot be told apart.
MAX_COHORTS = 5
# Who comes back after two years is another question.
MAX_WEEKS = 104
# After so many weeks one in so many is kept, and those at which people look.
STEP_WEEKS = 4
EVERYBODY = "alle"


def cohort_of(orders: pd.DataFrame, *, as_of: pd.Timestamp) -> pd.Series:
    """Name the cohort of each customer, of `MAX_COHORTS` at most.

    Returns
    -------
    Series
        `layer` by `customer_id`, sorted: month, quarter or year of the first
        purchase, whichever is the shortest of which there are so few; of more
        years the earliest are one. A categorical, the earliest first.
    """
    first = cohorts.first_days(orders, as_of=as_of)
    for length in ("M", "Q", "Y"):
        period = first.dt.to_period(length)
        if period.nunique() <= MAX_COHORTS:
            break
    every = sorted(period.unique())
    early = every[: max(0, len(every) - MAX_COHORTS + 1)]
    names = {one: cohorts.period_name(one) for one in every}
    if len(early) > 1:
        names |= dict.fromkeys(early, f"bis {names[early[-1]]}")
    order = list(dict.fromkeys(names.values()))
    return period.map(names).astype(pd.CategoricalDtype(order, ordered=True)).rename("layer")


def repeat_rates(orders: pd.DataFrame, *, as_of: pd.Timestamp) -> pd.DataFrame:
    """Measure which share bought again within fixed windows after the first purchase.

    Of each window only those count who were observed that long: a customer of
    last month has not had 90 days to come back.

    Parameters
    ----------
    orders : DataFrame
        One row per customer and day, in any order.
    as_of : Timestamp
        Last day that counts; later rows are ignored.

    Returns
    -------
    DataFrame
        Indexed by `layer` (text, from `cohort_of`, then `EVERYBODY`) and
        `window_days` (`WINDOWS`), every combination: `customers` observed that
        long, `buyers` within the window, `others`, `since` (buyers after the
        window before; counts), `repeat_share`, `low`, `high` (bounds of 95 %, Wilson;
        missing without a customer).
    """
    wait = rhythm.waiting(orders, as_of=as_of, nth=1)
    observed = (as_of - cohorts.first_days(orders, as_of=as_of)).dt.days
    layer = cohort_of(orders, as_of=as_of)
    rows = {}
    for before, window in zip((0, *WINDOWS), WINDOWS, strict=False):
        counted = wait[observed >= window]
        bought = counted["bought"] & (counted["days"] <= window)
        flags = pd.DataFrame(
            {"customers": 1, "buyers": bought, "since": bought & (counted["days"] > before)}
        ).astype(int)
        parts = flags.groupby(layer[counted.index], observed=False).sum()
        parts.index = parts.index.astype("str")
        rows[window] = pd.concat([parts, flags.sum().to_frame(EVERYBODY).T])
    table = pd.concat(rows, names=["window_days", "layer"]).swaplevel()
    table = table.loc[[*layer.cat.categories, EVERYBODY]]
    table.insert(2, "others", table["customers"] - table["buyers"])
    some = table[table["customers"] > 0]
    bounds = wilson(some["buyers"].to_numpy(), some["customers"].to_numpy())
    shares = pd.DataFrame(
        {
            "repeat_share": some["buyers"] / some["customers"],
            "low": bounds.low,
            "high": bounds.high,
        },
        index=some.index,
    )
    return table.join(shares)


def hide_small_rates(rates: pd.DataFrame, *, k: int) -> pd.DataFrame:
    """Blank the rates that tell of fewer than `k` customers, directly or by subtraction.

    Parameters
    ----------
    rates : DataFrame
        From `repeat_rates`.
    k : int
        Smallest group shown.
    """
    counts = ["buyers", "others", "since"]
    is_all = rates.index.get_level_values("layer") == EVERYBODY
    parts = rates[~is_all]
    shown = privacy.suppress(
        parts, count="customers", k=k, within=["window_days"], parts=counts, keep=["window_days"]
    )
    exposing = privacy.exposing_totals(
        parts,
        shown["customers"].notna(),
        within="window_days",
        counts=["customers", *counts],
        k=k,
    )
    # Some windows nobody has reached; there is nothing to hide in them.
    everybody = rates[is_all]
    groups = everybody[["customers", *counts]]
    is_small = ((groups > 0) & (groups < k)).any(axis=1).to_numpy()
    hidden = is_small | exposing[everybody.index.get_level_values("window_days")].to_numpy()
    numbers = everybody.astype(float).where(pd.Series(~hidden, index=everybody.index), axis=0)
    return pd.concat([shown, numbers])


def curves(orders: pd.DataFrame, *, as_of: pd.Timestamp) -> pd.DataFrame:
    """Estimate by cohort which share has bought a second time after so many weeks.

    By Kaplan and Meier, as `rhythm.next_purchase`, up to `MAX_WEEKS`; a cohort
    with fewer than `rhythm.MIN_CUSTOMERS` second purchases has no curve.

    Parameters
    ----------
    orders : DataFrame
        One row per customer and day, in any order.
    as_of : Timestamp
        Day of censoring; later rows are ignored.

    Returns
    -------
    DataFrame
        Indexed by `layer` (text) and `week` (the first `STEP_WEEKS`, then one
        in so many, and `rhythm.MARK_WEEKS`); the columns of `rhythm.next_purchase`.

    Raises
    ------
    TooFewData
        If no cohort has enough second purchases.
    """
    wait = rhythm.waiting(orders, as_of=as_of, nth=1)
    groups = wait.groupby(cohort_of(orders, as_of=as_of), observed=True)
    seconds = groups["bought"].sum()
    borne = seconds.index[seconds >= rhythm.MIN_CUSTOMERS]
    if borne.empty:
        raise TooFewData(
            f"a curve needs {rhythm.MIN_CUSTOMERS} customers of one cohort with a second "
            f"purchase; the best has {seconds.max()}.",
            have=int(seconds.max()),
            need=rhythm.MIN_CUSTOMERS,
        )
    found = {name: rhythm.by_week(groups.get_group(name)).loc[:MAX_WEEKS] for name in borne}
    whole = pd.concat(found, names=["layer", "week"])
    week = whole.index.get_level_values("week")
    return whole[(week <= STEP_WEEKS) | (week % STEP_WEEKS == 0) | week.isin(rhythm.MARK_WEEKS)]


def hide_small_curves(found: pd.DataFrame, *, k: int) -> pd.DataFrame:
    """Thin the curves, and blank weeks in which few of a cohort have bought.

    Of such a week another cohort goes too, since the curve of all customers is
    shown elsewhere.

    Parameters
    ----------
    found : DataFrame
        From `curves`.
    k : int
        Smallest group shown.
    """
    others = (found["customers"] - found["buyers"]).rename("others")
    shown = privacy.suppress(
        found.join(others), count="buyers", k=k, within=["week"], parts=["others"]
    )["buyers"].notna()
    return rhythm.thin(found, k=k).where(shown, axis=0)
