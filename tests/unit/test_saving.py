"""Models in files: the same bits back, and nothing but what the table knows."""

import dataclasses
import functools
import inspect
import json
import re
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import numpy as np
import optax
import pytest

import flambeau as fb
from flambeau import monitors, saving
from flambeau.errors import ChecksumError, ConfigurationError, FileFormatError, OutputError
from flambeau.foundation.container import pack, unpack
from flambeau.saving import content_of
from flambeau.saving.migrations import FORMATS, NEWEST
from flambeau.saving.table import belongs, classes_in_files, core_modules, is_estimator, may_be_fitted
from table import small_mlp

RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 4))
BITS = RNG.integers(0, 2, (24, 6)).astype(float)
IMAGES = RNG.random((12, 64))
CLASSES = np.arange(24) % 3
PATTERNS = np.where(RNG.random((3, 12)) < 0.5, -1.0, 1.0)
ANSWERS = (
    "predict",
    "predict_proba",
    "decision_function",
    "transform",
    "score_samples",
    "energy",
    "recall",
    "retrieve",
)
QUICK = {"random_state": 0, "epochs": 2, "batch_size": 8}


class Case(NamedTuple):
    """How a model is made and fitted, and the rows that it is asked about."""

    make: Any
    data: tuple
    options: Any = dict
    stream: bool = False


def watching():
    """Every monitor of a network that learns by its error."""
    return {
        "monitors": (
            *(monitors.ErrorCurve(), monitors.WeightNorms(), monitors.UpdateNorms(), monitors.GradientFlow()),
            *(monitors.FeatureMotion.on(X[:6], units=2), monitors.JacobianSpectrum.on(X[:6])),
        ),
        "validation_data": (X[:8], CLASSES[:8]),
    }


def watching_a_machine():
    """Every monitor of a Boltzmann machine."""
    return {
        "monitors": (
            *(
                monitors.FreeEnergyGap(*map(jax.device_put, (BITS[:9].astype("f"), BITS[:3].astype("f")))),
                monitors.ReconstructionError(),
                monitors.HiddenActivity(),
            ),
            *(monitors.PseudoLikelihood.on(BITS[:9], 3), monitors.WeightHistogram(), monitors.FantasyParticles(3)),
            *(monitors.ReceptiveFields(2), monitors.UpdateHistogram(entries=7)),
        ),
        "validation_data": BITS[:6],
    }


CASES = {
    "Perceptron": Case(lambda: fb.Perceptron(max_epochs=3, random_state=0), (X, CLASSES)),
    "Perceptron, pocket": Case(lambda: fb.Perceptron("pocket", max_epochs=3, random_state=0), (X, CLASSES)),
    "Perceptron, averaged": Case(lambda: fb.Perceptron("averaged", max_epochs=3, random_state=0), (X, CLASSES)),
    "Perceptron, voted": Case(
        lambda: fb.Perceptron("voted", max_votes=99, max_epochs=3, random_state=0), (X, CLASSES == 1)
    ),
    "Perceptron, unit object": Case(
        lambda: fb.Perceptron(unit=fb.neurons.Step(at_zero="high"), max_epochs=3, random_state=0), (X, CLASSES == 1)
    ),
    "MLPClassifier": Case(lambda: fb.MLPClassifier((4,), **QUICK), (X, np.asarray(["a", "b", "c"])[CLASSES])),
    "MLPClassifier, everything": Case(
        lambda: fb.MLPClassifier((5, 4), ("tanh", "relu"), early_stopping=True, dropout=0.1, warm_start=True, **QUICK),
        (X, CLASSES),
        watching,
    ),
    "MLPClassifier, stream": Case(
        lambda: fb.MLPClassifier((4,), **QUICK), (X, CLASSES), lambda: {"classes": [0, 1, 2]}, True
    ),
    "MLPRegressor": Case(
        lambda: fb.MLPRegressor((4,), optimizer="momentum", early_stopping=True, **QUICK),
        (X, X[:, :2]),
        lambda: {"validation_data": (X[:8], X[:8, :2])},
    ),
    "ConvNetClassifier": Case(
        lambda: fb.ConvNetClassifier(
            (8, 8), (2,), kernel_size=3, hidden_layer_sizes=(), early_stopping=True, optimizer="sgd", **QUICK
        ),
        (IMAGES, CLASSES[:12]),
        lambda: {
            "validation_data": (IMAGES[:6], CLASSES[:6]),
            "monitors": (monitors.ErrorCurve(), monitors.GradientFlow()),
        },
    ),
    "RBM": Case(lambda: fb.RBM(4, early_stopping=True, **QUICK), (BITS,), watching_a_machine),
    "RBM, pcd, stream": Case(lambda: fb.RBM(4, algorithm="pcd", n_chains=5, **QUICK), (BITS,), dict, True),
    "DBM": Case(lambda: fb.DBM((4, 3), n_chains=5, early_stopping=True, **QUICK), (BITS,)),
    "DBN": Case(lambda: fb.DBN((4, 3), **QUICK), (BITS,)),
    "DBNClassifier": Case(lambda: fb.DBNClassifier((4, 3), fine_tune_epochs=1, **QUICK), (BITS, CLASSES)),
    "DBNClassifier, greedy": Case(lambda: fb.DBNClassifier((4, 3), None, **QUICK), (BITS, CLASSES)),
    "ClassificationRBM": Case(
        lambda: fb.ClassificationRBM(4, early_stopping=True, **QUICK),
        (BITS, CLASSES),
        lambda: {"validation_data": (BITS[:8], CLASSES[:8]), "monitors": (monitors.WeightNorms(),)},
    ),
    "Hopfield": Case(fb.Hopfield, (PATTERNS,)),
    "Hopfield, perceptron": Case(lambda: fb.Hopfield("perceptron", random_state=0), (PATTERNS,)),
    "Hopfield, projection, stream": Case(lambda: fb.Hopfield("pseudoinverse"), (PATTERNS,), dict, True),
    "DenseHopfield": Case(fb.DenseHopfield, (PATTERNS,)),
    "DenseHopfield, softmax": Case(lambda: fb.DenseHopfield("softmax", beta=4.0), (X[:5], X[:5, :2])),
    "ContinuousHopfield": Case(lambda: fb.ContinuousHopfield(random_state=0), (PATTERNS,)),
}


def loads(content, wanted="float32"):
    """What a file with that content holds."""
    return saving.decoded(unpack("test", content, FORMATS), wanted)


def timeless(model):
    """A model's file but for how long it took to learn."""
    found = unpack("test", content_of(model), FORMATS)
    manifest = re.sub(r'"(seconds|sha256)": [^,}]*', "", json.dumps(found.manifest))
    return manifest, {name: values.tobytes() for name, values in found.tensors.items()}


@functools.cache
def fitted(name):
    """The case's model, fitted once for all tests; nobody changes it."""
    case = CASES[name]
    model = case.make()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        learn = model.partial_fit if case.stream else model.fit
        return learn(*case.data, **case.options())


def answers(model, rows):
    """What the model says about some rows, by every method that takes rows alone."""
    asked = [name for name in ANSWERS if hasattr(model, name)]
    return {name: jax.tree.map(np.asarray, getattr(model, name)(rows)) for name in asked}


def same(first, second):
    jax.tree.map(np.testing.assert_array_equal, first, second)
    assert jax.tree.structure(first) == jax.tree.structure(second)


@pytest.mark.parametrize("name", CASES)
def test_a_loaded_model_is_the_same_to_the_bit_and_goes_on_learning(name, tmp_path):
    case, model, file = CASES[name], fitted(name), tmp_path / "model.flambeau"
    fb.save(model, file)
    loaded = fb.load(file)
    assert loaded.get_params() == model.get_params()
    assert sorted(vars(loaded)) == sorted(vars(model))
    assert content_of(loaded) == file.read_bytes() == content_of(model)
    same(answers(loaded, case.data[0]), answers(model, case.data[0]))
    assert [path.name for path in tmp_path.iterdir()] == ["model.flambeau"]
    goes_on = "partial_fit" if hasattr(model, "partial_fit") else "fit"
    other = fb.load(file)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for each in (loaded, other):
            getattr(each, goes_on)(*case.data)
    assert timeless(loaded) == timeless(other)


def test_a_warm_start_goes_on_in_a_loaded_model():
    case = CASES["MLPClassifier, everything"]
    loaded = loads(content_of(fitted("MLPClassifier, everything")))
    rounds = loaded.n_iter_
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loaded.fit(*case.data, **case.options())
    assert loaded.n_iter_ > rounds
    assert loaded.run_.rounds == loaded.n_iter_


def many_layers(count):
    """A network whose layers are alike but for what is in their arrays."""
    leaves, structure = jax.tree.flatten(fb.networks.FeedForward(small_mlp().layers[:1] * count))
    return jax.tree.unflatten(structure, [jax.device_put(np.asarray(leaf) + n) for n, leaf in enumerate(leaves)])


class TestSize:
    def test_the_network_stands_once_in_the_file_and_its_moments_twice(self):
        model = fb.MLPClassifier((200, 100), epochs=1, tolerance=0, batch_size=24, random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(np.tile(X, (1, 10)), CLASSES)
        size = sum(leaf.nbytes for leaf in jax.tree.leaves(model.network_))
        assert len(content_of(model)) < 3.2 * size
        assert len(content_of(model, training=False)) < 1.1 * size

    def test_a_run_of_400_layers_with_its_moments_can_be_saved(self):
        network = many_layers(400)
        arrays = eqx.filter(network, eqx.is_array)
        moments = [jax.tree.map(lambda leaf, by=by: jax.device_put(np.asarray(leaf) + by), arrays) for by in (1, 2)]
        run = fitted("MLPClassifier").run_
        state = (optax.ScaleByAdamState(jax.device_put(np.int32(3)), *moments), optax.EmptyState())
        progress = run.progress._replace(network=arrays, optimiser=state)
        deep = dataclasses.replace(run, network=network, progress=progress)
        again = loads(content_of(deep))
        assert len(again.network.layers) == 400
        same(again.progress.optimiser, state)

    def test_more_arrays_than_a_reader_takes_are_refused_with_the_way_out(self):
        with pytest.raises(ConfigurationError, match="at most 4,096 arrays"):
            content_of(many_layers(2_100))


@pytest.mark.parametrize(
    "file", sorted(Path(__file__).parents[1].glob("files/format1/*.flambeau")), ids=lambda f: f.stem
)
def test_files_of_the_first_format_load_and_answer_the_same(file):
    known = json.loads(file.with_name("answers.json").read_text())[file.stem]
    model = fb.load(file)
    for method, rows, expected in known:
        found = getattr(model, method)
        given = np.asarray(rows, np.float32) if file.stem.startswith("network") else np.asarray(rows)
        found = found if rows is None else found(jax.device_put(given) if given.dtype == np.float32 else given)
        answers = found if isinstance(found, tuple) else (found,)
        assert len(answers) - len(expected) == (file.stem == "network-pairs")  # the sweeps of each pair are new
        for mine, kept in zip(answers, expected, strict=False):
            if np.asarray(kept).dtype.kind == "f":
                np.testing.assert_allclose(mine, kept, rtol=1e-5, atol=1e-6)
            else:
                np.testing.assert_array_equal(mine, kept)
    assert content_of(model)


class TestParts:
    def test_unfitted_models_networks_runs_and_text_labels(self, tmp_path):
        fb.save(fb.MLPClassifier((3,), l2=0.5), tmp_path / "unfitted")
        assert fb.load(tmp_path / "unfitted").l2 == 0.5
        network = fb.networks.mlp((4, 3, 1), fb.neurons.LeakyReLU(0.3), dropout=0.5, key=jax.random.key(0))
        fb.save(network, tmp_path / "network")
        assert repr(fb.load(tmp_path / "network")) == repr(network)
        run = fitted("MLPClassifier").run_
        fb.save(run, tmp_path / "run")
        again = fb.load(tmp_path / "run")
        assert (again.rounds, again.steps, again.configuration) == (run.rounds, run.steps, run.configuration)
        same(again.progress, run.progress)
        assert set(fitted("MLPClassifier").predict(X)) <= {"a", "b", "c"}

    def test_settings_with_keys_and_of_sklearn_keep_them(self):
        pandas = pytest.importorskip("pandas")
        model = fb.MLPClassifier(class_weight={0: 1.0, 1: 5.0})
        assert loads(content_of(model)).class_weight == {0: 1.0, 1: 5.0}
        machine = fitted("RBM, pcd, stream")
        named = loads(content_of(machine)).set_output(transform="pandas")
        assert isinstance(loads(content_of(named)).transform(BITS), pandas.DataFrame)

    @pytest.mark.parametrize(
        "make", [np.random.RandomState, np.random.default_rng, lambda seed: np.random.Generator(np.random.SFC64(seed))]
    )
    def test_a_generator_goes_on_where_it_stood(self, make):
        model = fb.RBM(random_state=make(3))
        model.random_state.normal(size=3)
        loaded = loads(content_of(model))
        assert type(loaded.random_state) is type(model.random_state)
        assert loaded.random_state.normal() == model.random_state.normal()

    def test_arrays_are_the_users_own_after_loading(self):
        loaded = loads(content_of(fitted("Hopfield")))
        loaded.patterns_[0] = 7
        assert np.abs(fitted("Hopfield").patterns_).max() == 1

    @pytest.mark.parametrize(
        ("model", "match"),
        [
            (
                lambda: fb.MLPClassifier(optimizer=optax.adam(0.1)),
                "MLPClassifier.optimizer: expected numbers, names.*by its name",
            ),
            (
                lambda: fb.MLPClassifier(learning_rate=lambda step: 0.1),
                "learning_rate.*a function.*schedule by its name",
            ),
            (lambda: fb.RBM(random_state={1, 2}), "RBM.random_state.*a set"),
            (lambda: fb.RBM(k=jax.random.key(0)), "a JAX key"),
            (lambda: fb.RBM(k=np.asarray(["a", 1], object)), "a mixture"),
            (lambda: fb.RBM(k=np.zeros(2, "M8[s]")), "one of datetime64"),
            (lambda: nested(), "nested at most"),
            (lambda: set_on(fb.RBM(), "note", 1), "RBM.note.*an attribute of your own"),
            (lambda: 5, "an estimator, a network or a run, got int"),
            (lambda: fb.neurons.Tanh(), "got Tanh"),
            (lambda: Own(np.zeros(3)), "got Own.*equinox.tree_serialise_leaves"),
            (lambda: fb.networks.FeedForward((OwnLayer(np.zeros(3)),)), "OwnLayer"),
        ],
    )
    def test_what_is_code_is_not_saved_and_no_file_appears(self, model, match, tmp_path):
        with pytest.raises(ConfigurationError, match=match):
            fb.save(model(), tmp_path / "model")
        assert not list(tmp_path.iterdir())

    def test_where_it_cannot_be_written_is_said_before_anything_else(self, tmp_path):
        with pytest.raises(OutputError, match="no folder"):
            fb.save(5, tmp_path / "no" / "model")

    def test_a_model_that_would_not_load_is_never_written(self, tmp_path, monkeypatch):
        file = tmp_path / "model"
        fb.save(fitted("RBM"), file)
        before = file.read_bytes()
        monkeypatch.setattr(saving, "check_root", lambda root: (_ for _ in ()).throw(ValueError("no")))
        with pytest.raises(FileFormatError, match="ValueError: no"):
            fb.save(fitted("Hopfield"), file)
        monkeypatch.undo()
        monkeypatch.setattr(saving, "decoded", lambda *_: fitted("RBM"))
        with pytest.raises(ConfigurationError, match="another model"):
            fb.save(fitted("Hopfield"), file)
        assert file.read_bytes() == before


class OwnLayer(fb.structures.AbstractPassage):
    """A user's own layer, which no file can describe."""

    weights: np.ndarray

    def __call__(self, x):
        return x

    def backward(self, trace, error):
        return error, self


class Own(eqx.Module):
    """A user's own layer."""

    weights: Any


def nested():
    parts = []
    for _ in range(100):
        parts = [parts]
    return fb.RBM(k=parts)


def set_on(model, name, value):
    setattr(model, name, value)
    return model


def without_training(name):
    return loads(content_of(fitted(name), training=False))


class TestAnswersOnly:
    @pytest.mark.parametrize("name", ["Perceptron, voted", "MLPClassifier", "RBM", "DBNClassifier", "Hopfield"])
    def test_a_model_saved_without_its_training_answers_the_same(self, name):
        rows = CASES[name].data[0]
        same(answers(without_training(name), rows), answers(fitted(name), rows))


def forged(change, name="MLPClassifier"):
    """A file like a real one, with something changed in its manifest, and a right checksum."""
    found = unpack("test", content_of(fitted(name)), FORMATS)
    manifest = {key: value for key, value in found.manifest.items() if key not in ("format", "sha256")}
    tensors = dict(found.tensors)
    changed = change(manifest, tensors) or manifest
    return pack("test", NEWEST, changed, tensors)


def fitted_part(manifest):
    return manifest["model"]["fitted"]


def removed(*names):
    def change(manifest, _):
        for name in names:
            del fitted_part(manifest)[name]

    return change


def put(name, value, where="fitted"):
    def change(manifest, _):
        manifest["model"][where][name] = value

    return change


def root(entry):
    return lambda manifest, _: {**manifest, "model": entry}


def shape(value):
    def change(manifest, _):
        manifest["shapes"][0]["fields"].update(value)

    return change


GENERATOR = {"random": {"dict": [["kind", "Generator"], ["bit_generator", "os"]]}}
FORGED = {
    "no class of ours": (root({"class": "Popen", "fields": {"args": "true"}}), "no class 'Popen'"),
    "no estimator": (root({"class": "BaseEstimator", "parameters": {}, "fitted": {}}), "BaseEstimator"),
    "abstract": (root({"class": "AbstractUnit", "fields": {}}), "AbstractUnit"),
    "a number": (root(5), "int where an estimator, a network or a run should be"),
    "an activation": (root({"class": "Tanh", "fields": {}}), "Tanh where"),
    "unknown field": (root({"class": "LeakyReLU", "fields": {"leak": 0.1, "__class__": "x"}}), "has no '__class__'"),
    "missing field": (root({"class": "FeedForward", "fields": {}}), "FeedForward lacks layers"),
    "field of another type": (root({"class": "FeedForward", "fields": {"layers": "abc"}}), "cannot be 'abc'"),
    "parts of another type": (root({"class": "FeedForward", "fields": {"layers": {"tuple": [1]}}}), "cannot be"),
    "a tensor that is not there": (root({"tensor": "nowhere", "device": True}), "nowhere"),
    "neither": (root({"neither": 1}), "KeyError"),
    "a list": (root([1]), "list where an entry should be"),
    "deep": (root(functools.reduce(lambda inner, _: {"tuple": [inner]}, range(50), 1)), "tuple where an estimator"),
    "no shapes": (lambda manifest, _: {**manifest, "shapes": 5}, "shapes 5"),
    "a shape before the first": (root({"like": -1, "arrays": []}), "-1 is no place"),
    "a shape within a shape": (shape({"layers": {"like": 0, "arrays": []}}), "ValueError|KeyError"),
    "other precision": (lambda manifest, _: {**manifest, "precision": "float8"}, "precision 'float8'"),
    "no network": (removed("network_"), "a fitted MLPClassifier without network_"),
    "no classes": (removed("classes_"), "without classes_"),
    "a method": (put("predict", 1), "has no 'predict'"),
    "something of Python's": (put("__class__", 1), "has no '__class__'"),
    "an unknown parameter": (put("depth", 1, "parameters"), "has no 'depth'"),
    "a parameter out of its range": (put("epochs", -1, "parameters"), "epochs"),
    "features of text": (put("n_features_in_", "four"), "n_features_in_ cannot be 'four'"),
    "other features": (put("n_features_in_", 7), "7"),
    "no features": (put("n_features_in_", 0), "0 features"),
    "names of other features": (put("feature_names_in_", {"labels": ["a"], "object": True}), "feature_names_in_"),
    "classes in rows": (put("classes_", {"labels": [["a"], ["b"], ["c"]], "object": True}), "classes_"),
    "more classes than outputs": (put("classes_", {"labels": list("abcdef"), "object": True}), "classes_|outputs"),
    "a network that is a number": (put("network_", 3), "network_ cannot be 3"),
    "a history that is a number": (put("history_", 3), "history_ cannot be 3"),
    "a generator of another kind": (
        put("random_state", {"random": {"dict": [["kind", "Generator"], ["bit_generator", "os"]]}}, "parameters"),
        "no generator",
    ),
}


class TestForged:
    @pytest.mark.parametrize("name", FORGED)
    def test_a_forged_manifest_is_refused(self, name):
        change, match = FORGED[name]
        with pytest.raises(FileFormatError, match=match):
            loads(forged(change))

    def test_the_forger_changes_nothing_by_itself(self):
        assert loads(forged(lambda *_: None)).n_features_in_ == 4

    def test_a_parameter_that_is_missing_takes_its_default(self):
        def change(manifest, _):
            del manifest["model"]["parameters"]["clip_norm"]

        assert loads(forged(change)).clip_norm is None

    def test_weights_of_another_size_are_refused(self):
        def change(manifest, tensors):
            mine = fitted_part(manifest)["network_"]["arrays"]
            name = next(name for name in mine if tensors[name].shape == (4, 4))
            tensors[name] = np.zeros((5, 4), np.float32)

        with pytest.raises(FileFormatError, match="MLPClassifier"):
            loads(forged(change))

    def test_one_array_named_4000_times_takes_its_memory_once_or_is_refused(self):
        def change(manifest, tensors):
            tensors["large"] = np.zeros(1 << 18)
            return {**manifest, "model": {"list": [{"tensor": "large", "device": True}] * 4_000}}

        with pytest.raises(FileFormatError, match="named over and over"):
            loads(forged(change))

    def test_shapes_that_multiply_are_counted(self):
        def change(manifest, _):
            many = {"tuple": [{"tuple": [1] * 500}] * 500}
            return {
                **manifest,
                "shapes": [many],
                "model": {"list": [{"like": 0, "arrays": [str(n)]} for n in range(99)]},
            }

        with pytest.raises(FileFormatError, match="more than 200,000 parts"):
            loads(forged(change))

    def test_swapped_bytes_are_noticed_by_the_checksum(self, tmp_path):
        file = tmp_path / "model"
        content = bytearray(content_of(fitted("RBM")))
        content[-4], content[-40] = content[-40] ^ 1, content[-4]
        file.write_bytes(content)
        with pytest.raises(ChecksumError, match="have changed"):
            fb.load(file)

    def test_mutations_of_every_kind_load_or_are_refused(self):
        rng = np.random.default_rng(0)
        content = content_of(fitted("Hopfield"))
        found = unpack("test", content, FORMATS)
        for _ in range(150):
            text = bytearray(
                json.dumps({k: v for k, v in found.manifest.items() if k not in ("format", "sha256")}).encode()
            )
            for place in rng.integers(0, len(text), rng.integers(1, 4)):
                text[place] = rng.choice(np.frombuffer(b'0123456789[]{}",:aetn', np.uint8))
            try:
                manifest = json.loads(text)
                assert loads(pack("test", NEWEST, manifest, found.tensors)) is not None
            except (FileFormatError, ValueError, TypeError):  # of json.loads and pack: no JSON any more
                continue


class TestPrecision:
    @pytest.mark.parametrize("double", [False, True])
    def test_a_model_of_the_other_precision_is_converted_said_and_goes_on(self, double, tmp_path):
        def model():
            return fb.MLPClassifier((4,), **QUICK)

        file = tmp_path / "model"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with jax.enable_x64(double):
                first = model().fit(X, CLASSES)
                expected = first.predict_proba(X)
                fb.save(first, file)
        with jax.enable_x64(not double):
            with pytest.warns(UserWarning, match="converted to float"):
                loaded = fb.load(file)
            np.testing.assert_allclose(loaded.predict_proba(X), expected, rtol=1e-4)
            floats = {leaf.dtype for leaf in jax.tree.leaves(loaded.network_)}
            assert floats == {np.dtype(np.float32 if double else np.float64)}
            assert loaded.partial_fit(X, CLASSES).run_.rounds == first.run_.rounds + 1

    def test_what_single_precision_cannot_hold_is_refused(self):
        with jax.enable_x64(True):
            content = content_of(fb.Hopfield.from_weights([[0, 1e300], [1e300, 0]]))
        with pytest.raises(FileFormatError, match="float32 cannot hold"):
            loads(content)

    def test_a_model_of_double_precision_is_saved_from_a_process_of_single(self):
        with jax.enable_x64(True):
            model = fb.Hopfield.from_weights([[0, 1 / 3], [1 / 3, 0]])
        with jax.enable_x64(True):
            assert loads(content_of(model), "float64").network_.structure.weights[0, 1] == 1 / 3
        assert content_of(model)


class TestTable:
    def test_names_are_unique(self):
        seen = {}
        for module in core_modules():
            for cls in vars(module).values():
                if belongs(cls, module.__name__):
                    assert seen.setdefault(cls.__name__, cls) is cls

    def test_it_is_closed_over_what_the_package_offers(self):
        known = set(classes_in_files().values())
        for room in (fb.networks, fb.neurons, fb.structures, fb.rules, fb.dynamics, fb.monitors):
            for name in room.__all__:
                thing = getattr(room, name)
                if isinstance(thing, type) and belongs(thing, thing.__module__) and not inspect.isabstract(thing):
                    assert thing in known
        assert not [cls for cls in known if cls.__name__.startswith("Abstract")]

    @pytest.mark.parametrize("name", [name for name, cls in classes_in_files().items() if is_estimator(cls)])
    def test_every_estimator_says_what_fit_leaves_and_has_a_case(self, name):
        assert set(may_be_fitted(classes_in_files()[name])) >= {"n_features_in_", "network_", "feature_names_in_"}
        assert any(case.partition(",")[0] == name for case in CASES) or name == "LeNetClassifier"
