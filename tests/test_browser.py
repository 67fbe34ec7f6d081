"""The report in a real browser: offline, accessible, sortable, printable."""

import csv
import re
import shutil

import pandas as pd
import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import workbench_here
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from playwright.sync_api import sync_playwright

from workbench import intake, outputs, report, synthetic
from workbench.formats import style

GERMAN = style(locale="de_DE", currency="EUR")
HOSTILE = "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>\"'"
HOSTILE_NOTE = outputs.Sentence(HOSTILE)
VIEWS = {
    "light": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light"},
    "dark phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"},
}
NAMES = ("index", "03_clv", "failure")
SVG = (
    '<svg width="518pt" height="266pt" viewBox="0 0 518 266"><g id="curve-axes_1">'
    '<path d="M 0 266 L 518 0" style="fill: none; stroke: currentColor"/></g></svg>'
)


def _cell(*shown):
    ran = [new_output("display_data", data=record._repr_mimebundle_()) for record in shown]
    return new_code_cell(outputs=ran)


def _notebook():
    groups = pd.DataFrame(
        {
            "group": ["Ä-Kunden", "Zufällige", "anonyme", "=1+1", HOSTILE, "beste", "leere"],
            "customers": [1200, 90, 15, 7, 1000000, 8, 3],
            "value": [10.5, -3.25, 1000.0, 2.0, 0.5, 7.0, None],
            "first": pd.to_datetime(["1997-02-01", "1997-01-31"] + ["1998-01-01"] * 5),
            "note": ["ein recht langer Text, der die Tabelle breit macht"] * 7,
        }
    )
    columns = {
        "group": ("Gruppe", "text"),
        "customers": ("Kunden", "count"),
        "value": ("Mittlerer Wert", "money", 2),
        "first": ("Erster Kauf", "date"),
        "note": ("Anmerkung", "text"),
    }
    table = outputs.table(
        groups, name="groups", caption="Gruppen der Kunden", columns=columns, style=GERMAN
    )
    curve = outputs.table(
        groups, name="curve", caption="Je steiler, desto besser.", columns=columns, style=GERMAN
    )
    share = GERMAN.share(0.508)
    amounts = [GERMAN.money(1000.0**n) for n in range(4)]
    figures = [
        outputs.KeyFigure(f"figure_{n}", f"Kennzahl {n}", amount, HOSTILE_NOTE, True)
        for n, amount in enumerate(amounts)
    ]
    return new_notebook(
        cells=[
            new_markdown_cell("# Kundenwert\n**Frage.** Wie viel ist jeder Kunde wert?"),
            new_markdown_cell("## Verteilung\n\nAm Stichtag.\n\n|a|b|\n|-|-|\n|c|d|\n\n### Mehr"),
            _cell(outputs.key_figures(*figures)),
            _cell(
                outputs.Figure(
                    "curve",
                    outputs.say("Die Besten tragen {s}.", s=share),
                    outputs.Sentence("Eine Linie steigt."),
                    curve.caption,
                    SVG,
                    curve,
                )
            ),
            _cell(outputs.finding("top", outputs.say("{s} tragen alles.", s=share), headline=True)),
            _cell(table, outputs.Missing("eine Marge")),
            new_markdown_cell("## Prüfung"),
            *(
                _cell(
                    outputs.Verdict(
                        name, "Die Probe", passed, outputs.say("Gut."), outputs.say("Gilt.")
                    )
                )
                for name, passed in (("one", True), ("two", False))
            ),
        ]
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A small report on disk, with hostile texts in it."""
    folder = tmp_path_factory.mktemp("site")
    context = report.Context("CDNOW", "30.06.1998", (("Parameter", "x" * 200),), ("Ein Satz.",))
    book = _notebook()
    pages = [report.read_page(book, stem="03_clv")]
    failure = report.Failure("03_clv", "12", "timeout", "Zu lange", "Traceback " + "x" * 300)
    for name, html in {
        "03_clv": report.render_page(book, stem="03_clv", context=context, siblings=pages),
        "index": report.render_index(pages, context=context),
        "failure": report.render_failure([failure], context=context),
    }.items():
        (folder / f"{name}.html").write_text(html, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def browser():
    """The system's Chromium; nothing is downloaded for a test."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("no chromium is installed; install the system's package to run this test")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu"]
        )
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser, site):
    """Open a page in a fresh profile; complaints and requests are kept on it."""
    contexts = []

    def _visit(name, *, view="light", folder=site, **options):
        context = browser.new_context(**VIEWS[view], **options)
        contexts.append(context)
        page = context.new_page()
        page.complaints, page.requests = [], []
        page.on("console", lambda message: page.complaints.append(message.text))
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on("request", lambda request: page.requests.append(request.url))
        page.goto((folder / f"{name}.html").as_uri())
        return page

    yield _visit
    for context in contexts:
        context.close()


@pytest.mark.parametrize("name", NAMES)
def test_a_page_asks_for_nothing_but_itself_and_complains_of_nothing(visit, site, name):
    page = visit(name)
    assert page.requests == [(site / f"{name}.html").as_uri()]
    assert page.complaints == []


@pytest.mark.parametrize("name", NAMES)
def test_hostile_texts_run_nothing(visit, name):
    page = visit(name)
    assert page.evaluate("window.hacked") is None
    assert page.locator("script").count() == 1


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("name", NAMES)
def test_axe_finds_no_violation(visit, name, view):
    page = visit(name, view=view, bypass_csp=True)
    page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("name", NAMES)
def test_a_phone_scrolls_only_downwards(visit, name):
    page = visit(name, view="phone")
    page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") == 390


@pytest.mark.parametrize("name", ["index", "03_clv"])
def test_a_long_number_stays_in_its_column(visit, name):
    page = visit(name)
    for width in (390, 641, 900, 1100, 1400):
        page.set_viewport_size({"width": width, "height": 900})
        widths = page.evaluate(
            """[...document.querySelectorAll('.tiles .value')].map((number) => {
                const text = document.createRange();
                text.selectNodeContents(number);
                const boxes = [text, number.parentElement].map((it) => it.getBoundingClientRect());
                return boxes.map((box) => box.width);
            })"""
        )
        assert len(widths) == 4
        assert all(text <= column + 1 for text, column in widths), (width, widths)


def test_the_contents_fold_on_a_phone_alone(visit):
    assert visit("03_clv").locator(".contents details").get_attribute("open") is not None
    phone = visit("03_clv", view="phone")
    assert phone.locator(".contents details").get_attribute("open") is None


def test_a_table_sorts_numbers_dates_and_german_words(visit):
    page = visit("03_clv")
    table = page.locator(".tablebox table")

    def column(number):
        return table.locator(f"tbody tr > :nth-child({number})").all_inner_texts()

    table.get_by_role("button", name="Kunden").click()
    assert column(2) == ["1.000.000", "1.200", "90", "15", "8", "7", "3"]
    table.get_by_role("button", name="Kunden").click()
    assert column(2) == ["3", "7", "8", "15", "90", "1.200", "1.000.000"]
    assert table.locator("th[aria-sort]").get_attribute("aria-sort") == "ascending"
    table.get_by_role("button", name="Mittlerer Wert").click()
    assert column(3)[0] == "1.000,00\xa0€"
    assert column(3)[-2:] == ["-3,25\xa0€", "–"]
    table.get_by_role("button", name="Mittlerer Wert").click()
    assert column(3)[0] == "-3,25\xa0€"
    assert column(3)[-1] == "–"
    table.get_by_role("button", name="Erster Kauf").click()
    assert column(4)[:2] == ["31.01.1997", "01.02.1997"]
    table.get_by_role("button", name="Gruppe").click()
    words = [word for word in column(1) if word[0].isalpha()]
    assert words == ["Ä-Kunden", "anonyme", "beste", "leere", "Zufällige"]


def test_a_table_can_be_sorted_by_keyboard(visit):
    page = visit("03_clv")
    page.locator(".tablebox").get_by_role("button", name="Kunden").focus()
    page.keyboard.press("Enter")
    first = page.locator(".tablebox tbody tr").first.locator(":nth-child(2)")
    assert first.inner_text() == "1.000.000"


@pytest.mark.parametrize("place", [".tablebox", "figure"])
def test_the_download_is_german_csv_with_a_byte_order_mark(visit, tmp_path, place):
    page = visit("03_clv")
    page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    with page.expect_download() as waiting:
        page.locator(f"{place} a[download]").click()
    name = "groups.csv" if place == ".tablebox" else "curve.csv"
    assert waiting.value.suggested_filename == name
    waiting.value.save_as(tmp_path / name)
    saved = (tmp_path / name).read_bytes()
    assert saved.startswith(b"\xef\xbb\xbf")
    lines = saved.decode("utf-8-sig").split("\r\n")
    assert lines[0] == "Gruppe;Kunden;Mittlerer Wert;Erster Kauf;Anmerkung"
    assert lines[2].startswith("Zufällige;90;-3,25;1997-01-31;")
    assert lines[4].startswith("'=1+1;7;2,0;")


def test_the_button_turns_the_page_dark_and_back(visit):
    page = visit("03_clv")
    paper = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    page.get_by_role("button", name="Dunkle Ansicht").click()
    assert page.evaluate(paper) != light
    page.get_by_role("button", name="Helle Ansicht").click()
    assert page.evaluate(paper) == light


def test_text_and_drawing_can_be_told_from_the_page_in_the_dark(visit):
    page = visit("03_clv", view="dark")
    stroke = page.evaluate("getComputedStyle(document.querySelector('svg path')).stroke")
    assert stroke == page.evaluate("getComputedStyle(document.body).color")


def test_paper_shows_the_report_without_its_controls(visit):
    page = visit("03_clv", view="dark")
    page.emulate_media(media="print")
    for hidden in (".bar", ".contents", ".saving", "figure details", ".skip"):
        assert not page.locator(hidden).first.is_visible()
    assert page.locator(".drawing svg").is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")


def test_a_page_reads_without_its_script(visit):
    page = visit("03_clv", java_script_enabled=False)
    assert page.get_by_role("heading", level=1).inner_text() == "Kundenwert"
    assert not page.locator("#theme").is_visible()
    assert page.locator(".tablebox td").first.is_visible()


# the real report

REAL = ("index", "01_daten", "02_segmentierung", "03_clv", "04_churn")
REAL += ("05_massnahmen", "06_feedback")


@pytest.mark.parametrize("name", REAL)
def test_the_report_on_real_data_opens_offline_without_a_complaint(visit, cdnow, name):
    page = visit(name, folder=cdnow)
    assert page.requests == [(cdnow / f"{name}.html").as_uri()]
    assert page.complaints == []
    assert page.locator("h1").count() == 1


@pytest.mark.parametrize("view", ["light", "dark phone"])
@pytest.mark.parametrize("name", REAL)
def test_axe_finds_no_violation_in_the_report_on_real_data(visit, cdnow, name, view):
    page = visit(name, folder=cdnow, view=view, bypass_csp=True)
    page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= VIEWS[view]["viewport"]["width"]


SPREADSHEET = ("=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=2+2", "=cmd|' /C calc'!A0", "＝1+1")
MARKUP = (
    *("<script>window.hacked = 1</script>", "<img src=x onerror=window.hacked=1>", "</td></table>"),
    *('"><svg onload=window.hacked=1>', "javascript:window.hacked=1", "<!--", "]]>", "&lt;b&gt;"),
    *(
        "%3Cscript%3E",
        "&#60;script&#62;",
        "<style>*{display:none}</style>",
        "</script>",
        "<iframe>",
    ),
)
TEMPLATES = ("{{ 7*7 }}", "{% raw %}", "${7*7}", "<%= 7*7 %>", "{0}", "%s", "$E=mc^2$", "#{7*7}")
PATHS = ("../../etc/passwd", "C:\\Windows\\x", "~/.ssh/id_rsa", "//host/share", "nul:", "a/b")
SIGNS = (
    "\x1b[31mred\x1b[0m",
    "\u202eevil",
    "\u200fmark",
    "\x07bell",
    "zero\u200bwidth",
    "'; DROP--",
)
HOSTILE_TEXTS = (*SPREADSHEET, *MARKUP, *TEMPLATES, *PATHS, *SIGNS)


@pytest.fixture(scope="session")
def hostile_shop(tmp_path_factory):
    """A report on an export with hostile ids, categories and column names."""
    folder = tmp_path_factory.mktemp("hostile")
    orders = synthetic.purchases(
        **{"r": 0.8, "alpha_days": 60, "a": 0.6, "b": 3, "p": 6, "q": 4, "v": 60},
        n_customers=200,
        start=pd.Timestamp("2023-01-01"),
        acquisition_days=600,
        end=pd.Timestamp("2025-06-30"),
        seed=4,
    )
    # The gate would find an id that is a category's name too.
    hostile_ids = [f"{text}-id" for text in HOSTILE_TEXTS]
    ids = dict(zip(orders["customer_id"].unique(), hostile_ids, strict=False))
    orders["customer_id"] = orders["customer_id"].replace(ids)
    number = orders["date"].rank(method="first").astype(int)
    for column, texts in {
        "category": HOSTILE_TEXTS[:18],
        "channel": HOSTILE_TEXTS[20:38],
        "product_id": HOSTILE_TEXTS,
        "<b onclick=window.hacked=1>": ["x"],
        "=1+1": ["x"],
        "{{ 7*7 }}": ["x"],
        "\x1b[31m\u202e": ["x"],
    }.items():
        orders[column] = [texts[n % len(texts)] for n in number]
    orders.to_csv(folder / "boese.csv", index=False, quoting=csv.QUOTE_ALL)
    done = workbench_here(folder, "--transactions", "boese.csv", "-p", "pseudonymise", "off")
    assert done.returncode == 0, done.stderr
    return orders, folder / "reports" / "boese"


def test_forty_hostile_strings_come_through_a_run_as_text(visit, hostile_shop):
    _, site = hostile_shop
    assert len(set(HOSTILE_TEXTS)) == 40
    for name in REAL:
        page = visit(name, folder=site)
        assert page.evaluate("window.hacked") is None
        assert page.complaints == []
        assert page.requests == [(site / f"{name}.html").as_uri()]
    shown = page.context.new_page()
    shown.goto((site / "01_daten.html").as_uri())
    text = shown.locator("body").inner_text()
    for expected in (
        "<script>window.hacked = 1</script>",
        "{{ 7*7 }}",
        "=1+1",
        "</td></table>",
        "[nicht gezeigt]",
    ):
        assert expected in text
    assert "\x1b" not in text and "\u202e" not in text


def test_no_cell_of_a_table_is_a_formula_and_ids_and_amounts_come_back(hostile_shop):
    orders, site = hostile_shop
    tables = sorted((site / "tables").glob("*.csv"))
    cells = [
        cell
        for path in tables
        for row in csv.reader(path.read_text(encoding="utf-8").splitlines())
        for cell in row
    ]
    starts = re.compile("[=+@\\-\t\r＝＋－＠]")
    number = re.compile(r"-?\d+(\.\d+)?(e-?\d+)?")
    assert len(cells) > 1000
    assert not [cell for cell in cells if starts.match(cell) and not number.fullmatch(cell)]
    kept = intake.read_table(site / "customers" / "scores.parquet").set_index("customer_id")
    spent = orders.groupby("customer_id")["amount"].sum()
    assert sorted(kept.index) == sorted(spent.index)
    pd.testing.assert_series_equal(
        kept["revenue"].sort_index(), spent.sort_index(), check_names=False, check_exact=False
    )
