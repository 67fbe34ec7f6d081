import csv
import io
import re
from html.parser import HTMLParser
from urllib.parse import unquote

import pandas as pd
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from workbench import glossary, outputs, release, report
from workbench.formats import style

GERMAN = style(locale="de_DE", currency="EUR")
CONTEXT = report.Context(
    source="CDNOW",
    as_of="30.06.1998",
    facts=(("Prüfsumme der Daten", "2d711642"), ("Parameter", "horizon_days = 365")),
    notes=("Beträge sind Umsatz.",),
)
HOSTILE = "<script>alert('x')</script><img src=x onerror=alert(1)>\"'&"
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="200pt" height="100pt" viewBox="0 0 200 100">'
    '<g id="curve-axes_1"><path d="M 0 0 L 9 9" style="stroke: currentColor"/></g></svg>'
)


def cell(*shown, tags=(), source="shown"):
    """A code cell that was run, with real outputs."""
    ran = [new_output("display_data", data=record._repr_mimebundle_()) for record in shown]
    made = new_code_cell(source=source, outputs=ran)
    if tags:
        made.metadata["tags"] = list(tags)
    return made


def notebook(*cells, title="Kundenwert", question="Wie viel ist jeder Kunde wert?"):
    """A notebook whose first cell follows the house style."""
    lead = f"# {title}\n**Frage.** {question}\n**Liest** die Bestellungen · **schreibt** Werte"
    return new_notebook(cells=[new_markdown_cell(lead), *cells])


def tiles(name="customers", label="Kunden", *, headline=False):
    return outputs.key_figures(
        outputs.KeyFigure(
            name,
            label,
            GERMAN.count(2357),
            outputs.say("{s} kauften wieder", s=GERMAN.share(0.25)),
            headline,
        )
    )


def table(name="deciles", *, group="best", rows=2):
    data = pd.DataFrame(
        {"group": [group, "rest", *"cdefghij"][:rows], "value": [1234.5, -0.25, *[1.0] * 8][:rows]}
    )
    columns = {"group": ("Gruppe", "text"), "value": ("Wert", "money", 2)}
    return outputs.table(
        data, name=name, caption="Kundenwert je Gruppe", columns=columns, style=GERMAN
    )


def figure(name="curve", *, alt="Eine Linie steigt.", svg=SVG):
    return outputs.Figure(
        name,
        outputs.say("Die Besten tragen {s}.", s=GERMAN.share(0.5)),
        outputs.Sentence(alt),
        outputs.say("Je steiler, desto ungleicher."),
        svg,
        table(name),
    )


def finding(name="top", *, headline=False):
    return outputs.finding(
        name, outputs.say("{s} des Umsatzes.", s=GERMAN.share(0.508, digits=1)), headline=headline
    )


def verdict(name="holdout", *, passed=True):
    return outputs.Verdict(
        name,
        "Das Modell hält die Probe",
        passed,
        outputs.say("Der Fehler ist {e}.", e=GERMAN.number(0.74)),
        outputs.say("Die Werte gelten."),
    )


def read(*cells, stem="03_clv", **lead):
    return report.read_page(notebook(*cells, **lead), stem=stem)


def render(*cells, stem="03_clv", siblings=(), **lead):
    return report.render_page(
        notebook(*cells, **lead), stem=stem, context=CONTEXT, siblings=siblings
    )


class _Document(HTMLParser):
    """Elements in order as (tag, attributes), and the text by element."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.texts, self._open = [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.texts.append("")

    def handle_data(self, data):
        if self.texts:
            self.texts[-1] += data

    def named(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    def text(self, tag):
        return [
            text.strip()
            for (name, _), text in zip(self.elements, self.texts, strict=True)
            if name == tag
        ]


def rows(text):
    return list(csv.reader(io.StringIO(text)))


# by hand


def test_a_page_carries_title_question_and_outputs_in_order():
    page = read(
        cell(tiles()),
        new_markdown_cell("## Verteilung"),
        cell(figure()),
        cell(finding(), verdict()),
        cell(table()),
        cell(outputs.Missing("eine Marge")),
    )
    assert page.stem == "03_clv"
    assert page.title == "Kundenwert"
    assert page.question == "Wie viel ist jeder Kunde wert?"
    assert [item["name"] for item in page.key_figures] == ["customers"]
    assert [item["name"] for item in page.figures] == ["curve"]
    assert [item["name"] for item in page.findings] == ["top"]
    assert [item["name"] for item in page.verdicts] == ["holdout"]
    assert [item["name"] for item in page.tables] == ["deciles"]
    assert [item["sentence"]["text"] for item in page.missing] == [
        "Für diese Auswertung fehlt: eine Marge."
    ]


def test_the_question_may_stand_in_a_paragraph_of_its_own():
    lead = new_markdown_cell("# Daten\n\n**Frage.** Was *steht*\nin den Daten?\n\nEin Satz mehr.")
    book = new_notebook(cells=[lead])
    assert report.read_page(book, stem="01").question == "Was steht in den Daten?"
    html = report.render_page(book, stem="01", context=CONTEXT, siblings=())
    assert "<p>Ein Satz mehr.</p>" in html


def test_what_a_notebook_reads_and_writes_is_not_shown():
    assert "Liest" not in render()


@pytest.mark.parametrize("tag", ["parameters", "injected-parameters", "setup", "nur-labor"])
def test_cells_for_the_laboratory_are_left_out(tag):
    page = read(cell(tiles(), tags=[tag]))
    assert page.key_figures == ()


def test_no_code_and_no_foreign_output_reaches_the_page():
    raw = cell(source="secret_code = 1")
    raw.outputs = [
        new_output("stream", name="stdout", text="printed"),
        new_output("execute_result", data={"text/plain": "repr_of_a_frame"}, execution_count=1),
        new_output("display_data", data={"text/html": "<b>styler</b>", "image/png": "iVBOR"}),
    ]
    html = render(raw)
    for leftover in ("secret_code", "printed", "repr_of_a_frame", "styler", "iVBOR"):
        assert leftover not in html


def test_the_same_note_is_shown_once_in_a_section_and_again_in_the_next():
    note = outputs.Missing("eine Marge")
    page = read(
        new_markdown_cell("## Eins"),
        cell(note),
        new_markdown_cell("Mehr dazu."),
        cell(note, outputs.Missing("ein Budget")),
        new_markdown_cell("## Zwei"),
        cell(note),
    )
    needs = [item["sentence"]["text"].split(": ")[1] for item in page.missing]
    assert needs == ["eine Marge.", "ein Budget.", "eine Marge."]


def test_a_page_has_one_h1_and_a_table_of_contents():
    parts = new_markdown_cell("## Größe"), new_markdown_cell("### Größe\n\nText")
    html = render(*parts, title="Daten", question="Was?")
    document = _Document(html)
    assert document.named("html") == [{"lang": "de"}]
    assert document.text("h1") == ["Daten"]
    anchors = [a["href"] for a in document.named("a") if a["href"].startswith("#")]
    assert anchors == ["#inhalt", "#groesse", "#groesse-2", "#herkunft"]
    assert {"groesse", "groesse-2", "herkunft", "inhalt"} <= {
        attributes.get("id") for _, attributes in document.elements
    }


def test_the_navigation_names_all_pages_and_marks_this_one():
    pages = [read(stem="01_daten", title="Daten"), read()]
    links = _Document(render(siblings=pages)).named("a")
    assert {"href": "index.html"} in links
    assert {"href": "01_daten.html"} in links
    assert {"href": "03_clv.html", "aria-current": "page"} in links


def test_a_headline_is_set_larger_than_another_finding():
    sentence = "50,8\xa0% des Umsatzes."
    assert f'<p class="finding">{sentence}</p>' in render(cell(finding()))
    assert f'<p class="headline">{sentence}</p>' in render(cell(finding(headline=True)))


@pytest.mark.parametrize("shown", [finding(headline=True), tiles(headline=True)])
def test_a_first_section_with_a_headline_stands_out(shown):
    one, two = new_markdown_cell("## Das Wichtigste"), new_markdown_cell("## Danach")
    html = render(one, cell(shown), cell(verdict()), two, cell(table()))
    start, end = html.index('<div class="glance">'), html.index('id="danach"')
    assert start < html.index('id="das-wichtigste"')
    assert html.index("Das Modell hält die Probe") < html.rindex("</div>", start, end)
    assert '<div class="glance">' not in render(one, cell(finding()), two, cell(shown))


def test_a_figure_has_name_caption_data_and_download():
    document = _Document(render(cell(figure())))
    (drawing,) = document.named("svg")
    assert drawing["role"] == "img"
    assert drawing["aria-label"] == "Eine Linie steigt."
    assert drawing["viewbox"] == "0 0 200 100"
    assert "width" not in drawing
    assert document.text("figcaption") == ["Die Besten tragen 50\xa0%."]
    assert "Daten zum Bild" in document.text("summary")
    assert [a["download"] for a in document.named("a") if "download" in a] == ["curve.csv"]


def test_a_table_has_caption_and_scopes_and_right_aligned_numbers():
    document = _Document(render(cell(table())))
    assert document.text("caption") == ["Kundenwert je Gruppe"]
    assert document.named("th") == [
        {"scope": "col"},
        {"scope": "col", "class": "n"},
        {"scope": "row"},
        {"scope": "row"},
    ]
    assert document.text("td") == ["1.234,50\xa0€", "-0,25\xa0€"]


@pytest.mark.parametrize(("n_rows", "sortable"), [(5, False), (6, True)])
def test_a_table_can_be_sorted_from_six_rows(n_rows, sortable):
    html = render(cell(table(rows=n_rows)))
    assert ('<table class="sortable">' in html) == sortable
    assert ('data-v="1234.5"' in html) == sortable


def test_the_download_is_german_csv():
    html = render(cell(table(group="=1+1")))
    (link,) = [a for a in _Document(html).named("a") if "download" in a]
    head, _, body = link["href"].partition(",")
    assert head == "data:text/csv;charset=utf-8"
    assert unquote(body) == "\ufeffGruppe;Wert\r\n'=1+1;1234,5\r\nrest;-0,25\r\n"


def test_a_verdict_says_its_result_in_words_and_by_a_sign():
    html = render(cell(verdict(passed=True), verdict("intervals", passed=False)))
    assert re.search(r"✓</span> bestanden", html)
    assert re.search(r"✕</span> nicht bestanden", html)


def test_the_glossary_holds_the_terms_of_the_page_and_no_other():
    html = render(new_markdown_cell("Am Stichtag zählen wir die Kohorten."), question="Was?")
    assert _Document(html).text("dt")[:3] == ["Kohorte", "Kundenwert", "Stichtag"]
    assert "Gewinnschwelle" not in html
    assert 'id="glossar"' not in render(title="Daten", question="Was?")


def test_the_provenance_stands_on_page_and_index():
    for html in (render(), report.render_index([read()], context=CONTEXT)):
        document = _Document(html)
        assert "Prüfsumme der Daten" in document.text("dt")
        assert "2d711642" in document.text("dd")
        assert "Beträge sind Umsatz." in document.text("p")


def test_the_index_leads_with_headlines_verdicts_and_pages():
    first = read(cell(tiles(headline=True)), stem="01_daten", title="Daten")
    second = read(
        cell(finding(headline=True), finding("other")),
        cell(verdict(), verdict("intervals", passed=False)),
        cell(outputs.Missing("eine Marge"), table()),
    )
    html = report.render_index([first, second], context=CONTEXT)
    document = _Document(html)
    assert document.text("h1") == ["Kundenbericht"]
    assert html.count('<p class="headline">') == 1
    assert "1 von 2 Prüfungen bestanden" in document.text("p")
    assert "2.357" in document.text("dd")
    assert "Für diese Auswertung fehlt: eine Marge." in html
    links = [a["href"] for a in document.named("a")]
    assert "tables/deciles.csv" in links
    assert "tables/kennzahlen.csv" in links
    assert links.count("03_clv.html") >= 2


def test_the_index_names_what_a_page_lacks_once():
    note = outputs.Missing("eine Marge")
    page = read(cell(note), new_markdown_cell("## Zwei"), cell(note))
    assert report.render_index([page], context=CONTEXT).count("eine Marge") == 1


def test_an_index_of_silent_pages_has_no_empty_section():
    html = report.render_index([read()], context=CONTEXT)
    for heading in ("Auf einen Blick", "Prüfungen", "Hinweise"):
        assert heading not in _Document(html).text("h2")


def test_the_failure_page_names_cell_reason_and_traceback_without_colours():
    failure = report.Failure(
        notebook="03_clv",
        cell="12: model = clv.fit_purchases(calibration)",
        reason="exception",
        message="DataError: summary is empty.",
        traceback="\x1b[0;31mTraceback (most recent call last):\x1b[0m\n  <module>",
    )
    html = report.render_failure([failure], context=CONTEXT)
    document = _Document(html)
    assert document.text("h2")[0] == "03_clv"
    assert "12: model = clv.fit_purchases(calibration)" in document.text("dd")
    assert report.REASONS["exception"] in document.text("p")
    assert document.text("pre") == ["Traceback (most recent call last):\n  <module>"]
    assert "\x1b" not in html


def test_a_failure_before_any_data_were_read_names_no_data():
    failure = report.Failure("01_daten", "", "no_kernel", "NoSuchKernel")
    html = report.render_failure([failure], context=report.Context("", ""))
    assert "Stichtag" not in html
    assert _Document(html).text("title") == ["Kein Bericht"]


def test_the_table_files_hold_every_number():
    page = read(
        cell(tiles(), finding(), table(group="-lose")),
        cell(figure(), verdict(passed=False)),
        cell(outputs.Missing("Käufe", GERMAN.count(3), GERMAN.count(10))),
    )
    made = report.table_files([page])
    assert list(made) == [
        "tables/aussagen.csv",
        "tables/curve.csv",
        "tables/deciles.csv",
        "tables/kennzahlen.csv",
        "tables/urteile.csv",
    ]
    assert made["tables/deciles.csv"] == "group,value\n'-lose,1234.5\nrest,-0.25\n"
    assert rows(made["tables/kennzahlen.csv"]) == [
        ["notebook", "name", "label", "value", "unit"],
        ["03_clv", "customers", "Kunden", "2357", "count"],
    ]
    assert rows(made["tables/urteile.csv"]) == [
        ["notebook", "name", "label", "passed"],
        ["03_clv", "holdout", "Das Modell hält die Probe", "false"],
    ]
    assert rows(made["tables/aussagen.csv"]) == [
        ["notebook", "place", "name", "value", "unit"],
        ["03_clv", "key_figure.customers.note", "s", "0.25", "share"],
        ["03_clv", "finding.top.sentence", "s", "0.508", "share"],
        ["03_clv", "verdict.holdout.sentence", "e", "0.74", "number"],
        ["03_clv", "figure.curve.title", "s", "0.5", "share"],
        ["03_clv", "missing.1.sentence", "vorhanden", "3", "count"],
        ["03_clv", "missing.1.sentence", "noetig", "10", "count"],
    ]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_text_that_a_spreadsheet_would_run_is_neutralised(start):
    page = read(cell(table(group=f"{start}cmd")))
    assert rows(report.table_files([page])["tables/deciles.csv"])[1][0] == f"'{start}cmd"


def test_a_table_shown_and_drawn_on_one_page_is_one_file():
    page = read(cell(table("curve")), cell(figure("curve")))
    assert "tables/curve.csv" in report.table_files([page])


# properties


def test_two_renderings_give_the_same_bytes():
    def everything():
        cells = (new_markdown_cell("## Teil"), cell(tiles(), figure(), table(), verdict()))
        page = read(*cells)
        return (
            render(*cells, siblings=[page]),
            report.render_index([page], context=CONTEXT),
            report.table_files([page]),
        )

    assert everything() == everything()


def test_rendering_does_not_change_the_notebook():
    book = notebook(cell(tiles()), cell(outputs.Missing("x"), outputs.Missing("x")))
    before = str(book)
    report.render_page(book, stem="03_clv", context=CONTEXT, siblings=())
    assert str(book) == before


def test_the_shell_of_a_page_is_small():
    assert len(render(title="T", question="Q").encode()) < 25_000


def test_hostile_text_stays_text_everywhere():
    context = report.Context(HOSTILE, HOSTILE, ((HOSTILE, HOSTILE),), (HOSTILE,))
    hostile = outputs.Sentence(HOSTILE)
    cells = (
        new_markdown_cell(f"## {HOSTILE}\n\n{HOSTILE}\n\n[klick](javascript:alert(1))"),
        cell(outputs.key_figures(outputs.KeyFigure("k", HOSTILE, GERMAN.text(HOSTILE), hostile))),
        cell(table(group=HOSTILE, rows=7), figure(alt=HOSTILE), outputs.Missing(HOSTILE)),
        cell(outputs.Verdict("v", HOSTILE, True, hostile, hostile)),
        cell(outputs.Finding("f", hostile, headline=True)),
    )
    book = notebook(*cells, title="Ruhig", question=HOSTILE)
    page = report.read_page(book, stem="03_clv")._replace(title=HOSTILE)
    failure = report.Failure(HOSTILE, HOSTILE, "gate", HOSTILE, HOSTILE)
    for html in (
        report.render_page(book, stem="03_clv", context=context, siblings=[page]),
        report.render_index([page], context=context),
        report.render_failure([failure], context=context),
    ):
        document = _Document(html)
        assert len(document.named("script")) == 1
        assert document.named("img") == []
        assert not [name for _, a in document.elements for name in a if name.startswith("on")]
        assert not [a for a in document.named("a") if "script:" in a["href"]]
        release.check_page(html)


def test_finished_pages_pass_the_gate():
    page = read(cell(tiles(), figure(), table(rows=8), verdict()))
    release.check_page(render(cell(figure(), table(rows=8)), siblings=[page]))
    release.check_page(report.render_index([page], context=CONTEXT))


def test_a_drawing_keeps_neither_handlers_nor_metadata_nor_foreign_names():
    svg = SVG.replace("<g ", '<metadata>x</metadata><g onclick="x()" ').replace(
        "</svg>",
        '<use xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="#curve-axes_1"/></svg>',
    )
    html = render(cell(figure(svg=svg)))
    assert '<use href="#curve-axes_1"' in html
    for leftover in ("onclick", "metadata", "xmlns", "w3.org"):
        assert leftover not in html


def test_an_address_in_prose_is_printed_and_not_linked():
    html = render(new_markdown_cell("Siehe [Fader](https://example.org/a) und [oben](#inhalt)."))
    assert "Fader (https://example.org/a)" in html
    assert '<a href="#inhalt">oben</a>' in html
    release.check_page(html)


def test_no_term_of_the_glossary_holds_a_number_or_stands_twice():
    names = [term.name for term in glossary.TERMS]
    assert len(set(names)) == len(names)
    assert not [term.name for term in glossary.TERMS if re.search(r"\d", term.meaning)]


def test_every_term_of_the_glossary_is_found_by_its_own_name():
    for term in glossary.TERMS:
        assert term in glossary.terms_in(f"Hier steht {term.name}.")


# messages


def test_a_page_without_title_is_refused():
    book = new_notebook(cells=[new_markdown_cell("Kein Titel")])
    with pytest.raises(ValueError, match="notebook 03_clv has no '# ' heading"):
        report.read_page(book, stem="03_clv")


def test_a_second_title_is_refused():
    with pytest.raises(ValueError, match="03_clv has a second heading of level one, 'Noch einer'"):
        read(new_markdown_cell("# Noch einer"))


def test_a_warning_of_a_shown_cell_is_refused_and_the_cell_named():
    loud = cell(source="fit(x)\nmore")
    loud.outputs = [new_output("stream", name="stderr", text="FutureWarning: soon")]
    with pytest.raises(ValueError, match=r"cell 2 \('fit\(x\)'\) wrote to stderr: 'FutureWarning"):
        read(loud)
    loud.metadata["tags"] = ["setup"]
    assert read(loud).title == "Kundenwert"


def test_a_failed_cell_is_refused():
    broken = cell()
    broken.outputs = [new_output("error", ename="DataError", evalue="empty", traceback=[])]
    with pytest.raises(ValueError, match=r"cell 2 .* failed with DataError: empty"):
        read(broken)


def test_two_tables_of_one_name_are_refused():
    pages = [read(cell(table()), stem="01_daten"), read(cell(table()))]
    with pytest.raises(ValueError, match="'deciles' of 03_clv is taken by 01_daten"):
        report.table_files(pages)
    with pytest.raises(ValueError, match="'deciles' of 03_clv is taken by 03_clv"):
        report.table_files([read(cell(table()), cell(table(group="other")))])
    with pytest.raises(ValueError, match="'urteile' of 03_clv is taken by the report itself"):
        report.table_files([read(cell(table("urteile")))])


@pytest.mark.parametrize(
    ("svg", "message"),
    [
        ("<svg", "'curve' is not SVG"),
        ("<svg></svg>", "'curve' is no <svg> with a viewBox"),
        ('<svg viewBox="0 0 1 1"><script>1</script></svg>', "'curve' holds a script"),
    ],
)
def test_a_drawing_that_is_not_plain_svg_is_refused(svg, message):
    with pytest.raises(ValueError, match=message):
        render(cell(figure(svg=svg)))


def test_an_unknown_reason_of_a_failure_is_refused():
    with pytest.raises(ValueError, match=r"\['rain'\] are unknown; take some of exception"):
        report.render_failure([report.Failure("01", "", "rain", "x")], context=CONTEXT)
    with pytest.raises(ValueError, match="failures is empty"):
        report.render_failure([], context=CONTEXT)
