"""``flambeau journey``: run the lecture's chapters, write the page, print what was measured."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flambeau.cli.outputs import OutputFolder, put, warm_start_compiler

if TYPE_CHECKING:
    from flambeau.journey import Chapter, Claim, Plan, Setting

MARKS = {
    "exact": ("✓", "green"),
    "measured": ("✓", "green"),
    "corrected": ("≠", "blue"),
    "not decided here": ("?", "yellow"),
    "does not hold": ("✗", "red"),
}


@click.command(short_help="Run the lecture's chapters and write a page.")
@click.option("--chapter", "names", multiple=True, metavar="NAME", help="Run this chapter only (may be repeated).")
@click.option("--list", "listed", is_flag=True, help="Print the chapters' names and titles, and run nothing.")
@click.option(
    "--out", type=OutputFolder(), default="journey-report", show_default=True, help="Folder for the page, index.html."
)
@click.option("--full", is_flag=True, help="Larger sizes and more seeds: minutes instead of seconds.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, help="Random seed.")
@click.option("--break", "broken", default="", metavar="MUTANT", help="Break something, and see which claim turns.")
@click.option("--json", "as_json", is_flag=True, help="Print the measurements as JSON instead of tables.")
def journey(names: tuple[str, ...], listed: bool, out: Path, full: bool, seed: int, broken: str, as_json: bool) -> None:
    """Run the chapters of the lecture: every claim is measured, and one HTML page tells the story."""
    from flambeau.journey import Setting, chosen_chapters
    from flambeau.journey import as_json as measurements
    from flambeau.journey.page import page_of
    from flambeau.report.html import write_report

    plans, setting = chosen_chapters(names), Setting(full=full, seed=seed, broken=broken)
    if listed:
        click.echo("\n".join(f"{plan.name:30} {plan.title}" for plan in plans))
        return
    out.mkdir(parents=True, exist_ok=True)
    warm_start_compiler()
    chapters = run_all(plans, setting, tell=not as_json)
    check_broken(chapters, broken)
    page = put(out / "index.html", lambda path: write_report(page_of(chapters, setting), path))
    if as_json:
        click.echo(json.dumps(measurements(chapters), ensure_ascii=False, indent=2))
    summarise(chapters, page)


def run_all(plans: Sequence["Plan"], setting: "Setting", tell: bool) -> list["Chapter"]:
    """Every chapter in order, each told as soon as it is measured; a progress bar on standard error."""
    import jax
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from flambeau.journey import run_chapter

    chapters = []
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=len(plans))
        for plan in plans:
            bar.update(task, description=plan.title)
            chapters.append(run_chapter(plan, setting))
            jax.clear_caches()  # the next chapter has networks of its own; a compiled program takes tens of megabytes
            bar.advance(task)
            if tell:
                print_claims(chapters[-1])
    return chapters


def check_broken(chapters: Sequence["Chapter"], broken: str) -> None:
    """Refuse a mutant that no claim of the chapters names, and list those that there are."""
    known = sorted({claim.broken_by for chapter in chapters for claim in chapter.claims})
    if broken and broken not in known:
        raise click.BadParameter(f"{broken!r} is none of {'; '.join(known)}", param_hint="--break")


def print_claims(chapter: "Chapter") -> None:
    """The claims of a chapter as a table."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    title = f"{chapter.title} · {chapter.tally} · {chapter.seconds:.1f} s"
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, expand=True)
    for heading, share in (("", None), ("claim", 4), ("expected", 3), ("measured", 3)):
        table.add_column(heading, ratio=share)
    for claim in chapter.claims:
        sentence = claim.claim if claim.verdict != "corrected" else f"{claim.claim}. But: {claim.note}"
        table.add_row(Text(*MARKS[claim.verdict]), Text(sentence), Text(claim.expected), Text(claim.measured))
    Console().print(table)


def summarise(chapters: Sequence["Chapter"], page: Path) -> None:
    """Say on standard error what came out of each chapter, what fails, and where the page is: at most twenty lines."""
    from rich.console import Console
    from rich.table import Table

    from flambeau.report.document import VERDICTS

    table = Table(box=None)
    for heading in ("chapter", "claims", *VERDICTS[:4], "seconds"):
        table.add_column(heading, justify="left" if heading == "chapter" else "right")
    for chapter in chapters:
        table.add_row(chapter.title, *_counted(chapter.claims), f"{chapter.seconds:.0f}")
    claims = [claim for chapter in chapters for claim in chapter.claims]
    table.add_row("all", *_counted(claims), f"{sum(chapter.seconds for chapter in chapters):.0f}", style="bold")
    Console(stderr=True).print(table)
    for claim in [each for each in claims if each.verdict == "does not hold"][:5]:
        click.echo(f"Does not hold: {claim.claim}: {claim.measured}", err=True)
    click.echo(f"The page: {page}", err=True)


def _counted(claims: Sequence["Claim"]) -> list[str]:
    """How many, and how many of each verdict."""
    from flambeau.report.document import VERDICTS

    each: list[Any] = [sum(claim.verdict == verdict for claim in claims) for verdict in VERDICTS[:4]]
    return [str(number) for number in (len(claims), *each)]
