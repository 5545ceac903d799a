"""A progress bar for anything that takes more than a second."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

__all__ = ["progress_bar"]


@contextmanager
def progress_bar(
    shown: bool, total: int, done: int = 0, *, name: str = "training", unit: str = "steps", watched: str = "loss"
) -> Iterator[Callable[[int, float], None]]:
    """Yield ``show(steps done, loss)``; silent when ``shown`` is false. It writes to standard error."""
    if not shown:
        yield lambda done, loss: None
        return
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn(f"{unit} · {watched} {{task.fields[loss]:.4g}} ·"))
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task(name, total=total, completed=done, loss=float("nan"))
        yield lambda done, loss: bar.update(task, completed=done, loss=loss)
