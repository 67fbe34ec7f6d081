"""The log of contacts to how often each customer was written to, and who left after how many."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from workbench import consents
from workbench.discrimination import wilson
from workbench.schema import TooFewData

# Contacts from this number on are one class.
MOST_CONTACTS = 4
# So many months back are shown.
MONTHS = 12


def sent(contacts: pd.DataFrame) -> pd.DataFrame:
    """Return the contacts that were made: the control group of a campaign got none.

    Parameters
    ----------
    contacts : DataFrame
        As `companions.read` makes it: `customer_id`, `date`, `group`.
    """
    return contacts[contacts["group"] != "control"]


def pressed(
    contacts: pd.DataFrame | None,
    *,
    customers: Iterable[str],
    as_of: pd.Timestamp,
    days: int,
    limit: int,
) -> pd.Series:
    """Say who was contacted often enough in the days up to one day, on any channel.

    Parameters
    ----------
    contacts : DataFrame or None
        As in `sent`; None: nobody is known to have been contacted.
    customers : iterable of str
        All customers.
    as_of : Timestamp
        The last of these days.
    days : int
        How many of them.
    limit : int
        So many contacts are enough.

    Returns
    -------
    Series of bool
        `pressed`, indexed and sorted by `customer_id`.

    Examples
    --------
    >>> contacts = pd.DataFrame({
    ...     "customer_id": ["anna", "anna", "ben", "ben"],
    ...     "date": pd.to_datetime(["2025-12-02", "2025-12-31", "2025-12-01", "2025-12-30"]),
    ...     "group": ["treatment", "treatment", "treatment", "control"],
    ... })
    >>> pressed(contacts, customers=["anna", "ben"], as_of=pd.Timestamp("2025-12-31"), days=30,
    ...         limit=2).tolist()
    [True, False]
    """
    index = pd.Index(sorted(set(customers)), name="customer_id", dtype="str")
    if contacts is None:
        return pd.Series(False, index=index, name="pressed")
    made = sent(contacts)
    lately = (made["date"] > as_of - pd.Timedelta(days=days)) & (made["date"] <= as_of)
    n = made.loc[lately, "customer_id"].value_counts()
    return (n.reindex(index, fill_value=0) >= limit).rename("pressed")


def by_month(contacts: pd.DataFrame) -> pd.DataFrame:
    """Count the contacts of the last months in which there were any.

    Parameters
    ----------
    contacts : DataFrame
        As in `sent`.

    Returns
    -------
    DataFrame
        Indexed by `month` (first day), the last `MONTHS`: `customers`
        (contacted), `contacts` and `contacts_each` (per contacted customer).

    Raises
    ------
    TooFewData
        If nobody was contacted.
    """
    made = sent(contacts)
    if made.empty:
        raise TooFewData("nobody was contacted.", have=0, need=1)
    months = made.groupby(made["date"].dt.to_period("M").dt.to_timestamp().rename("month"))
    table = pd.DataFrame(
        {"customers": months["customer_id"].nunique(), "contacts": months.size()}
    ).iloc[-MONTHS:]
    return table.assign(contacts_each=table["contacts"] / table["customers"])


def opt_outs(contacts: pd.DataFrame) -> pd.DataFrame:
    """Find how many left at their first, second, ... contact.

    Parameters
    ----------
    contacts : DataFrame
        As in `sent`, with `reaction` (in the source's words).

    Returns
    -------
    DataFrame
        Indexed by `contact_number` (1 ... `MOST_CONTACTS`, the last open):
        `customers`, `contacts`, `opted_out` (of these contacts), `share`, `low`
        and `high` (95 %, Wilson).

    Raises
    ------
    TooFewData
        If the log does not tell of anybody who left.
    """
    made = sent(contacts).sort_values(["customer_id", "date", "channel", "campaign"])
    left = consents.opted_out(made["reaction"])
    if not left.any():
        raise TooFewData("no contact has a reaction of who left.", have=0, need=1)
    number = (made.groupby("customer_id").cumcount() + 1).clip(upper=MOST_CONTACTS)
    classes = made.assign(left=left).groupby(number.rename("contact_number"))
    table = pd.DataFrame(
        {
            "customers": classes["customer_id"].nunique(),
            "contacts": classes.size(),
            "opted_out": classes["left"].sum(),
        }
    )
    span = wilson(table["opted_out"].to_numpy(float), table["contacts"].to_numpy(float))
    share = table["opted_out"] / table["contacts"]
    return table.assign(share=share, low=np.asarray(span.low), high=np.asarray(span.high))
