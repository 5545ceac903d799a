"""``flambeau data``: which data sets there are, and bringing one here."""

import click


@click.group()
def data() -> None:
    """Data sets: which there are, and bringing one to this machine."""


@data.command("list")
def list_datasets() -> None:
    """List the data sets and where each one stands; touches no network."""
    from rich.console import Console
    from rich.table import Table

    from flambeau.problems import available

    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in ("name", "what it is", "where"):
        table.add_column(title)
    for row in available():
        table.add_row(row.name, row.description, row.where)
    Console().print(table)


@data.command("fetch")
@click.argument("name")
def fetch(name: str) -> None:
    """Bring the data set NAME to this machine, and check that it is the published one."""
    from flambeau.problems import fetch_dataset

    paths = fetch_dataset(name)
    click.echo("\n".join(str(path) for path in paths) if paths else f"{name} comes with the installation.")
