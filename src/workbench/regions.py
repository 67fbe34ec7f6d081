"""Country and postcode to the region of a customer, as far as these two say it."""

from __future__ import annotations

import pandas as pd

# ISO 3166-2; the part after the country.
PARTS = {
    "DE": {
        **{"BW": "Baden-Württemberg", "BY": "Bayern", "BE": "Berlin", "BB": "Brandenburg"},
        **{"HB": "Bremen", "HH": "Hamburg", "HE": "Hessen", "MV": "Mecklenburg-Vorpommern"},
        **{"NI": "Niedersachsen", "NW": "Nordrhein-Westfalen", "RP": "Rheinland-Pfalz"},
        **{"SL": "Saarland", "SN": "Sachsen", "ST": "Sachsen-Anhalt"},
        **{"SH": "Schleswig-Holstein", "TH": "Thüringen"},
    },
    "AT": {
        **{"1": "Burgenland", "2": "Kärnten", "3": "Niederösterreich", "4": "Oberösterreich"},
        **{"5": "Salzburg", "6": "Steiermark", "7": "Tirol", "8": "Vorarlberg", "9": "Wien"},
    },
    "CH": {
        **{"ZH": "Zürich", "BE": "Bern", "LU": "Luzern", "UR": "Uri", "SZ": "Schwyz"},
        **{"OW": "Obwalden", "NW": "Nidwalden", "GL": "Glarus", "ZG": "Zug", "FR": "Freiburg"},
        **{"SO": "Solothurn", "BS": "Basel-Stadt", "BL": "Basel-Landschaft"},
        **{"SH": "Schaffhausen", "AR": "Appenzell Ausserrhoden", "AI": "Appenzell Innerrhoden"},
        **{"SG": "St. Gallen", "GR": "Graubünden", "AG": "Aargau", "TG": "Thurgau"},
        **{"TI": "Tessin", "VD": "Waadt", "VS": "Wallis", "NE": "Neuenburg", "GE": "Genf"},
        **{"JU": "Jura"},
    },
}
COUNTRIES = {"DE": "Deutschland", "AT": "Österreich", "CH": "Schweiz"}


def regions(customers: pd.DataFrame) -> pd.DataFrame:
    """Name country, part of the country and postcode areas of each customer.

    A part of a country (Bundesland, Kanton) is named where the country says it,
    as ``AT-9``: a postcode of two signs tells it for no country. An area of
    postcodes is a country with the first digit, or the first two.

    Parameters
    ----------
    customers : DataFrame
        `country` and `postcode` (text), as in `companions`.

    Returns
    -------
    DataFrame
        Same index, text: `country`, `country_part`, `postcode_area` and
        `postcode_area_2`; missing where unknown.

    Examples
    --------
    >>> table = pd.DataFrame({"country": ["CH-ZH", "DE", None], "postcode": ["80", "01", "10"]})
    >>> regions(table)
           country country_part postcode_area postcode_area_2
    0      Schweiz       Zürich         CH 8…          CH 80…
    1  Deutschland          NaN         DE 0…          DE 01…
    2          NaN          NaN            1…             10…
    """
    code = customers["country"].str.upper().str.partition("-")
    country = code[0].map(lambda name: COUNTRIES.get(name, name), na_action="ignore")
    names = {
        f"{land}-{part}": name for land, parts in PARTS.items() for part, name in parts.items()
    }
    known = customers["country"].str.upper().map(names)
    postcode = customers["postcode"].where(customers["postcode"].str.fullmatch(r"[0-9]{2}"))
    before = (code[0] + " ").fillna("")
    return pd.DataFrame(
        {
            "country": country.where(code[0].isin(COUNTRIES), customers["country"]),
            "country_part": known,
            "postcode_area": before + postcode.str[:1] + "…",
            "postcode_area_2": before + postcode + "…",
        }
    )
