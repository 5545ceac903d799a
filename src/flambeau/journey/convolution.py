"""Chapter 5, convolution: a filter that looks everywhere, with weights that every place shares."""

import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes

import flambeau as fb
from flambeau.journey.chapter import Claim, Equation, Figure, Plan, Quote, Section, Setting, Told, tiny
from flambeau.journey.convolution_at_work import later_relu, recognition
from flambeau.journey.convolution_fields import channels, moving, pooling
from flambeau.journey.convolution_learned import what_it_learned
from flambeau.journey.convolution_training import large_digit, projected
from flambeau.pictures import panels
from flambeau.pictures.figures import DIVERGING, picture

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


def a_filter(setting: Setting) -> Told:
    """Three kernels set by hand on one digit, against plain loops; and how far one pixel reaches."""
    digit, kernels = large_digit(), np.asarray(list(KERNELS.values()), float)
    edges = fb.structures.Convolution.over(28, jnp.asarray(np.moveaxis(kernels, 0, -1)[:, :, None], jnp.float32))
    found = np.asarray(projected(edges, digit[None, ..., None]))[0]
    loops = np.stack([by_loops(digit, kernel) for kernel in kernels], axis=-1)
    off = np.abs(found - loops)
    changed = digit.copy()
    changed[14, 14] += 1
    reached = np.asarray(projected(edges, changed[None, ..., None]))[0] != found
    counts = reached.sum(axis=(0, 1))

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

    return Section("A filter", (
        "A convolution lays a small window over the image, multiplies the pixels in it by a *kernel* of weights, adds "
        "up, and moves the window on. Image processing has called this filtering since long before networks learned.",
        Equation("y_{ij} = Σ_{uv} x_{i+u, j+v} w_{uv}", "every unit is a weighted sum, as before, but of its own few "
                 "pixels, and the weights $w$ are the same for all units"),
        Figure("Three filters set by hand", "Above the kernels, below their answers: orange positive, blue negative. "
               f"Last, the largest difference to four nested loops ({tiny(float(off.max()))}): nothing to see.",
               picture(draw, 2, 5, 2.4, height_ratios=[1, 2.2]),
               "Kernels, a digit, its edges to the left and right, above and below, its outlines, an empty picture."),
        "What a unit finds is *local*. Change one pixel, and only the units whose window holds it can answer "
        f"differently: {counts[2]} of {found[..., 2].size} in the map of outlines.",
    )), (Claim("A convolution is a filtering operation", "equal to four plain loops, to 10⁻⁵",
               f"largest difference {tiny(float(off.max()))}", bool(off.max() < 1e-5)),
         Claim("What a convolution extracts is local", "a pixel reaches the 9 units around it and no other",
               f"{counts[2]} of {found[..., 2].size} units change", bool(counts[2] == 9)))  # fmt: skip


PLAN = Plan(
    "convolution",
    "Convolution",
    Quote("卷积提取到的是局部特征，这相当于一个滤波的运算。每一次池化其实都是在增大感受野，使得我们可以将卷积提取到的特征进行组合；"
          "除此之外，可以降低数据的规模，降低模型复杂度。",
          "What a convolution extracts are local features; it is a filtering operation. Each pooling enlarges the "
          "receptive field, so that extracted features can be combined; besides, it shrinks the data and the model."),
    (a_filter, channels, moving, pooling, recognition, later_relu, what_it_learned),
)  # fmt: skip
