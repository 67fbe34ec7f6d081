"""Who may be contacted on which channel, who objected, and which customers a list of ids means.

A row of the table of consents is what one customer said last about one channel.
"""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from workbench import companion_cells as cells
from workbench.schema import ParameterError

# From the loosest to the strictest; § 7 (3) UWG is mail to buyers about goods like those bought.
STATUSES = {
    "opt_in": "eingewilligt",
    "bestandskunde_7_3": "Bestandskunde nach § 7 Abs. 3 UWG",
    "keine": "keine Einwilligung",
    "widerspruch": "widersprochen",
}
GRANTS = ("opt_in", "bestandskunde_7_3")
OBJECTION = "widerspruch"
REFUSALS = ("keine", OBJECTION)
EVERY_CHANNEL = "alle"
# Who objects on any other channel may not be in the data at all: it is profiling, every channel,
# advertising as such, or one that nobody could close. Article 21 (2) and (3) GDPR.
CHANNELS = ("email", "newsletter", "telefon", "post")
# Of these alone § 7 (3) UWG speaks.
ELECTRONIC_MAIL = ("email", "newsletter")
# What a log of contacts says of who wants no more of it.
OPT_OUTS = (
    *("abgemeldet", "abmeldung", "widerspruch", "widersprochen", "unsubscribed", "unsubscribe"),
    *("opt-out", "opt out", "optout", "opted out", "abbestellt", "abbestellung", "ausgetragen"),
)
# What else a shop writes, plain as in `channel_names`.
_CHANNELS = {
    **{"e-mail": "email", "e mail": "email", "mail": "email", "mailing": "email"},
    **{"tel": "telefon", "tel.": "telefon", "phone": "telefon", "anruf": "telefon"},
    **{"brief": "post", "briefpost": "post", "profilbildung": "profiling"},
    **{"direktwerbung": "werbung", "marketing": "werbung"},
    **{"*": EVERY_CHANNEL, "all": EVERY_CHANNEL, "alle kanäle": EVERY_CHANNEL},
}


def found_among(customers: Iterable[str], *, listed: Iterable[str]) -> pd.Index:
    """Return the customers that a list of ids means, compared by `id_keys`.

    Parameters
    ----------
    customers : iterable of str
        Ids as the transactions write them.
    listed : iterable of str
        Ids as the list writes them, for example those to be erased.

    Returns
    -------
    Index
        Sorted, in the spelling of `customers`; two spellings of one id are both found.

    Examples
    --------
    >>> found_among(["00123", " 77", "78"], listed=["77.0 ", "123"]).tolist()
    [' 77']
    """
    known = pd.Series(sorted(set(customers)), dtype="str")
    wanted = set(cells.id_keys(pd.Series(list(listed), dtype="str")))
    return pd.Index(known[cells.id_keys(known).isin(wanted)], name="customer_id")


def channel_names(channels: pd.Series) -> pd.Series:
    """Write each channel one way: lower case, no blanks around it, ``email`` for ``E-Mail``.

    Examples
    --------
    >>> channel_names(pd.Series([" E-Mail", "Telefon", "*", "Laden"])).tolist()
    ['email', 'telefon', 'alle', 'laden']
    """
    return cells.stripped(channels).str.casefold().replace(_CHANNELS)


def status_names(statuses: pd.Series) -> pd.Series:
    """Write each status as the keys of `STATUSES` are written; what is none of them stays so.

    Examples
    --------
    >>> status_names(pd.Series([" Opt-In", "Bestandskunde 7 3", "vielleicht"])).tolist()
    ['opt_in', 'bestandskunde_7_3', 'vielleicht']
    """
    names = cells.stripped(statuses).str.casefold().str.replace(r"[\W_]+", "_", regex=True)
    return names.str.strip("_")


def in_force(rows: pd.DataFrame) -> pd.Series:
    """Say which rows hold: the latest of each customer and channel, on one day the strictest.

    An objection without a day outranks every other row, for it may be the
    latest; any other row without a day ranks behind those with one.

    Parameters
    ----------
    rows : DataFrame
        `customer_id`, `channel`, `status` (of `STATUSES`), `date` (day or
        missing), `source`, `line`.

    Returns
    -------
    Series of bool
        With the index of `rows`.
    """
    is_objection = rows["status"] == OBJECTION
    undated = pd.Series(pd.Timestamp.min, index=rows.index).mask(is_objection, pd.Timestamp.max)
    ranked = pd.DataFrame(
        {
            "key": cells.id_keys(rows["customer_id"]),
            "channel": rows["channel"],
            "day": rows["date"].astype("datetime64[us]").fillna(undated.astype("datetime64[us]")),
            "strictness": rows["status"].map(list(STATUSES).index),
            "source": rows["source"].fillna(""),
            "line": rows["line"],
        }
    ).sort_values(["key", "channel", "day", "strictness", "source", "line"])
    holds = ~ranked.duplicated(["key", "channel"], keep="last")
    return holds.reindex(rows.index)


def objected(consent: pd.DataFrame) -> pd.Index:
    """Return the ids of those who objected to profiling, to advertising, or on all channels.

    An objection to direct marketing takes the profiling for it along; who made
    one is removed when the data are read, with `found_among`. One on a channel
    that is none of `CHANNELS` counts as such: it is known to be meant, and not
    what for.

    Parameters
    ----------
    consent : DataFrame
        As `companions.read` makes it: `customer_id`, `channel`, `status`.

    Returns
    -------
    Index
        `customer_id`, sorted, each once.

    References
    ----------
    Regulation (EU) 2016/679 (GDPR), article 21 (2) and (3).

    Examples
    --------
    >>> consent = pd.DataFrame({
    ...     "customer_id": ["anna", "ben", "carl"],
    ...     "channel": ["profiling", "alle", "email"],
    ...     "status": ["widerspruch", "widerspruch", "widerspruch"],
    ... })
    >>> objected(consent).tolist()
    ['anna', 'ben']
    """
    is_absolute = ~consent["channel"].isin(CHANNELS) & (consent["status"] == OBJECTION)
    return pd.Index(sorted(set(consent.loc[is_absolute, "customer_id"])), name="customer_id")


def opted_out(reactions: pd.Series) -> pd.Series:
    """Say which reactions to a contact are those of who wants no more of it.

    Examples
    --------
    >>> opted_out(pd.Series(["Abgemeldet ", "geöffnet", None])).tolist()
    [True, False, False]
    """
    return cells.stripped(reactions.astype("str").fillna("")).str.casefold().isin(OPT_OUTS)


def with_opt_outs(consent: pd.DataFrame, opt_outs: pd.DataFrame) -> pd.DataFrame:
    """Take who unsubscribed from a contact for one who objected to its channel.

    Where the channel is unknown, or none of `CHANNELS`, it is all of these. A
    consent that is dated later holds.

    Parameters
    ----------
    consent : DataFrame
        As `companions.read` makes it.
    opt_outs : DataFrame
        `customer_id`, `channel` (as in `channel_names`, or missing) and `date`.

    Returns
    -------
    DataFrame
        Like `consent`, sorted by its columns.
    """
    each = opt_outs["channel"].astype(object)
    each = each.where(each.isin(CHANNELS)).map(lambda name: [name], na_action="ignore")
    each = each.map(lambda names: names if isinstance(names, list) else list(CHANNELS))
    objections = opt_outs.assign(channel=each, status=OBJECTION).explode("channel")
    both = pd.concat([consent, objections.reindex(columns=consent.columns)], ignore_index=True)
    both = both.astype(consent.dtypes)
    holds = in_force(both.assign(line=both.index))
    return both[holds].sort_values(list(consent.columns), ignore_index=True)


def may_contact(
    consent: pd.DataFrame, *, customers: Iterable[str], channel: str, by: str
) -> pd.Series:
    """Say of each customer whether advertising may reach him on one channel.

    Nobody may be contacted who did not say so: no row, or a row without
    consent, is a no, also for letters. A row for all channels speaks for each
    on which the customer said nothing of its own. Whom `objected` names may
    not be contacted at all.

    Parameters
    ----------
    consent : DataFrame
        As `companions.read` makes it: `customer_id`, `channel`, `status`.
    customers : iterable of str
        Ids as the transactions write them; compared by `id_keys`.
    channel : str
        As in `channel_names`.
    by : {"opt_in", "bestandskunde_7_3"}
        What suffices: express consent alone, or for electronic mail also § 7
        (3) UWG. On any other channel only express consent ever does.

    Returns
    -------
    Series of bool
        `may_contact`, indexed and sorted by `customer_id`.

    Raises
    ------
    ParameterError
        If `by` is not one of the two.

    References
    ----------
    Gesetz gegen den unlauteren Wettbewerb (UWG), § 7 (2) and (3).

    Examples
    --------
    >>> consent = pd.DataFrame({
    ...     "customer_id": ["anna", "ben"],
    ...     "channel": ["email", "email"],
    ...     "status": ["opt_in", "bestandskunde_7_3"],
    ... })
    >>> may_contact(consent, customers=["anna", "ben", "carl"], channel="E-Mail", by="opt_in")
    customer_id
    anna     True
    ben     False
    carl    False
    Name: may_contact, dtype: bool
    """
    said = standing(consent, customers=customers, channel=channel)
    return said.isin(sufficient(channel, by=by)).rename("may_contact")


def sufficient(channel: str, *, by: str) -> tuple[str, ...]:
    """Return the keys of `STATUSES` that allow advertising on one channel.

    Parameters
    ----------
    channel, by
        As in `may_contact`.

    Raises
    ------
    ParameterError
        If `by` is not one of the two.

    Examples
    --------
    >>> sufficient("E-Mail", by="bestandskunde_7_3"), sufficient("post", by="bestandskunde_7_3")
    (('opt_in', 'bestandskunde_7_3'), ('opt_in',))
    """
    if by not in GRANTS:
        raise ParameterError(f"by={by!r} must be one of {', '.join(GRANTS)}.")
    (name,) = channel_names(pd.Series([channel], dtype="str"))
    return GRANTS if by != "opt_in" and name in ELECTRONIC_MAIL else ("opt_in",)


def standing(consent: pd.DataFrame, *, customers: Iterable[str], channel: str) -> pd.Series:
    """Say what holds for each customer on one channel.

    What was said about the channel itself counts before what was said about all
    channels, unless all consent was withdrawn later. An objection to a
    newsletter is one to electronic mail, and the other way round, unless express
    consent came later. What `objected` knows counts before all of it.

    Parameters
    ----------
    consent, customers, channel
        As in `may_contact`.

    Returns
    -------
    Series of str
        `status`, a key of `STATUSES` or missing where nothing was said, indexed
        and sorted by `customer_id`.

    Examples
    --------
    >>> consent = pd.DataFrame({
    ...     "customer_id": ["anna", "anna", "ben"],
    ...     "channel": ["alle", "email", "werbung"],
    ...     "status": ["keine", "opt_in", "widerspruch"],
    ... })
    >>> standing(consent, customers=["anna", "ben", "carl"], channel="email").tolist()
    ['opt_in', 'widerspruch', nan]
    """
    (name,) = channel_names(pd.Series([channel], dtype="str"))
    if "date" not in consent:
        consent = consent.assign(date=pd.NaT)
    said = _strictest(consent[consent["channel"] == name])
    everywhere = _strictest(consent[consent["channel"] == EVERY_CHANNEL])
    said = pd.concat([said, everywhere[~everywhere.index.isin(said.index)]])
    day, said = said["date"], said["status"]
    withdrawn = everywhere.reindex(said.index)
    is_over = (withdrawn["status"] == "keine") & (withdrawn["date"] > day)
    said = said.mask(is_over, "keine")
    if name in ELECTRONIC_MAIL:
        mail = consent["channel"].isin(ELECTRONIC_MAIL) & (consent["status"] == OBJECTION)
        closed = _strictest(consent[mail])["date"].reindex(said.index)
        is_closed = said.index.isin(cells.id_keys(consent.loc[mail, "customer_id"]))
        said = said.mask(is_closed & ~((said == "opt_in") & (day > closed)), OBJECTION)
    blocked = set(cells.id_keys(pd.Series(objected(consent), dtype="str")))

    index = pd.Index(sorted(set(customers)), name="customer_id", dtype="str")
    keys = cells.id_keys(pd.Series(index, index=index))
    status = keys.map(said).astype("str").rename("status")
    return status.mask(keys.isin(blocked), OBJECTION)


def permissions(consent: pd.DataFrame, *, customers: Iterable[str]) -> pd.DataFrame:
    """Say of each customer on which channels advertising may reach him.

    Returns
    -------
    DataFrame of bool
        Indexed by `customer_id`: `may_email` (consent, or § 7 (3) UWG),
        `may_phone` and `may_post` (consent).
    """
    ids = list(customers)
    return pd.DataFrame(
        {
            f"may_{name}": may_contact(consent, customers=ids, channel=channel, by=by)
            for name, channel, by in (
                ("email", "email", "bestandskunde_7_3"),
                ("phone", "telefon", "opt_in"),
                ("post", "post", "opt_in"),
            )
        }
    )


def _strictest(rows: pd.DataFrame) -> pd.DataFrame:
    """Return status and date for each id; two spellings of one id are one customer."""
    said = rows[["status", "date"]].assign(key=cells.id_keys(rows["customer_id"]))
    said = said.assign(strictness=said["status"].map(list(STATUSES).index))
    said = said.sort_values(["strictness", "date"], na_position="first")
    return said.drop_duplicates("key", keep="last").set_index("key")[["status", "date"]]
