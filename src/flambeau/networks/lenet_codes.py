"""The ten stylised digits of LeNet-5's output layer: 7 x 12 bitmaps, ink +1 and paper -1, one per class.

The paper drew its codes so that characters that look alike have codes that are alike (an O and a 0), and took bitmaps
rather than random codes because a person can read them. These are drawn after the paper's figure; the paper prints no
table of its pixels.
"""

import numpy as np

from flambeau.errors import ConfigurationError

__all__ = ["CODES", "codes"]

WIDTH, HEIGHT = 7, 12

DRAWN = """
..###.. ...#... ..###.. #######  ....##. #######  ..####. #######  .#####. ..####.
.#...#. ..##... .#...#. .....##  ....##. #......  .#..... #.....#  ##...## .#....#
.#...#. .###... #.....# ....##.  ...#.#. #......  #...... ......#  #.....# #.....#
#.....# ...#... ......# ...##..  ...#.#. #......  #...... .....#.  #.....# #.....#
#.....# ...#... .....## ..####.  ..#..#. #.####.  #.####. .....#.  ##...## #.....#
#.....# ...#... ....##. .....##  ..#..#. ##....#  ##....# ....#..  .#####. #....##
#.....# ...#... ...##.. ......#  .#...#. ......#  #.....# ....#..  ##...## .####.#
#.....# ...#... ..##... ......#  .#...#. ......#  #.....# ...#...  #.....# ......#
#.....# ...#... .##.... ......#  ####### ......#  #.....# ...#...  #.....# ......#
.#...#. ...#... ##..... #.....#  .....#. #.....#  #.....# ..#....  #.....# ......#
.#...#. ...#... #...... .#...#.  .....#. .#...#.  .#...#. ..#....  ##...## .....#.
..###.. .#####. ####### ..###..  .....#. ..###..  ..###.. ..#....  .#####. .####..
"""

CODES: np.ndarray = np.asarray(
    [
        [1 if mark == "#" else -1 for line in DRAWN.split("\n")[1:-1] for mark in line.split()[digit]]
        for digit in range(10)
    ],
    np.int8,
)


def codes(classes: int) -> np.ndarray:
    """The bitmaps of the first ``classes`` digits as prototypes, ``(84, classes)`` of ±1.

    >>> codes(10).shape, sorted(set(codes(10).ravel().tolist()))
    ((84, 10), [-1, 1])

    Raises :class:`~flambeau.errors.ConfigurationError` for more classes than there are bitmaps.
    """
    if not 2 <= classes <= len(CODES):
        remedy = "use variant='modern', whose outputs are learned"
        raise ConfigurationError("LeNet-5", f"2 to {len(CODES)} classes, one bitmap each", classes, remedy)
    return CODES[:classes].T
