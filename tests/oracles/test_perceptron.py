"""The perceptron family against plain loops over rows."""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

import flambeau as fb
from flambeau.neurons import Step


def noisy(seed=0, n=60, classes=2):
    generator = np.random.default_rng(seed)
    centres = generator.normal(size=(classes, 3)) * 1.5
    y = generator.integers(0, classes, n)
    return (centres[y] + generator.normal(size=(n, 3))).round(2), y


def fit(X, y, **settings):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return fb.Perceptron(shuffle=False, **settings).fit(X, y)


def plain(X, y, epochs, fires):
    """Rosenblatt row by row: final weights, the weights after every example, mistakes per epoch."""
    w, trail, mistakes = np.zeros(X.shape[1] + 1), [], []
    for _ in range(epochs):
        wrong = 0
        for x, d in zip(np.hstack([X, np.ones((len(X), 1))]), y, strict=True):
            error = d - fires(w @ x)
            w = w + error * x
            wrong += error != 0
            trail.append(w)
        mistakes.append(wrong)
        if wrong == 0:
            break
    return w, np.asarray(trail), mistakes


def weights_of(model, unit=0):
    """Those of one unit, its bias last."""
    weights, bias = numbers(model.network_)
    return np.append(weights[:, unit], bias[unit])


def numbers(network):
    """The only layer's weights and biases in NumPy's arrays: taking parts of JAX's would compile a program each."""
    return np.asarray(network.layers[0].structure.weights), np.asarray(network.layers[0].bias)


def test_rosenblatt_step(x64):
    X, y = noisy()
    model = fit(X, y, max_epochs=7)
    w, _, mistakes = plain(X, y, 7, lambda s: float(s > 0))
    np.testing.assert_allclose(weights_of(model), w, atol=1e-9)
    np.testing.assert_array_equal(model.mistakes_, mistakes)


def test_rosenblatt_sign_moves_twice_as_far(x64):
    X, y = noisy()
    model = fit(X, y, max_epochs=7, unit="sign")
    w, _, mistakes = plain(X, 2 * y - 1, 7, np.sign)
    np.testing.assert_allclose(weights_of(model), w, atol=1e-9)
    np.testing.assert_array_equal(model.mistakes_, mistakes)


@pytest.mark.parametrize(
    ("gate", "at_zero", "epochs", "mistakes", "weights"),
    [
        ("and", "low", 6, 10, (2, 1, -2)),
        ("or", "low", 4, 4, (1, 1, 0)),
        ("and", "high", 6, 11, (2, 1, -3)),
        ("or", "high", 4, 5, (1, 1, -1)),
    ],
)
def test_the_published_traces(gate, at_zero, epochs, mistakes, weights):
    model = fb.Perceptron(unit=Step(at_zero=at_zero), shuffle=False).fit(*fb.problems.logic_gate(gate))
    assert (model.n_iter_, model.mistakes_.sum()) == (epochs, mistakes)
    assert model.converged_
    np.testing.assert_array_equal(weights_of(model), weights)


def test_averaged_is_the_mean_after_every_example_and_of_the_stored_votes(x64):
    X, y = noisy(1)
    averaged, voted = (fit(X, y, variant=v, max_epochs=5) for v in ("averaged", "voted"))
    _, trail, _ = plain(X, y, 5, lambda s: float(s > 0))
    np.testing.assert_allclose(weights_of(averaged), trail.mean(axis=0), atol=1e-12)
    state = voted.run_.progress.keeping
    count = int(state.mistakes)
    weights, biases = numbers(state.networks)
    stored, last = np.hstack([weights[:count, :, 0], biases[:count]]), weights_of(voted)
    votes = np.asarray(state.survived)[: count + 1]
    assert votes.sum() == len(trail)  # every example counts for the network that stands after it
    np.testing.assert_allclose(weights_of(averaged), votes @ np.vstack([stored, last]) / votes.sum(), atol=1e-12)


def test_voted_predicts_by_the_votes(x64):
    X, y = noisy(2)
    model = fit(X, y, variant="voted", max_epochs=4)
    _, trail, _ = plain(X, y, 4, lambda s: float(s > 0))
    x = np.hstack([X, np.ones((len(X), 1))])
    ballots = ((x @ trail.T) > 0).sum(axis=1)
    np.testing.assert_array_equal(model.predict(X), (ballots > len(trail) / 2).astype(int))


def test_pocket_is_never_worse_on_the_training_set_than_any_network_it_challenged():
    X, y = noisy(3, n=80)
    model = fit(X, y, variant="pocket", max_epochs=20)
    last = fit(X, y, variant="rosenblatt", max_epochs=20)
    assert model.score(X, y) >= last.score(X, y)
    scores = [fit(X, y, variant="pocket", max_epochs=epochs).score(X, y) for epochs in (1, 3, 10, 20)]
    assert scores == sorted(scores)
    assert (model.mistakes_ == last.mistakes_).all()  # the pocket watches, the rule goes on as before


def test_pocket_against_a_plain_loop():
    X, y = noisy(4, n=50)
    model = fit(X, y, variant="pocket", max_epochs=6)
    _, trail, _ = plain(X, y, 6, lambda s: float(s > 0))
    x = np.hstack([X, np.ones((50, 1))])
    errors = lambda w: int((((x @ w) > 0) != y).sum())  # noqa: E731
    pocket, best, run, longest = np.zeros(4), errors(np.zeros(4)), 0, 0
    for i, w in enumerate(np.vstack([np.zeros(4), trail[:-1]])):
        run = run + 1 if (w @ x[i % 50] > 0) == y[i % 50] else 0
        if run > longest and errors(w) < best:  # Gallant: the record is the pocket's, not the challenger's
            pocket, best, longest = w, errors(w), run
    if errors(trail[-1]) < best:
        pocket = trail[-1]
    np.testing.assert_allclose(weights_of(model), pocket, atol=1e-5)


def test_pocket_counts_anew_on_new_rows():
    model = fb.Perceptron("pocket", random_state=0).fit(*fb.problems.logic_gate("and"))
    X, y, _ = fb.problems.separable(300, 2, 0.3, random_state=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for _ in range(20):
            model.partial_fit(X, (y > 0).astype(int))
    assert model.score(X, y > 0) > 0.97


def test_the_average_keeps_its_digits_in_single_precision():
    """A million examples with a network that stands still: the mean must not drift from it."""
    import jax
    import jax.numpy as jnp

    from flambeau.training import Average, Moment

    keeper, network = Average(), fb.networks.perceptron(2, 1)

    def many(state, weight, steps):
        moved = jax.tree.map(lambda w: w + weight, network)
        moment = Moment(jnp.asarray(0), None, moved, None, None, {"weight": jnp.asarray(1.0)})
        body = lambda state, _: (keeper.observe(state, moment), None)  # noqa: E731
        return jax.lax.scan(body, state, length=steps)[0]

    ask, state = jax.jit(many, static_argnums=2), keeper.init(network)
    for weight in (0.1, 0.3):
        state = ask(state, weight, 1_000_000)
    np.testing.assert_allclose(state.mean.layers[0].structure.weights, 0.2, rtol=1e-5)


def test_the_bound_is_for_equal_weights_and_for_rows_that_weigh_something():
    X, y, _ = fb.problems.separable(20, 2, 0.3, random_state=23)
    weighted = fb.Perceptron(random_state=0).fit(X, y, sample_weight=np.geomspace(1e-3, 1, 20))
    assert weighted.converged_
    assert weighted.mistake_bound_ == np.inf
    X, y = fb.problems.logic_gate("and")
    contradicted = fb.Perceptron(shuffle=False).fit([*X, [1, 1]], [*y, 0], sample_weight=[1, 1, 1, 1, 0])
    assert round(contradicted.mistake_bound_) == 51


def test_kesler_moves_the_right_class_up_and_the_winner_down(x64):
    X, y = noisy(5, classes=4)
    model = fit(X, y, max_epochs=5)
    w = np.zeros((4, 4))
    for _ in range(5):
        for x, d in zip(np.hstack([X, np.ones((len(X), 1))]), y, strict=True):
            winner = int(np.argmax(x @ w))
            if winner != d:
                w[:, d] += x
                w[:, winner] -= x
    np.testing.assert_allclose(np.vstack(numbers(model.network_)), w, atol=1e-9)


def test_one_vs_rest_is_one_perceptron_per_class(x64):
    X, y = noisy(6, classes=3)
    together = fit(X, y, multi_class="one_vs_rest", max_epochs=4)
    for k in range(3):
        w, _, _ = plain(X, (y == k).astype(float), 4, lambda s: float(s > 0))
        np.testing.assert_allclose(weights_of(together, k), w, atol=1e-9)


def test_too_many_votes_are_an_error_not_a_silent_loss():
    X, y = noisy(7)
    with pytest.raises(fb.errors.ConfigurationError, match="raise max_votes"):
        fit(X, y, variant="voted", max_votes=3, max_epochs=20)


BAD = [
    {"variant": "cleverest"},
    {"unit": "relu"},
    {"multi_class": "all"},
    {"max_epochs": 0},
    {"learning_rate": -1.0},
    {"max_votes": 0},
    {"random_state": "today"},
]


@pytest.mark.parametrize("setting", BAD, ids=str)
def test_bad_settings_are_typed_errors(setting):
    with pytest.raises(fb.errors.ConfigurationError, match=next(iter(setting))):
        fb.Perceptron(**setting).fit(*fb.problems.logic_gate("and"))


@pytest.mark.parametrize(("at_zero", "label"), [("low", "no"), ("high", "yes")])
def test_a_score_of_exactly_0_is_what_the_unit_says(at_zero, label):
    X = np.asarray([[2.0], [-2.0]])
    model = fb.Perceptron(unit=Step(at_zero=at_zero), shuffle=False).fit(X, ["yes", "no"])
    weight, bias = weights_of(model)
    zero = np.asarray([[-float(bias) / float(weight)]])
    assert model.decision_function(zero).tolist() == [0.0]
    assert model.predict(zero).tolist() == [label]
