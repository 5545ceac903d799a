"""A progress bar for anything that takes more than a second."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

Show = Callable[[int, float], None]  # (how much is done, the number that is watched)


@contextmanager
def progress_bar(
    shown: bool,
    total: int | None,
    done: int = 0,
    *,
    name: str = "",
    unit: str = "steps",
    watched: str | None = "loss",
) -> Iterator[Show]:
    """Yield ``show(done, watched number)``; silent when ``shown`` is false. It writes to standard error.

    ``total`` None is an end that is not known, ``watched`` None a bar without a number (it is ignored).
    """
    if not shown:
        yield lambda done, value: None
        return
    number = "" if watched is None else f" · {watched} {{task.fields[value]:.4g}}"
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn(f"{unit}{number} ·"))
    console = Console(stderr=True)
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=watched is None) as bar:
        task = bar.add_task(name, total=total, completed=done, value=math.nan)
        yield lambda done, value: bar.update(task, completed=done, value=value)
