"""Chapter 3: two slips of the lecture's derivation, both ways; and that a step goes downhill."""

import jax
import jax.numpy as jnp
import numpy as np

import flambeau as fb
from flambeau.journey.chapter import Telling, section
from flambeau.journey.comparisons import Below, Equal

COUNT, STEP = 1000, 0.01


def _one_unit(seed: int) -> tuple[np.ndarray, ...]:
    """At random weights, inputs and answers: the three derivatives, and ∂e/∂w by automatic differentiation."""
    rng = np.random.default_rng(seed)
    x, w, d = rng.normal(size=COUNT), rng.normal(size=COUNT), rng.random(COUNT)
    y = 1 / (1 + np.exp(-w * x))
    slope = jax.vmap(jax.grad(lambda w, x, d: (d - jax.nn.sigmoid(w * x)) ** 2 / 2))(*map(jnp.asarray, (w, x, d)))
    return y - d, y * (1 - y), x, np.asarray(slope)


@section("Sum or product, net input or activation")
def slips(page: Telling) -> None:
    """因此，我们将三个导数加起来; σ_i 是激活函数: as printed, and as meant."""
    with jax.enable_x64(True):
        error, bend, x, slope = _one_unit(page.setting.seed)
    put = page.either("multiplied", np.add.reduce, np.multiply.reduce)
    # Were σ what the activation gives, the middle derivative ∂y/∂σ would be 1.
    middle = page.either("σ is the net input", np.ones_like(bend), bend)
    page.say(
        "Two words of the derivation are slips, and worth a look, since they are the ones that people stumble over. "
        "其中，σ_i 是激活函数。因此，我们将三个导数加起来 (where σᵢ is the activation function; so we add the three "
        "derivatives up). But $σ_i = Σ_j ω_{ji} x_{ji}$ is the *net input*, which the activation is applied to; and "
        "derivatives of functions within functions are *multiplied*. What is added are the paths, as above."
    )
    page.claim(
        "We add the three derivatives up",
        Below(float(np.abs(put([error, bend, x]) - slope).max()), 1e-9, f"{COUNT:,} units: {{found:tiny}} from ∂e/∂ω"),
        "multiplied",
        correction="The chain rule multiplies them; the product is ∂e/∂ω to 10⁻¹⁶. Added are the paths that meet.",
    )
    page.claim(
        "σ_i is the activation function, and ∂y_i/∂σ_i = y_i (1 − y_i)",
        Below(float(np.abs(middle - bend).max()), 1e-9, "the two ∂y/∂σ {found:tiny} apart"),
        "σ is the net input",
        correction="σ_i is the net input Σ ω x; y_i = f(σ_i) has that slope. Of itself an output's slope is 1.",
    )


@section("One step downhill")
def downhill(page: Telling) -> None:
    """ω ← ω - η ∂e/∂ω: the error after a small step, from many random networks."""
    X, d = fb.problems.xor()
    x, wanted = jnp.asarray(X, jnp.float32), jnp.asarray(d[:, None], jnp.float32)
    way = page.either("uphill", -1.0, 1.0)

    @jax.jit
    @jax.vmap
    def lower(key: jax.Array) -> jax.Array:
        first, second = jax.random.split(key)
        weights = jax.random.normal(first, (3, 3)), jax.random.normal(second, (4, 1))

        def error(weights: tuple[jax.Array, jax.Array]) -> jax.Array:
            hidden = jax.nn.sigmoid(x @ weights[0][:2] + weights[0][2])
            return ((jax.nn.sigmoid(hidden @ weights[1][:3] + weights[1][3]) - wanted) ** 2).sum() / 2

        moved = jax.tree.map(lambda w, g: w + way * STEP * g, weights, jax.grad(error)(weights))
        return error(moved) < error(weights)

    fell = int(np.sum(lower(jax.random.split(jax.random.key(page.setting.seed), COUNT))))
    page.say(
        "The gradient says which way the error grows fastest, so the weights go the other way, by a small rate $η$. "
        "From {count} random 2-3-1 networks one step of the exclusive or's gradient, with η = {step}:",
        count=COUNT,
        step=STEP,
    )
    page.claim(
        "ω ← ω − η ∂e/∂ω makes the error smaller",
        Equal(fell, COUNT, "{found:,} of " + f"{COUNT:,} random networks, η = {STEP}"),
        "uphill",
    )
