"""Chapter 5: a filter, what it finds, and that it finds it everywhere."""

import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes

import flambeau as fb
from flambeau.journey.chapter import Telling, section
from flambeau.journey.comparisons import Below, Equal
from flambeau.journey.convolution.training import large_digit, projected
from flambeau.pictures import panels
from flambeau.pictures.figures import DIVERGING

KERNELS = {
    "edges on the left": [[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]],
    "edges above": [[-1, -1, -1], [0, 0, 0], [1, 1, 1]],
    "outlines": [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]],
}


def by_loops(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Filtering as one would program it: at every place, multiply the window by the kernel and add up."""
    height, width = kernel.shape
    rows, columns = image.shape[0] - height + 1, image.shape[1] - width + 1
    found = np.zeros((rows, columns))
    for i in range(rows):
        for j in range(columns):
            for u in range(height):
                for v in range(width):
                    found[i, j] += image[i + u, j + v] * kernel[u, v]
    return found


def filtered(structure: fb.structures.Convolution, image: np.ndarray) -> np.ndarray:
    """The maps of one image, ``(rows, columns, maps)``."""
    return np.asarray(projected(structure, image[None, ..., None].astype(np.float32)))[0]


def reached(filters: int, image: np.ndarray) -> int:
    """How many units change when one pixel does, after so many filters one after the other."""
    changed, kernel = image.copy(), jnp.asarray(KERNELS["outlines"], jnp.float32)[:, :, None, None]
    changed[14, 14] += 1
    for _ in range(filters):
        layer = fb.structures.Convolution.over(len(image), kernel)
        image, changed = (filtered(layer, each)[..., 0] for each in (image, changed))
    return int((image != changed).sum())


@section("A filter")
def a_filter(page: Telling) -> None:
    """Three kernels set by hand on one digit, against plain loops; and how far one pixel reaches."""
    digit, kernels = large_digit(), np.asarray(list(KERNELS.values()), float)
    turned = page.either("the kernel is turned round", 1, -1)
    edges = fb.structures.Convolution.over(28, jnp.asarray(np.moveaxis(kernels, 0, -1)[:, :, None], jnp.float32))
    found = filtered(edges, digit)
    loops = np.stack([by_loops(digit, kernel[::turned, ::turned]) for kernel in kernels], axis=-1)
    off = np.abs(found - loops)
    count = reached(page.either("a second filter on top", 1, 2), digit)

    def draw(axes: list[Axes]) -> None:
        for panel in axes:
            panels.bare(panel)
        for panel, kernel in zip(axes[1:4], kernels, strict=True):
            panel.imshow(kernel, cmap=DIVERGING, vmin=-2, vmax=2)
            for (row, column), weight in np.ndenumerate(kernel):
                panel.text(column, row, f"{weight:g}".replace("-", "−"), ha="center", va="center", fontsize=7.5)
        panels.images(axes[5:6], [digit], ["the digit"])
        panels.images(axes[6:9], list(np.moveaxis(found, -1, 0)), list(KERNELS), signed=True)
        axes[9].imshow(off.max(axis=-1), cmap="gray_r", vmin=0, vmax=1)
        axes[9].set_title("difference", fontsize=8.5)
        panels.edged(axes[5:])

    page.say(
        "A convolution lays a small window over the image, multiplies the pixels in it by a *kernel* of weights, adds "
        "up, and moves the window on. Image processing has called this filtering since long before networks learned. "
        "(Mathematicians turn the kernel round first and call what is done here a *correlation*; since the weights are "
        "learned, it makes no difference, and everyone says convolution.)"
    )
    page.equation(
        "y_{ij} = Σ_{uv} x_{i+u, j+v} w_{uv}",
        "every unit is a weighted sum, as before, but of its own few pixels, and the weights $w$ are the same for all "
        "units",
    )
    page.figure(
        "Three filters set by hand",
        "Above the kernels, below their answers: orange positive, blue negative. Last, the largest difference to four "
        "nested loops ({off:tiny}): nothing to see.",
        draw,
        "Kernels, a digit, its edges to the left and right, above and below, its outlines, an empty picture.",
        grid=(2, 5),
        height=2.4,
        options={"height_ratios": [1, 2.2]},
        off=float(off.max()),
    )
    page.say("What a unit finds is *local*: change one pixel, and only those units change whose window holds it.")
    page.claim(
        "A convolution is a filtering operation",
        Below(float(off.max()), 1e-5, "{found:tiny} from four plain loops"),
        "the kernel is turned round",
    )
    page.claim(
        "What a convolution extracts is local",
        Equal(count, 9, "one pixel reaches {found} of 676 units"),
        "a second filter on top",
    )


@section("Move the image, and the map moves along")
def moving(page: Telling) -> None:
    """A moved image gives the moved map."""
    digit, step = np.pad(large_digit(), 6), (3, 5)
    kernel = jnp.asarray(KERNELS["outlines"], jnp.float32)[:, :, None, None]
    outlines = fb.structures.Convolution.over(40, kernel)
    moved = np.roll(digit, step, axis=(0, 1))
    own = page.either("every place has a weight of its own", np.ones((38, 38)), np.linspace(0, 2, 38)[None])
    before, after = (own * filtered(outlines, image)[..., 0] for image in (digit, moved))
    off = np.abs(after - np.roll(before, step, axis=(0, 1)))

    def draw(axes: list[Axes]) -> None:
        panels.images([axes[0], axes[2]], [digit, moved], ["a digit", "moved"])
        panels.images([axes[1], axes[3]], [before, after], ["its map", "its map"], signed=True)
        axes[4].imshow(off, cmap="gray_r", vmin=0, vmax=1)
        axes[4].set_title("difference", fontsize=8.5)
        panels.edged(axes)

    page.say(
        "Because the same kernel looks everywhere, it finds the same feature wherever it lies. A digit that is written "
        "a little lower and further right gives the same map, a little lower and further right. A layer in which every "
        "unit has weights of its own must learn the digit again at every place."
    )
    page.figure(
        "A map follows its image",
        "Moved by {down} pixels down and {right} to the right. Last, the first map moved in the same way, less the "
        "second: nothing is left.",
        draw,
        "A digit and its outlines, both moved in the same way, and no difference.",
        grid=(1, 5),
        height=1.65,
        down=step[0],
        right=step[1],
    )
    page.beyond(
        "Moving the image moves the map",
        Below(float(off.max()), 1e-5, "the moved map {found:tiny} from the map of the moved image"),
        "every place has a weight of its own",
    )
