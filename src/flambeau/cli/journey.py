"""``flambeau journey``: run the lecture's chapters, write the page, print what was measured."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flambeau.cli.outputs import OutputFolder, put, warm_start_compiler

if TYPE_CHECKING:
    from flambeau.journey import Chapter, Plan, Setting


@click.command(short_help="Run the lecture's chapters and write a page.")
@click.option("--chapter", "names", multiple=True, metavar="NAME", help="Run this chapter only (may be repeated).")
@click.option(
    "--out", type=OutputFolder(), default="journey-report", show_default=True, help="Folder for the page, index.html."
)
@click.option("--full", is_flag=True, help="Larger sizes and more seeds: minutes instead of seconds.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, help="Random seed.")
@click.option("--json", "as_json", is_flag=True, help="Print the measurements as JSON instead of a table.")
def journey(names: tuple[str, ...], out: Path, full: bool, seed: int, as_json: bool) -> None:
    """Run the chapters of the lecture: every claim is measured, and one HTML page tells the story."""
    from flambeau.journey import Setting, chosen_chapters
    from flambeau.journey import as_json as measurements
    from flambeau.journey.page import page_of
    from flambeau.report.html import write_report

    plans, setting = chosen_chapters(names), Setting(full=full, seed=seed)
    out.mkdir(parents=True, exist_ok=True)
    warm_start_compiler()
    chapters = run_all(plans, setting)
    page = put(out / "index.html", lambda path: write_report(page_of(chapters, setting), path))
    if as_json:
        click.echo(json.dumps(measurements(chapters), ensure_ascii=False, indent=2))
    else:
        print_claims(chapters)
    summarise(chapters, page)


def run_all(plans: Sequence["Plan"], setting: "Setting") -> list["Chapter"]:
    """Every chapter in order, with a progress bar on standard error."""
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
    return chapters


def print_claims(chapters: Sequence["Chapter"]) -> None:
    """The claims of every chapter as a table."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    for chapter in chapters:
        title = f"{chapter.title} · {chapter.tally}"
        table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, expand=True)
        for heading, share in (("", None), ("claim", 4), ("expected", 3), ("measured", 3)):
            table.add_column(heading, ratio=share)
        for claim in chapter.claims:
            mark = Text("✓", "green") if claim.holds else Text("✗", "red")
            table.add_row(mark, Text(claim.claim), Text(claim.expected), Text(claim.measured))
        console.print(table)


def summarise(chapters: Sequence["Chapter"], page: Path) -> None:
    """Say on standard error how many claims hold, which do not, and where the page is."""
    claims = [claim for chapter in chapters for claim in chapter.claims]
    failing = [claim for claim in claims if not claim.holds]
    seconds = sum(chapter.seconds for chapter in chapters)
    click.echo(f"{len(claims) - len(failing)} of {len(claims)} claims hold, in {seconds:.0f} seconds.", err=True)
    for claim in failing:
        click.echo(f"Does not hold: {claim.claim}. {claim.note}".rstrip(), err=True)
    click.echo(f"The page: {page}", err=True)
