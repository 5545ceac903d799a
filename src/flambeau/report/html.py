"""A report as one HTML file: pictures and styles inside it, nothing loaded from elsewhere, no script."""

import base64
import functools
import html
import importlib.resources
from collections.abc import Iterable
from pathlib import Path

from flambeau.foundation.files import write_atomic
from flambeau.report.document import Chapter, Claim, Equation, Figure, Making, Part, Quote, Report, Section, Table
from flambeau.report.markup import inline, mathematics, plain

FLAME = (
    '<svg class="flame" viewBox="0 0 32 44" aria-hidden="true"><path fill="currentColor" d="M17 1c2 8-9 12-9 22a8.6 '
    "8.6 0 0 0 8.500 9A8.500 8.500 0 0 0 25 23.500c0-3-1.400-5-2.600-6.600-.3 2.600-1.200 4-3 4.800C21.500 15 21 6 17 "
    '1z"/><path fill="currentColor" opacity=".45" d="M11 34h11l-2 9h-7z"/></svg>'
)
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"  # the browser itself keeps the page offline


def write_report(report: Report, path: str | Path) -> Path:
    """Write the page so that it is whole or not there; return its path."""
    write_atomic(path, render(report).encode())
    return Path(path)


def render(report: Report) -> str:
    """The page as text. Everything in it that is not our own markup is escaped."""
    chapters = "\n".join(chapter_of(number, chapter) for number, chapter in enumerate(report.chapters, start=1))
    title = html.escape(report.title)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<title>{title}</title>
<style>
{style()}</style>
</head>
<body>
<header>
{FLAME}
<h1>{title}</h1>
{motto(report.motto)}
{paragraphs(report.introduction)}
{contents(report)}
</header>
<main>
{chapters}
</main>
{made(report)}
</body>
</html>
"""


@functools.cache
def style() -> str:
    """The style sheet that stands beside this file."""
    return (importlib.resources.files("flambeau.report") / "page.css").read_text(encoding="utf-8")


def paragraphs(texts: Iterable[str]) -> str:
    """One ``<p>`` each."""
    return "\n".join(f"<p>{inline(text)}</p>" for text in texts)


def motto(quote: Quote) -> str:
    """The sentence that the page opens with."""
    chinese = f'<br><span lang="zh-Hans">{html.escape(quote.chinese)}</span>' if quote.chinese else ""
    return f'<p class="motto">{html.escape(quote.english)}{chinese}</p>'


def contents(report: Report) -> str:
    """The chapters with their tallies, and the total."""
    rows = "\n".join(
        f'<li><a href="#{html.escape(chapter.name)}">{inline(chapter.title)}</a>'
        f'<span class="tally">{html.escape(chapter.tally)} · {chapter.seconds:.1f} s</span></li>'
        for chapter in report.chapters
    )
    total = f"{report.tally}; measured in {report.seconds:.0f} seconds."
    return f'<nav aria-label="Chapters">\n<h2>Chapters</h2>\n<ol>\n{rows}\n</ol>\n<p class="total">{total}</p>\n</nav>'


def chapter_of(number: int, chapter: Chapter) -> str:
    """A chapter: the lecture's words, the story, the claims."""
    sections = "\n".join(section_of(section) for section in chapter.story)
    return f"""<section class="chapter" id="{html.escape(chapter.name)}">
<p class="number">Chapter {number}</p>
<h2>{inline(chapter.title)}</h2>
{quote_of(chapter.lecture)}
{sections}
<h3>What was measured</h3>
{claims_of(chapter)}
</section>"""


def quote_of(quote: Quote) -> str:
    """The lecture's sentence in both languages."""
    return f"""<blockquote>
<p lang="zh-Hans">{html.escape(quote.chinese)}</p>
<p class="translation">{html.escape(quote.english)}</p>
<footer>The lecture</footer>
</blockquote>"""


def section_of(section: Section) -> str:
    """A heading and its parts."""
    return "\n".join([f"<h3>{inline(section.heading)}</h3>", *(part_of(part) for part in section.parts)])


def part_of(part: Part) -> str:
    """A paragraph, equation, figure or table."""
    if isinstance(part, Equation):
        gloss = f'<span class="gloss">{inline(part.gloss)}</span>' if part.gloss else ""
        return f'<div class="equation"><span class="math">{mathematics(part.text)}</span>{gloss}</div>'
    if isinstance(part, Figure):
        return figure_of(part)
    return table_of(part) if isinstance(part, Table) else f"<p>{inline(part)}</p>"


def figure_of(figure: Figure) -> str:
    """The picture itself, in the page, with its caption."""
    data = base64.b64encode(figure.png).decode("ascii")
    width, height = (int.from_bytes(figure.png[start : start + 4], "big") // 2 for start in (16, 20))  # PNG's IHDR
    alt = html.escape(plain(figure.alt or figure.title))
    return f"""<figure>
<div class="picture"><img src="data:image/png;base64,{data}" alt="{alt}" width="{width}" height="{height}"></div>
<figcaption><b>{inline(figure.title)}.</b> {inline(figure.caption)}</figcaption>
</figure>"""


def table_of(table: Table) -> str:
    """A table whose first column names its rows."""
    head = "".join(f'<th scope="col">{inline(cell)}</th>' for cell in table.header)
    rows = "\n".join(
        f'<tr><th scope="row">{inline(first)}</th>' + "".join(f"<td>{inline(cell)}</td>" for cell in rest) + "</tr>"
        for first, *rest in table.rows
    )
    return f"""<div class="scroll"><table>
<caption>{inline(table.title)}</caption>
<thead><tr>{head}</tr></thead>
<tbody>
{rows}
</tbody>
</table></div>"""


def claims_of(chapter: Chapter) -> str:
    """The claims as a table; on a narrow page each becomes a card."""
    rows = "\n".join(claim_of(claim, chapter) for claim in chapter.claims)
    head = "".join(f'<th scope="col">{name}</th>' for name in ("Claim", "Expected", "Measured"))
    return f"""<table class="claims">
<caption>{html.escape(chapter.tally)}</caption>
<thead><tr><th scope="col">Verdict</th>{head}</tr></thead>
<tbody>
{rows}
</tbody>
</table>"""


def claim_of(claim: Claim, chapter: Chapter) -> str:
    """One row, and a second one for the note and for the way to break it."""
    kind = claim.verdict.split()[0]
    source = "" if claim.lecture else ' <span class="beyond">beyond the lecture</span>'
    row = (
        f'<tr class="noted"><td><span class="verdict {kind}">{html.escape(claim.verdict)}</span></td>'
        f"<td>{html.escape(claim.claim)}{source}</td>"
        f'<td data-label="Expected">{html.escape(claim.expected)}</td>'
        f'<td data-label="Measured">{html.escape(claim.measured)}</td></tr>'
    )
    command = f'flambeau journey --chapter {chapter.name} --break "{claim.broken_by}"'
    note = f"{html.escape(claim.note)} " if claim.note else ""
    broken = f'<span class="break">Break it: <code>{html.escape(command)}</code></span>'
    return f'{row}\n<tr class="note"><td></td><td colspan="3">{note}{broken}</td></tr>'


def made(report: Report) -> str:
    """Versions, seed, size, time: enough to make the page again."""
    making: Making = report.making
    versions = ", ".join(html.escape(f"{name} {version}") for name, version in making.versions)
    size = " --full" if making.full else ""
    return f"""<footer class="made">
<h2>How this page was made</h2>
<p>By <code>flambeau journey{size}</code> with random seed {making.seed}, in {report.seconds:.0f} seconds.
With {versions}. Every picture and every measured number was computed for this page; run the command to make it
again.</p>
</footer>"""
