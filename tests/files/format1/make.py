"""How the files in this folder were made: by the code that wrote format 1 (commit ac05b68), which later code is not.

Kept as documentation. Each model was fitted at a tiny size, saved, and asked; its answers stand in ``answers.json``:
name -> [[method, inputs, answer], ...], where inputs and answers are nested lists, and a method that ends in
``_`` is an attribute. (A pair memory's number of sweeps was taken out afterwards: it is one for each row now.)
"""

import json
import warnings
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent


def data():
    """Rows of real numbers, of bits, classes, targets, bipolar patterns; all small."""
    rng = np.random.default_rng(7)
    return {
        "X": np.round(rng.normal(size=(24, 4)), 2),
        "bits": rng.integers(0, 2, (24, 6)).astype(float),
        "images": np.round(rng.random((12, 64)), 2),
        "classes": np.arange(24) % 3,
        "patterns": np.where(rng.random((3, 12)) < 0.5, -1.0, 1.0),
        "real": np.round(rng.normal(size=(3, 5)), 2),
    }


def models(fb, d):
    """Name -> (fitted model, {method: inputs})."""
    X, bits, images, y, patterns = d["X"], d["bits"], d["images"], d["classes"], d["patterns"]
    words = np.asarray(["ash", "beech", "oak"])[y]
    cues = patterns * np.where(np.arange(12) == 3, -1, 1)
    few = {"random_state": 0, "epochs": 4, "batch_size": 8}
    held = (X[:8], y[:8])
    seen = (*("predict", "predict_proba"),)
    answers = dict.fromkeys(seen, X[:5])
    machine = dict.fromkeys(("transform", "score_samples", "free_energy"), bits[:4])
    classified = dict.fromkeys(("predict", "predict_proba", "transform"), bits[:4])
    memory = {"recall": cues, "energy": cues, "is_stable": patterns, "weights_": None, "thresholds_": None}
    return {
        "perceptron": (fb.Perceptron(random_state=0, max_epochs=5).fit(X, words), {"predict": X[:5], "margin_": None}),
        "perceptron-pocket": (fb.Perceptron("pocket", random_state=0, max_epochs=5).fit(X, y), {"predict": X[:5]}),
        "perceptron-averaged": (fb.Perceptron("averaged", random_state=0, max_epochs=5).fit(X, y), {"predict": X[:5]}),
        "perceptron-voted": (
            fb.Perceptron("voted", max_votes=60, random_state=0, max_epochs=5).fit(X, y == 1),
            {"predict": X[:5]},
        ),
        "mlp-classifier": (fb.MLPClassifier((5, 4), "tanh", l2=1e-3, dropout=0.1, **few).fit(X, words), answers),
        "mlp-classifier-early": (fb.MLPClassifier((5,), early_stopping=True, **few).fit(X, y), answers),
        "mlp-classifier-validated": (fb.MLPClassifier((5,), **few).fit(X, y, validation_data=held), answers),
        "mlp-classifier-stream": (
            fb.MLPClassifier((5,), class_weight={0: 1.0, 1: 2.0, 2: 1.0}, **few).partial_fit(X, y, classes=[0, 1, 2]),
            answers,
        ),
        "mlp-regressor": (fb.MLPRegressor((5,), optimizer="momentum", **few).fit(X, X[:, :2] * 50), {"predict": X[:5]}),
        "convnet-classifier": (
            fb.ConvNetClassifier((8, 8), (2,), kernel_size=3, hidden_layer_sizes=(4,), **few).fit(images, y[:12]),
            dict.fromkeys(seen, images[:2]),
        ),
        "lenet-classifier": (
            fb.LeNetClassifier("lenet-1", image_shape=(8, 8), optimizer="sgd", **{**few, "epochs": 1}).fit(
                images, y[:12]
            ),
            dict.fromkeys(seen, images[:2]),
        ),
        "rbm": (fb.RBM(4, **few).fit(bits), machine),
        "rbm-pcd": (fb.RBM(3, algorithm="pcd", n_chains=5, **few).partial_fit(bits), machine),
        "rbm-watched": (fb.RBM(3, **few).fit(bits, monitors=(fb.monitors.ReconstructionError(),)), machine),
        "rbm-gaussian": (fb.RBM(3, "gaussian", learn_variance=True, **few).fit(X), {"transform": X[:4]}),
        "dbm": (fb.DBM((4, 3), n_chains=5, **few).fit(bits), {"transform": bits[:4]}),
        "dbn": (fb.DBN((4, 3), **few).fit(bits), {"transform": bits[:4]}),
        "dbn-classifier": (fb.DBNClassifier((4, 3), fine_tune_epochs=2, **few).fit(bits, y), classified),
        "dbn-classifier-up-down": (
            fb.DBNClassifier((4, 3), "up_down", fine_tune_epochs=2, generative_weight=0.1, top_rate=2.0, **few).fit(
                bits, y
            ),
            classified,
        ),
        "classification-rbm": (fb.ClassificationRBM(4, **few).fit(bits, y), classified),
        "hopfield": (fb.Hopfield().fit(patterns), memory),
        "hopfield-pseudoinverse": (fb.Hopfield("pseudoinverse").fit(patterns), memory),
        "hopfield-perceptron": (
            fb.Hopfield("perceptron", symmetric=False, random_state=0).fit(patterns),
            {name: asked for name, asked in memory.items() if name != "energy"},
        ),
        "hopfield-binary": (
            fb.Hopfield("covariance", states="binary", binarize=0.0).fit(patterns),
            {**memory, "is_stable": (patterns + 1) / 2, "energy": (cues + 1) / 2},
        ),
        "dense-hopfield": (
            fb.DenseHopfield().fit(patterns),
            {"retrieve": cues, "predict": cues, "energy": cues, "patterns_": None},
        ),
        "dense-hopfield-softmax": (
            fb.DenseHopfield("softmax", beta=4.0).fit(d["real"], d["real"][:, :2]),
            {"retrieve": d["real"], "predict": d["real"], "patterns_": None},
        ),
        "continuous-hopfield": (
            fb.ContinuousHopfield(random_state=0).fit(patterns),
            {"recall": cues, "energy": cues, "weights_": None, "thresholds_": None},
        ),
    }


def networks(fb, d):
    """Name -> (network, {method: inputs}); ``__call__`` is the network itself."""
    import jax

    key = jax.random.key(3)
    X, bits, patterns = d["X"][:3], d["bits"][:3], d["patterns"]
    machines = [fb.networks.rbm(6, 4, key=key), fb.networks.rbm(4, 3, key=key)]
    pair = fb.networks.bidirectional_memory(patterns, patterns[:, :5])
    return {
        "network-mlp": (fb.networks.mlp((4, 3, 2), fb.neurons.LeakyReLU(0.3), dropout=0.5, key=key), {"__call__": X}),
        "network-rbm": (machines[0], {"__call__": bits, "free_energy": bits}),
        "network-dbn": (fb.networks.dbn(machines), {"__call__": bits}),
        "network-dbm": (fb.networks.dbm((6, 4, 3), key=key), {"__call__": bits}),
        "network-hopfield": (fb.Hopfield().fit(patterns).network_, {"__call__": patterns, "energy": patterns}),
        "network-pairs": (pair, {"recall": patterns}),
        "network-sequence": (fb.networks.sequence_memory(patterns), {}),
        "network-dense-memory": (fb.DenseHopfield().fit(patterns).network_, {"energy": patterns}),
        "network-graded": (fb.ContinuousHopfield().fit(patterns).network_, {"energy": patterns * 0.5}),
        "network-modern": (fb.networks.ModernMemory(d["real"], beta=2.0), {"energy": d["real"], "update": d["real"]}),
        "network-attention": (fb.networks.hopfield_attention(4, 2, key=key), {"__call__": np.stack([X, X])}),
    }


def plain(value):
    """Nested lists of what a method gave."""
    parts = value if isinstance(value, tuple) else (value,)
    return [np.asarray(part).tolist() for part in parts]


def main():
    """Write everything beside this script."""
    import jax

    import flambeau as fb

    d, answers = data(), {}
    warnings.simplefilter("ignore")
    for name, (model, asked) in {**models(fb, d), **networks(fb, d)}.items():
        print(name, flush=True)  # noqa: T201
        found = []
        for method, inputs in asked.items():
            thing = getattr(model, method)
            answer = plain(thing if inputs is None else thing(inputs))
            found.append([method, None if inputs is None else inputs.tolist(), answer])
        fb.save(model, HERE / f"{name}.flambeau")
        answers[name] = found
    run = fb.train(
        fb.networks.mlp((4, 3, 1), key=jax.random.key(1)),
        fb.rules.Backpropagation(),
        fb.problems.Examples.of(d["X"], d["X"][:, :1] > 0),
        optimizer="adam",
        steps=12,
        batch_size=8,
        key=1,
    )
    fb.save(run, HERE / "run.flambeau")
    answers["run"] = [["rounds", None, [run.rounds]], ["steps", None, [run.steps]]]
    (HERE / "answers.json").write_text(json.dumps(answers))


if __name__ == "__main__":
    main()
