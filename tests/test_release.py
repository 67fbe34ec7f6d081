import random
import re
import time
from datetime import date
from urllib.parse import quote

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench import formats, outputs, tablefiles
from workbench.pseudonyms import pseudonymise
from workbench.release import check_page, check_structure, check_table, secrets_of

SECRET = "geheim-1234-Schlüssel"
IDS = frozenset({"KD-00123", "C0004711", "400638133", "Müller & Co.", "a/b#77", "12345", "Umsatz"})


def findings(html: str, **known) -> str:
    with pytest.raises(ValueError, match=r"^the page must not be published, \d+ finding") as caught:
        check_page(html, **known)
    return str(caught.value)


def table_findings(text: str, **known) -> str:
    with pytest.raises(ValueError, match=r"^the table must not be published, \d+ find") as caught:
        check_table(text, **known)
    return str(caught.value)


def download(text: str) -> str:
    return f'<a href="data:text/csv;charset=utf-8,{quote(text)}">Daten</a>'


def payload(columns: dict, *, name: str = "gruppen") -> dict:
    """A table as a notebook hands it over."""
    data = pd.DataFrame(columns)
    kinds = {"i": "count", "f": "number"}
    units = {key: (key, kinds.get(data[key].dtype.kind, "text")) for key in data}
    style = formats.style(locale="de_DE", currency="EUR")
    return outputs.table(data, name=name, caption="x", columns=units, style=style).payload()


# by hand


@pytest.mark.parametrize(
    ("html", "message"),
    [
        ('<script src="https://x.org/a.js"></script>', "line 1 loads 'https://x.org/a.js'"),
        ('\n<link href="//x.org/a.css">', "line 2 loads '//x.org/a.css'"),
        ('<a href="http://x.org">x</a>', "loads 'http://x.org'"),
        ('<a href="mailto:x">x</a>', "loads 'mailto:x'"),
        ('<img src="a.png" alt="">', "loads 'a.png' from beside it"),
        ('<img alt="" srcset="a.png 2x">', "loads 'a.png 2x'"),
        ('<a href="/root/x.html">x</a>', "points at '/root/x.html' on this machine"),
        ('<p style="background: url(x.png)">x</p>', "loads 'background: url"),
        ('<g fill="url(http://x.org/#a)"></g>', "loads 'url"),
        ("<style>@import 'x.css'</style>", "loads something in its style sheet"),
        ("<style>a { background: url('//x.org') }</style>", "loads something in its style sheet"),
        ("<script>fetch('data')</script>", "loads something in its script"),
        ('<p onclick="x()">x</p>', "has an event handler, p onclick"),
        ("<p>\nanna@example.org</p>", "line 1 holds an e-mail address that begins with 'ann'"),
        ('<a href="data:text/csv,a%40example.org">x</a>', "line 1 holds an e-mail address"),
        ("<!-- anna@example.org -->", "holds an e-mail address"),
        ("<p>Tel. 0171 1234567</p>", "holds a telephone number that begins with '017'"),
        ('<img alt="ruf +49 30 123456" src="data:image/png,x">', "holds a telephone number"),
        ("<p>DE89 3704 0044 0532 0130 00</p>", "holds an IBAN that begins with 'DE8'"),
        ("<p>postgresql://shop:pass@db/shop</p>", "holds a password in an address"),
        ("<p>/home/anna/x.csv</p>", "holds a path of a machine: '/home/anna/x.csv'"),
        ("<p>C:\\Users\\anna</p>", "holds a path of a machine"),
        ("<p>file:///tmp/x</p>", "holds a path of a machine"),
        ("<pre>Traceback (most recent call last)</pre>", "holds a traceback"),
        ("<pre>FutureWarning: soon</pre>", "holds a warning of the program"),
        ('<img src="data:image/png;base64,iV">', "has an image without alt"),
        ("<th>Kundennummer</th>", "has a table with a column of customers, 'Kundennummer'"),
        ('<th scope="col" class="n"> Kunden-ID </th>', "with a column of customers, 'Kunden-ID'"),
        (download("Kundennr.;Umsatz\r\n"), "offers a table of which line 1 has a column of cust"),
        (download("Segment;Wert\r\n=1+1;2\r\n"), "which line 2 holds a formula in the column 'Seg"),
    ],
)
def test_the_gate_names_what_it_finds(html, message):
    assert message in findings(html)


@pytest.mark.parametrize(
    "html",
    [
        '<a href="03_clv.html#teil">x</a> <a href="tables/a.csv">x</a> <a href="#x">x</a>',
        '<img alt="" src="data:image/png;base64,iVBORw0KGgo=">',
        '<g clip-path="url(#curve-clip)"><use href="#curve-mark"></use></g>',
        "<p>Fader u. a., https://doi.org/10.1287 und Umsatz/Kauf</p>",
        "<p>1.234.567 Kunden, 12.345,67 €, +1.234.567 €, 31.12.2025, 2025-12-31, 12–34</p>",
        "<p>+12\u00a0345\u00a0678,90\u00a0€ und CHF\u00a01’234’567.89</p>",
        '<path d="M 0171 1234567 L 030 123456" id="p0171_1234567"/>',
        "<style>a { margin: 0171 1234567px }</style>",
        '<td data-v="0.01711234567">0,02</td><td data-v="1234567.89">x</td>',
        "<p>workbench 0.1.0, Python 3.11.7, Prüfsumme eff6889ed364c5199d6eacbbeb7a6d559971</p>",
        '<th scope="row">Kundennummer</th><th>Kunden</th><th>Anteil der Kunden</th>',
        download("\ufeffSegment;Wert\r\nTreue;-0,5\r\n'=x;1e-05\r\n"),
    ],
)
def test_the_gate_lets_harmless_things_pass(html):
    check_page(html, secrets=(SECRET,), ids=IDS)


@pytest.mark.parametrize(
    "html",
    [
        f"<p>{SECRET}</p>",
        f"<script>let a = '{SECRET}'</script>",
        f'<p class="{SECRET}">x</p>',
        "<p>geheim&#45;1234-Schl&uuml;ssel</p>",
        f'<a href="x.html#{quote(SECRET)}">x</a>',
        download(f"a;b\r\n1;{SECRET}\r\n"),
    ],
)
def test_a_secret_is_found_in_every_writing(html):
    text = findings(html, secrets=(SECRET,))
    assert "holds a secret of this machine" in text
    assert "geh" not in text and "1234" not in text
    check_page(html)


@pytest.mark.parametrize(
    ("html", "hint"),
    [
        ("<p>Kunde KD-00123.</p>", "KD-"),
        ("<p>(C0004711, gut)</p>", "C00"),
        ("<td>400638133</td>", "400"),
        ("<text>Müller &amp; Co.</text>", "Mül"),
        ("<p>die Müller\n& Co.</p>", "Mül"),
        ("<p>von „a/b#77“</p>", "a/b"),
        ('<g id="C0004711"></g>', "C00"),
        ("<!-- KD-00123 -->", "KD-"),
        ('<a href="x.html#KD%2D00123">x</a>', "KD-"),
        (download("Segment;Wert\r\nKD-00123;2\r\n"), "KD-"),
        (download("Segment;Wert\r\n400638133;2\r\n"), "400"),
    ],
)
def test_an_id_is_found_as_a_whole_word(html, hint):
    assert f"line 1 holds a customer's id that begins with '{hint}'" in findings(html, ids=IDS)
    assert findings(html, ids=sorted(IDS)) == findings(html, ids=IDS)
    check_page(html)


@pytest.mark.parametrize(
    "html",
    [
        "<p>12345 Kunden mit Umsatz</p>",
        "<p>XKD-001234</p>",
        '<td data-v="400638133.25">400.638.133,25</td><td data-v="1.400638133">x</td>',
        "<style>.C0004711 { }</style>",
        '<path d="M 400638133 1"/>',
        "<p>Müller</p><p>&amp; Co.</p>",
    ],
)
def test_short_numbers_words_and_parts_of_words_are_no_ids(html):
    check_page(html, ids=IDS)


def test_a_pseudonym_is_found_without_any_list():
    text = pseudonymise(pd.Series(["4711"]), key=bytes(32))[0]
    for html in (f"<p>Kunde {text}, gut</p>", f'<g id="{text}"></g>', download(f"a\r\n{text}\r\n")):
        assert "holds a customer's pseudonym" in findings(html)
        assert text[:6] not in findings(html)
    assert "line 2 holds a customer's pseudonym" in table_findings(f"a,b\n{text},1\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n=HYPERLINK(1),2\n", "line 2 holds a formula in the column 'a'"),
        ("a,b\n1,2\nx,+cmd\n", "line 3 holds a formula in the column 'b'"),
        ("a\n-1+2\n", "holds a formula"),
        ("a\n@SUM(A1)\n", "holds a formula"),
        ('a\n"\t=1"\n', "holds a formula"),
        ("a\n＝1\n", "holds a formula"),
        ("=a,b\n", "line 1 holds a formula"),
        ("a\nx,=1\n", "line 2 holds a formula in the column ''"),
        ("a\nanna@example.org\n", "line 2 holds an e-mail address that begins with 'ann'"),
        ("a\n0171 1234567\n", "holds a telephone number"),
        ("a\n/home/anna\n", "holds a path of a machine"),
        (f"a\n{SECRET}\n", "line 2 holds a secret of this machine"),
        ("a,b\n1,2\nKD-00123,2\n", "line 3 holds a customer's id that begins with 'KD-'"),
        ("a,b\n400638133,2\n", "line 2 holds a customer's id"),
        ("customer_id,revenue\n1,2\n", "line 1 has a column of customers, 'customer_id'"),
        ("segment,Kunde\n1,2\n", "line 1 has a column of customers, 'Kunde'"),
    ],
)
def test_the_gate_names_what_it_finds_in_a_table(text, message):
    assert message in table_findings(text, secrets=(SECRET,), ids=IDS)


def test_a_table_of_figures_passes():
    check_table(
        "month,customers,value\n2024-01,12345,-0.5\n2024-02,,1e-05\n'=x,1234567.25,-1.5e+20\n",
        secrets=(SECRET,),
        ids=IDS,
    )


@pytest.mark.parametrize(
    "column",
    [*("customer_id", "Kundennummer", "Kunden-Nr.", "KundenID", "Kd.-Nr.", "Kunde", "Pseudonym")],
)
def test_a_table_with_a_column_of_customers_is_at_customer_level(column):
    table = payload({"segment": ["a"], "x": [1]})
    check_structure(table, customers=1000)
    table["columns"][0]["label"] = column
    with pytest.raises(ValueError, match="'gruppen' must not be published: its column 'segment'"):
        check_structure(table, customers=1000)


def test_short_ids_are_found_where_a_table_keeps_its_texts():
    ids = frozenset(str(n) for n in range(1, 1001))
    table = payload({"rang": [1, 2, 3], "wer": ["17", "4", "911"]})
    with pytest.raises(ValueError, match="its column 'wer' holds customers"):
        check_structure(table, customers=1000, ids=ids)
    check_structure(table, customers=1000)
    check_structure(payload({"klasse": ["1", "2", "3 und mehr"]}), customers=1000, ids=ids)
    check_structure(payload({"tage": [30, 91, 365]}), customers=1000, ids=ids)
    counted = payload({"kaeufe": ["1", "2", "3", "4", "5", "6", "7+"]})
    check_structure(counted, customers=1000, ids=ids)
    from_none = payload({"wiederholungen": ["0", "1", "2", "3", "4", "5+"]})
    check_structure(from_none, customers=1000, ids=ids)
    for texts in (["1", "2", "4"], ["2", "1", "3"], ["7", "8", "9"]):
        with pytest.raises(ValueError, match="holds customers"):
            check_structure(payload({"kaeufe": texts}), customers=1000, ids=ids)
    with pytest.raises(ValueError, match="holds customers"):
        check_structure(counted, customers=69, ids=ids)


def test_a_row_for_each_customer_is_refused_without_any_id():
    spend = [float(x) for x in random.Random(1).sample(range(10_000), 60)]
    with pytest.raises(ValueError, match="it has 60 rows for 60 customers"):
        check_structure(payload({"revenue": spend}), customers=60)
    names = [f"x{i}" for i in range(60)]
    with pytest.raises(ValueError, match="it has 60 rows for 66 customers"):
        check_structure(payload({"wer": names}), customers=66)


def test_days_steps_and_small_bases_are_no_customers():
    check_structure(payload({"monat": [f"2024-{i:02d}" for i in range(60)]}), customers=60)
    check_structure(payload({"woche": list(range(60))}), customers=60)
    check_structure(payload({"anteil": [i / 60 for i in range(60)]}), customers=60)
    check_structure(payload({"segment": list("abcdefgh")}), customers=8)
    check_structure(payload({"x": []}), customers=60)
    check_structure(payload({"wer": [f"x{i}" for i in range(60)]}), customers=67)
    check_structure(payload({"wer": [f"x{i}" for i in range(60)]}), customers=59)


def test_secrets_come_from_names_and_from_addresses():
    found = secrets_of(
        {
            "WORKBENCH_KEY": "ab" * 32,
            "GITHUB_TOKEN": "ghp_0123456789",
            "aws_secret_access_key": "/9jAbC4AAQSkZJRgABAQ",
            "PGPASSWORD": "Sommer-2024",
            "MYSQL_PWD": "sommernacht",
            "DATABASE": "postgresql+psycopg://anna:p%40ss-wort@db.example.org:5432/shop?a=b",
            "PIP_INDEX_URL": "https://tok-en-123456@pypi.example.org/simple",
            "PEM_PRIVATE_KEY": "-----BEGIN KEY-----\nMIIabc123456\nx\n",
        }
    )
    assert set(found) == {
        *("ab" * 32, "ghp_0123456789", "/9jAbC4AAQSkZJRgABAQ", "Sommer-2024", "sommernacht"),
        *("p%40ss-wort", "p@ss-wort", "tok-en-123456", "-----BEGIN KEY-----", "MIIabc123456"),
    }
    assert list(found) == sorted(found, key=lambda text: (-len(text), text))


def test_words_paths_and_short_values_are_no_secrets():
    harmless = {
        "USE_KEYS": "true",
        "PASSWORD_PROMPT": "disabled",
        "SSH_ASKPASS": "/usr/bin/ksshaskpass",
        "KEY_FILE": "~/keys/pseudonym.key",
        "PWD": "/Work1/Main1",
        "OLDPWD": "/Work1/Main1",
        "TOKEN": "kurz",
        "PATH": "/usr/bin:/usr/local/bin",
        "HOME": "/home/anna-und-ben",
        "EMPTY_TOKEN": "",
        "PROXY": "http://proxy.example.org:8080",
    }
    assert secrets_of(harmless) == ()


# properties


@given(st.integers(0, 10**7), st.sampled_from(["K", "KD-", "k_x", "2024/"]))
def test_a_hidden_id_is_always_found_and_never_repeated(number, prefix):
    code = f"{prefix}{number:07d}"
    text = findings(f"<p>Der Kunde {code}, und mehr</p>", ids=frozenset({code}))
    assert code not in text and repr(code[:3]) in text


@given(
    st.floats(-1e13, 1e13),
    st.sampled_from(["de_DE", "de_AT", "de_CH"]),
    st.dates(min_value=date(1980, 1, 1)),
    st.integers(0, 10**9),
)
def test_figures_and_days_pass(value, locale, day, n):
    style = formats.style(locale=locale, currency="CHF")
    texts = [
        *(style.money(value).text, style.count(n).text, style.date(day).text),
        *(f"+{style.money(abs(value)).text}", f"{style.count(n).text}–{style.count(n).text}"),
    ]
    cells = "".join(f'<td data-v="{value!r}">{text}</td>' for text in texts)
    check_page(f'<table>{cells}</table><p title="{day}">{", ".join(texts)}</p>', ids=IDS)
    check_table(f"a,b,c\n{value!r},{n},{day}\n", ids=IDS)


@given(st.lists(st.text(max_size=8), min_size=1, max_size=5))
def test_our_own_table_files_hold_no_formula(texts):
    try:
        check_table(tablefiles._csv(["a"], [[text] for text in texts]))
    except ValueError as error:
        assert "formula" not in str(error) or any(t[:1] in "＝＋－＠" for t in texts if t)


def test_a_million_ids_and_a_long_page_take_seconds():
    ids = frozenset(f"C{i:08d}" for i in range(10**6))
    line = "<p>Zeile mit Wörtern, 1.234,56 € und einem Anteil von 12 % je Kunde</p>\n"
    page = line * (2_000_000 // len(line))
    start = time.process_time()
    check_page(page, ids=ids)
    assert time.process_time() - start < 15
    assert "C00" in findings(f"{page}C00004711", ids=ids)


# messages


def test_the_gate_counts_what_it_does_not_print():
    assert re.search(r"8 findings: .*; and 3 more\. Correct", findings("<img>\n" * 8))


def test_no_message_repeats_what_was_caught():
    page = f"""<a href="mailto:anna@example.org">x</a><a href="https://u:wort9@x.org/?t=abc">x</a>
        <img alt="" src="KD-00123.png"><link href="//x.org/{SECRET}"><p>/home/KD-00123/0171 1234567
        </p><p>ftp://anna:p4ssw0rd@host.de/x</p><a href="//x.org/4711008150">x</a>"""
    for html in page.split(">"):
        if html.strip("<apx/ \n"):
            try:
                check_page(f"{html}>", secrets=(SECRET,), ids=IDS)
            except ValueError as error:
                text = str(error)
                for leak in ("anna@", "wort9", "t=abc", "00123", SECRET, "p4s", "4711008150"):
                    assert leak not in text
    assert "holds a password in an address" in findings("<p>ftp://anna:p4ssw0rd@host.de/x</p>")
    assert "e-mail" not in findings("<p>ftp://anna:p4ssw0rd@host.de/x</p>")
