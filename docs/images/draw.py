"""Draw the README's picture from the chapter that makes it: ``python docs/images/draw.py``."""

from pathlib import Path

from flambeau.foundation.files import write_atomic
from flambeau.journey import CHAPTERS, Figure, Setting, run_chapter


def main() -> None:
    """Run the chapter on back-propagation and keep its figure of the two spirals."""
    plan = next(plan for plan in CHAPTERS if plan.name == "backpropagation")
    chapter = run_chapter(plan, Setting())
    figures = [part for section in chapter.story for part in section.parts if isinstance(part, Figure)]
    spirals = next(figure for figure in figures if "spirals" in figure.title)
    write_atomic(Path(__file__).with_name("spirals.png"), spirals.png)


if __name__ == "__main__":
    main()
