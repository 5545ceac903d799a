"""The loop: what it must not depend on, how it is cut and resumed, and what it says when a run goes wrong."""

import sys

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import flambeau as fb
from flambeau.foundation.random import permutations
from flambeau.problems import Examples
from flambeau.rules import Backpropagation, CrossEntropy, Evaluation, PerceptronRule
from flambeau.training import Average, Best, NoMistakes, Patience, feeding, rounds
from programs import program


def moons(n=50, **settings):
    return Examples.of(*fb.problems.two_moons(n, noise=0.1, random_state=0), **settings)


def network(*sizes, **options):
    return fb.networks.mlp((2, *(sizes or (5,)), 1), "tanh", "sigmoid", key=jax.random.key(0), **options)


def trained(**changes):
    settings = {"steps": 28, "batch_size": 16, "key": 3, "optimizer": fb.optimiser("adam", 0.01)}
    return fb.train(network(), Backpropagation(), moons(), **{**settings, **changes})


def same(one, other):
    jax.tree.map(np.testing.assert_array_equal, one, other)


def one_step(rule, network, problem, numbers):
    """Rows, proposal, update."""
    batch = problem.batch(numbers, (), jax.random.key(0))
    proposal, _, _ = rule.propose(network, batch, (), jax.random.key(0))
    return jax.tree.map(lambda w, g: w - 0.1 * g, network, proposal)


@pytest.mark.parametrize("rows", [40, 50])
def test_ten_lines_by_hand_are_the_same_run(x64, rows):
    """The loop has no secrets: rows, proposal, update, in order; three steps a round or four, in one program."""
    problem, rule, net = moons(rows, whole=16), Backpropagation(), network()
    orders = problem.feed(np.asarray([0, 3], np.uint32), 0, 7, 16).reshape(-1, 16)
    for numbers in orders:
        net = program(one_step)(rule, net, problem, numbers)
    run = fb.train(network(), rule, problem, epochs=7, batch_size=16, key=3, optimizer=fb.optimizer("sgd", 0.1))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), run.network, net)


def test_the_result_does_not_depend_on_how_the_epochs_are_cut(monkeypatch):
    whole = trained()
    monkeypatch.setattr(feeding, "ROWS_PER_CHUNK", 1)
    one_by_one = trained()
    same(whole.network, one_by_one.network)
    same(whole.history, one_by_one.history)
    assert whole.rounds == one_by_one.rounds == 7


def test_resuming_from_a_run_or_a_checkpoint_goes_on_bit_for_bit(tmp_path):
    whole = trained(monitors=(fb.monitors.UpdateNorms(),))
    file = str(tmp_path / "half.checkpoint")
    half = trained(steps=12, checkpoint=file, monitors=(fb.monitors.UpdateNorms(),))
    for earlier in (half, file):
        resumed = trained(resume=earlier, monitors=(fb.monitors.UpdateNorms(),))
        same(resumed.progress, whole.progress)
        same(resumed.history, whole.history)
        same(resumed.records, whole.records)
    assert [path.name for path in tmp_path.iterdir()] == ["half.checkpoint"]


def test_a_run_killed_after_a_chunk_resumes_to_the_same_bits(tmp_path, monkeypatch):
    whole = trained()
    monkeypatch.setattr(feeding, "ROWS_PER_CHUNK", 1)
    file, calls = str(tmp_path / "run.checkpoint"), []
    module = sys.modules["flambeau.training.train"]  # the package's name for it is the function
    save = module.save_checkpoint

    def killed(*arguments):
        save(*arguments)
        calls.append(arguments)
        if len(calls) == 3:
            raise SystemExit

    monkeypatch.setattr(module, "save_checkpoint", killed)
    with pytest.raises(SystemExit):
        trained(checkpoint=file)
    same(trained(resume=file).network, whole.network)


def test_one_program_serves_all_chunks_rates_and_seeds(monkeypatch):
    """Compiling again for a tail, a rate or a seed would cost more than the training."""
    monkeypatch.setattr(feeding, "ROWS_PER_CHUNK", 120)
    counted = []
    original = rounds.round_of_steps
    monkeypatch.setattr(rounds, "round_of_steps", lambda *a: counted.append(1) or original(*a))
    net = network(9)  # a shape of its own, so that nothing is cached yet

    def run(**changes):
        settings = {"steps": 28, "batch_size": 16, "optimizer": fb.optimiser("adam", 0.01, l2=0.1)}
        fb.train(net, Backpropagation(), moons(), **{**settings, **changes})

    run()
    first = len(counted)
    assert first > 0
    run(key=5)
    run(optimizer=fb.optimiser("adam", 0.02, l2=0.3))
    run(optimizer=fb.optimiser("adam", optax.exponential_decay(0.1, 10, 0.5), l2=0.3))
    run(steps=20)
    assert len(counted) == first


def test_orders_are_permutations_fixed_by_seed_and_round():
    seed = np.asarray([0, 7], np.uint32)
    orders = permutations(seed, 0, 200, 12)
    assert (np.sort(orders, axis=1) == np.arange(12)).all()
    np.testing.assert_array_equal(permutations(seed, 150, 1, 12)[0], orders[150])
    assert not np.array_equal(orders[0], orders[1])
    assert not np.array_equal(permutations(seed + np.uint32(1), 0, 200, 12), orders)
    firsts = np.bincount(permutations(seed, 0, 12_000, 12)[:, 0], minlength=12)
    assert ((firsts - 1000) ** 2 / 1000).sum() < 31.3  # chi-square, 11 degrees of freedom, p = 0.001


def test_orders_are_those_of_the_whole_numbers_also_where_high_bits_are_equal():
    """Sorting with the place in the low bits is exact: where two numbers differ in these alone, they decide."""
    from flambeau.foundation.random import _order

    generator = np.random.default_rng(0)
    for n in (1, 2, 3, 1000):
        wide = generator.integers(0, 2**63, (3, n), dtype=np.uint64)
        close = np.stack([generator.permutation(4 * n)[:n] for _ in range(3)]).astype(np.uint64)
        for hashes in (wide, close):
            np.testing.assert_array_equal(_order(hashes), np.argsort(hashes, axis=1))


@pytest.mark.parametrize(
    ("targets", "match"),
    [(np.arange(12) % 3, r"Evaluation, targets.*\('batch', 3\), got \(12,\)"),
     ((np.arange(12) % 3)[:, None], r"targets.*got \(12, 1\)")],
    ids=["flat", "one column"],
)  # fmt: skip
def test_validation_checks_what_training_checks(targets, match):
    """Whole-number labels were read as one-hot rows, and an accuracy of 0.2 reported for 1.0."""
    x = np.eye(3, dtype=np.float32)[np.arange(12) % 3]
    net = fb.networks.mlp((3, 3), output="softmax", key=jax.random.key(0))
    held = fb.rules.Batch(x, targets, np.ones(12))
    score = Evaluation(CrossEntropy(), classify=True)
    for watched in ({"monitors": (fb.monitors.ValidationCurve(score, held),)}, {"stopping": Patience(score, held)}):
        with pytest.raises(fb.errors.DataError, match=match):
            fb.train(net, Backpropagation(CrossEntropy()), Examples.of(x, x), epochs=1, batch_size=4, **watched)
    narrow = fb.rules.Batch(x[:, :2], x, np.ones(12))
    with pytest.raises(fb.errors.DataError, match="Evaluation, inputs"):
        score(net, narrow)


def test_padding_completes_the_last_batch_and_order_is_kept_on_request():
    problem = Examples.of(np.arange(10.0)[:, None], np.zeros(10), shuffle=False)
    rows = problem.feed(np.asarray([0, 0], np.uint32), 0, 2, 4)
    assert rows.shape == (2, 3, 4)
    np.testing.assert_array_equal(rows[1].ravel(), [*range(10), -1, -1])
    np.testing.assert_array_equal(program(problem.batch)(rows[0, 2], (), jax.random.key(0)).weights, [1, 1, 0, 0])


def test_the_history_is_the_weighted_mean_of_the_epoch():
    X, y = fb.problems.two_moons(10, noise=0.1, random_state=0)
    problem = Examples.of(X, y, np.arange(10.0))
    rule = Backpropagation()
    still = fb.train(network(), rule, problem, steps=3, batch_size=4, optimizer=optax.set_to_zero())
    whole = program(rule.propose)(network(), problem.everything(), (), jax.random.key(0))[2]["loss"]
    np.testing.assert_allclose(still.history["loss"], [whole], rtol=1e-6)


def test_a_run_that_does_not_end_with_a_round_makes_exactly_its_steps():
    run = trained(steps=10)
    assert (run.steps, run.rounds, int(run.progress.step)) == (10, 3, 10)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5),
        trained(steps=12, resume=trained(steps=8)).network,
        trained(steps=12).network,
    )


@pytest.mark.parametrize("rate", [1e25, 1e38])
def test_a_diverging_run_is_a_clear_error(rate):
    problem = Examples.of([[1.0, 2.0], [3.0, 1.0]], [5.0, -3.0])
    net = fb.networks.mlp((2, 3, 1), "identity", "identity", key=jax.random.key(0))
    with pytest.raises(fb.errors.DivergenceError, match=r"epoch [12], step \d.*layers\[\d\].*lower the learning rate"):
        fb.train(net, Backpropagation(), problem, steps=50, batch_size=1, optimizer=fb.optimiser("sgd", rate))


def test_early_stopping_is_patience_and_the_best_network_kept():
    other = moons(30)
    contradicting = jnp.asarray(1 - np.asarray(other.targets))  # its loss only rises
    held = other.everything()._replace(targets=contradicting)
    evaluation = Evaluation(CrossEntropy(), classify=True)
    stopping = Patience(evaluation, held, patience=3, tolerance=0.0)
    run = fb.train(network(), Backpropagation(CrossEntropy()), moons(), optimizer=fb.optimiser("adam", 0.05),
                   epochs=100, batch_size=16, stopping=stopping, keep=Best())  # fmt: skip
    losses = run.history["validation_loss"]
    assert run.stopped
    assert run.rounds == len(losses) == np.argmin(losses) + 4
    np.testing.assert_allclose(program(evaluation)(run.network, held)[0], losses.min(), rtol=1e-5)


def test_no_mistakes_stops_at_the_first_clean_epoch():
    X, y = fb.problems.logic_gate("or")
    net = fb.networks.perceptron(2, 1)
    run = fb.train(net, PerceptronRule(), Examples.of(X, y), steps=4000, batch_size=1, stopping=NoMistakes())
    assert run.stopped
    assert run.history["mistakes"][-1] == 0
    assert (run.history["mistakes"][:-1] > 0).all()


def test_a_filter_says_what_is_learned():
    net = network(4, 4)
    learned = jax.tree.map(lambda _: True, net)
    top_only = eqx.tree_at(lambda n: n.layers[:2], learned, jax.tree.map(lambda _: False, net.layers[:2]))
    run = fb.train(net, Backpropagation(), moons(), steps=20, batch_size=16, trainable=top_only)
    same(run.network.layers[:2], net.layers[:2])
    assert np.abs(np.asarray(run.network.layers[2].bias) - np.asarray(net.layers[2].bias)).max() > 0


def test_the_configuration_is_complete_and_ready_for_json():
    import json

    described = json.loads(json.dumps(trained().configuration))
    assert described["seed"] == [0, 3]
    assert described["optimizer"] == "adam"
    assert described["learning_rate"] == 0.01
    assert described["rule"] == {"class": "Backpropagation", "loss": {"class": "MeanSquaredError"}}
    assert described["network"]["layers"][0]["activation"] == {"class": "Tanh"}
    assert (described["steps"], described["batch_size"]) == (28, 16)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"steps": 0}, "train.steps"),
        ({"batch_size": 0}, "train.batch_size"),
        ({"optimizer": "adamant"}, "one of sgd, momentum"),
        ({"optimizer": 3}, "a name or an Optax transformation"),
        ({"key": -1}, "train.key"),
        ({"monitors": (fb.monitors.Mistakes(), fb.monitors.Mistakes())}, "a name of its own"),
    ],
)
def test_bad_settings_are_typed_errors(change, match):
    with pytest.raises(fb.errors.ConfigurationError, match=match):
        trained(**change)


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (([], []), "at least one"),
        (([[1.0]], [1.0, 2.0]), "1 inputs, 2 targets"),
        (([[np.nan]], [1.0]), "inputs.*finite"),
        (([[1.0]], [np.inf]), "targets.*finite"),
    ],
)
def test_bad_examples_are_typed_errors(data, match):
    with pytest.raises(fb.errors.DataError, match=match):
        Examples.of(*data)


def test_an_average_is_for_answering_and_learning_goes_on_from_the_weights_that_were_averaged():
    problem, settings = Examples.of(*fb.problems.logic_gate("or")), {"batch_size": 1, "stopping": NoMistakes()}
    first = fb.train(fb.networks.perceptron(2, 1), PerceptronRule(), problem, steps=400, keep=Average(), **settings)
    assert first.stopped
    assert not np.array_equal(
        first.network.layers[0].structure.weights, first.progress.network.layers[0].structure.weights
    )
    more = fb.train(
        first.network, PerceptronRule(), problem, steps=first.steps + 4, keep=Average(), resume=first, **settings
    )
    same(more.progress.network, first.progress.network)  # a clean epoch changes nothing


def test_what_is_watched_may_change_between_runs():
    """History that was not asked for is NaN; records are those of the rounds that were watched."""
    held = moons(20).everything()
    evaluation = Evaluation(CrossEntropy(), classify=True)
    first = trained(steps=8)
    second = trained(steps=16, resume=first, monitors=(fb.monitors.Mistakes(),))
    third = trained(steps=24, resume=second, stopping=Patience(evaluation, held, 100, 0.0))
    fourth = trained(resume=third)
    same(fourth.network, trained().network)
    assert len(fourth.history["loss"]) == 7
    assert np.isnan(fourth.history["validation_loss"]).tolist() == [True] * 4 + [False] * 2 + [True]
    assert len(fourth.records["mistakes"]["mistakes"]) == 2


def test_resuming_with_another_optimiser_or_network_is_refused():
    first = trained(steps=8)
    with pytest.raises(fb.errors.ConfigurationError, match="resume: expected the optimiser"):
        trained(resume=first, optimizer="sgd")
    with pytest.raises(fb.errors.ConfigurationError, match="resume: expected the network"):
        fb.train(network(6), Backpropagation(), moons(), steps=40, optimizer=fb.optimiser("adam", 0.01), resume=first)


def test_an_update_that_explodes_at_the_very_last_step_is_an_error_too():
    problem = Examples.of([[1.0, 2.0], [3.0, 1.0]], [5.0, -3.0])
    net = fb.networks.mlp((2, 3, 1), "identity", "identity", key=jax.random.key(0))
    with pytest.raises(fb.errors.DivergenceError, match="epoch 1, step 1"):
        fb.train(net, Backpropagation(), problem, steps=1, batch_size=1, optimizer=fb.optimiser("sgd", 3e38))


def test_shapes_that_do_not_fit_are_refused_not_broadcast():
    X, y = fb.problems.two_moons(20, noise=0.1, random_state=0)
    net = fb.networks.mlp((2, 3), output="softmax", key=jax.random.key(0))
    with pytest.raises(fb.errors.DataError, match=r"targets: expected targets of shape \('batch', 3\), got \(16, 1\)"):
        fb.train(net, Backpropagation(CrossEntropy()), Examples.of(X, y), steps=4, batch_size=16)
    with pytest.raises(fb.errors.DataError, match=r"inputs: expected examples of shape \(2,\), got \(3,\)"):
        fb.train(net, Backpropagation(), Examples.of(np.ones((4, 3)), np.ones((4, 3))), steps=4, batch_size=4)


def test_a_growing_window_runs_few_programs_and_learns_what_it_would_alone(monkeypatch):
    traced, original = [], rounds.round_of_steps
    monkeypatch.setattr(rounds, "round_of_steps", lambda *a: traced.append(1) or original(*a))
    net, (X, y) = network(11), fb.problems.two_moons(125, noise=0.1, random_state=0)  # a shape that nothing has cached
    runs = {}
    for rows in (17, 33, 40, 60, 70, 100, 125):  # 2 to 8 batches
        problem = Examples.of(X[:rows], y[:rows], whole=16)
        runs[rows] = fb.train(net, Backpropagation(), problem, epochs=3, batch_size=16, key=3)
        assert runs[rows].steps == 3 * -(-rows // 16)
    assert len(traced) == 3  # room for 2, 4 and 8 batches
    for rows in (40, 125):
        alone = fb.train(net, Backpropagation(), Examples.of(X[:rows], y[:rows]), epochs=3, batch_size=16, key=3)
        for one, other in zip(jax.tree.leaves(runs[rows].network), jax.tree.leaves(alone.network), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(runs[rows].history["loss"], alone.history["loss"], rtol=1e-5)


def test_blocks_of_batches_are_the_round_in_its_order(monkeypatch):
    """However many batches are gathered at once: eight at a time, or each by itself."""
    problem, networks = moons(200), []  # 13 batches, room for 16
    for bytes_at_once in (4 << 20, 0):
        rounds.compiled_advance.cache_clear()
        monkeypatch.setattr(rounds, "BYTES_AT_ONCE", bytes_at_once)
        networks.append(fb.train(network(6), Backpropagation(), problem, epochs=2, batch_size=16, key=3).network)
    rounds.compiled_advance.cache_clear()
    for other in networks[1:]:
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7), networks[0], other)


def test_a_schedule_counts_steps_and_not_the_room_beside_them():
    """Five steps a round have room for eight; Optax counts for itself."""

    def falling(step):
        return 0.1 / (1 + step)

    ours, other = (
        fb.train(network(), Backpropagation(), moons(80), epochs=4, batch_size=16, optimizer=optimizer, key=1)
        for optimizer in (fb.optimizer("sgd", falling), optax.sgd(falling))
    )
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7), ours.network, other.network)


def test_nearly_equal_sizes_share_a_program_and_padding_changes_nothing():
    X, y = fb.problems.two_moons(29, noise=0.1, random_state=0)
    plain, padded = Examples.of(X, y), Examples.of(X, y, whole=16)
    assert (plain.inputs.shape[0], padded.inputs.shape[0], int(padded.count)) == (29, 32, 29)
    runs = [fb.train(network(), Backpropagation(), p, steps=20, batch_size=16, key=3) for p in (plain, padded)]
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), runs[0].network, runs[1].network)
    two = program(padded.batch)(np.asarray([0, -1], np.int32), (), jax.random.key(0))
    np.testing.assert_array_equal(two.weights, [1, 0])
    np.testing.assert_array_equal(padded.everything().inputs, plain.inputs)


def test_a_population_is_a_vmap_over_the_arrays():
    from flambeau.training import Last, Program, RunAll, advance, begin, keys_of, start_words

    problem, rule, adam = moons(), Backpropagation(), fb.optimiser("adam", 0.01)
    nets = [fb.networks.mlp((2, 5, 1), "tanh", "sigmoid", key=jax.random.key(i)) for i in range(3)]
    stacked = jax.tree.map(lambda *leaves: jnp.asarray(np.stack(leaves)), *nets)
    arrays, static = eqx.partition(stacked, eqx.is_array)
    how = Program(rule, adam.mechanism, (), RunAll(), Last(), static, eqx.is_inexact_array)
    seed = np.asarray([0, 3], np.uint32)
    rows, numbers = problem.feed(seed, 0, 2, 16), np.arange(8).reshape(2, 4)
    rates, keys = adam.rates(numbers), keys_of(seed, numbers)
    axes = (None, 0, None, None, None, None, None)

    def all_at_once(arrays, problem, rows, rates, keys):
        progress = eqx.filter_vmap(begin, in_axes=axes[:5])(how, arrays, problem, rows[0, 0], start_words(seed))
        return eqx.filter_vmap(advance, in_axes=axes)(how, progress, problem, rows, rates, keys, np.int32(2))

    chunk = program(all_at_once)(arrays, problem, rows, rates, keys)
    for i, net in enumerate(nets):
        alone = fb.train(net, rule, problem, steps=8, batch_size=16, key=3, optimizer=adam)
        for found, expected in zip(jax.tree.leaves(chunk.kept), jax.tree.leaves(alone.network), strict=True):
            np.testing.assert_allclose(found[i], expected, rtol=1e-5, atol=1e-7)


def test_a_schedule_is_asked_for_the_steps_of_the_run_only():
    """A line that reaches 0 at the end is below 0 beyond it, where the last chunk is padded."""
    run = trained(optimizer=fb.optimiser("sgd", lambda step: 0.1 * (1 - step / 28)))
    assert run.steps == 28
    with pytest.raises(fb.errors.ConfigurationError, match="rates of at least 0"):
        trained(optimizer=fb.optimiser("sgd", lambda step: 0.1 * (1 - step / 20)))


def test_a_run_that_is_already_there_comes_back_as_it_was():
    whole = trained()
    again = trained(resume=whole)
    same(again.network, whole.network)
    assert again.steps == whole.steps


def test_the_first_round_is_ordered_once(monkeypatch):
    """Of a million rows that takes as long as a thousand small steps."""
    asked, feed = [], Examples.feed
    monkeypatch.setattr(
        Examples,
        "feed",
        lambda self, seed, first, count, size: asked.append(first) or feed(self, seed, first, count, size),
    )
    monkeypatch.setattr(feeding, "ROWS_PER_CHUNK", 1)  # a round at a time, as of many rows
    fb.train(network(), Backpropagation(), moons(), epochs=3, batch_size=16)
    assert asked == [0, 1, 2]
