"""From format 1 to format 2: where fields went when parameters declared themselves and memories got structures.

Format 1 kept every array under its path, parameters among the fitted attributes, and no float type. Networks with
feedback had raw matrices, row i for what neuron i hears; they stand on structures now, sender first, and keep a bias
for a threshold.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from flambeau.foundation.container import Container
from flambeau.saving.table import classes_in_files, is_estimator

Fields = dict[str, Any]
Tensors = dict[str, np.ndarray]
NOTHING: Fields = {"tuple": []}
# State of a rule in format 1 -> state of the keeper that took its place.
KEEPERS = {"PocketState": "PocketState", "AverageState": "AverageState", "VotedState": "VotesState"}


def from_1_to_2(container: Container) -> Container:
    """The same model in format 2."""
    tensors = dict(container.tensors)
    double = any(values.dtype == np.float64 for name, values in tensors.items() if "network" in name)
    manifest = {
        "format": "flambeau model 2",
        "precision": "float64" if double else "float32",
        "shapes": [],
        "model": renewed(container.manifest.get("model"), tensors),
    }
    return Container(container.where, manifest, tensors)


def renewed(entry: Any, tensors: Tensors) -> Any:
    """An entry of format 1 as one of format 2, from the inside out."""
    if isinstance(entry, list):
        return [renewed(part, tensors) for part in entry]
    if not isinstance(entry, dict) or "tensor" in entry or "labels" in entry:
        return entry
    entry = {key: renewed(value, tensors) for key, value in entry.items()}
    if not isinstance(entry.get("fields"), dict) or not isinstance(entry.get("class"), str):
        return entry
    name, fields = entry["class"], entry["fields"]
    fields = CHANGES.get(name, lambda given, _: given)(fields, tensors)
    cls = classes_in_files().get(name)
    if cls is None or not is_estimator(cls):
        return {"class": name, "fields": fields}
    parameters = set(cls._get_param_names())  # type: ignore[attr-defined]
    return {
        "class": name,
        "parameters": {key: value for key, value in fields.items() if key in parameters},
        "fitted": {key: value for key, value in fields.items() if key not in parameters},
    }


def changed(entry: Any, tensors: Tensors, how: Callable[[np.ndarray], np.ndarray], name: str) -> Any:
    """Another array made of one; none of none."""
    if entry is None:
        return None
    new = f"{entry['tensor']}, {name}"
    tensors[new] = np.ascontiguousarray(how(tensors[entry["tensor"]]))
    return {**entry, "tensor": new}


def dense(entry: Any, tensors: Tensors) -> Fields:
    """A matrix whose rows were the receivers, as a structure."""
    return {"class": "Dense", "fields": {"weights": changed(entry, tensors, np.transpose, "sender first")}}


def _lateral(entry: Any, tensors: Tensors) -> Fields:
    """The same within one layer."""
    weights = np.zeros((1, 1)) if entry is None else tensors[entry["tensor"]]
    promises = {"symmetric": bool((weights == weights.T).all()), "self_connected": bool(np.diagonal(weights).any())}
    return {"class": "Lateral", "fields": {**dense(entry, tensors)["fields"], **promises}}


def progress(fields: Fields, _: Tensors) -> Fields:
    """What a run kept was the stopping criterion's or the rule's business, and is its keeper's now."""
    stopping: Any = fields.pop("stopping", None)
    rule: Any = fields.pop("rule", None)
    keeping: Any = NOTHING
    if class_of(stopping) == "PatienceState":
        best = stopping["fields"].pop("best")
        if best != NOTHING:
            keeping = {"class": "BestState", "fields": {"network": best, "score": stopping["fields"]["score"]}}
    if class_of(rule) in KEEPERS:
        keeping = {"class": KEEPERS[class_of(rule)], "fields": rule["fields"]}
        rule = NOTHING
    return {**fields, "rule": rule, "problem": NOTHING, "stopping": stopping, "keeping": keeping}


def labelled_machines(fields: Fields, _: Tensors) -> Fields:
    """A machine with classes beside its units did not know it: how many there are stood elsewhere."""
    for machine in found_in(list(fields.values()), "RestrictedBoltzmannMachine"):
        visible = machine["visible"]
        last: Any = visible["fields"]["parts"]["tuple"][-1] if class_of(visible) == "Mixed" else None
        if class_of(last) == "Categorical":
            machine["label"] = last["fields"]["width"]
    return fields


def belief_network(fields: Fields, _: Tensors) -> Fields:
    """A deep belief network's classes are its top machine's label."""
    fields["top"]["fields"]["label"] = fields.pop("classes", 0)
    return fields


def recurrent(fields: Fields, tensors: Tensors) -> Fields:
    """Binary and graded Hopfield networks: a lateral structure, and the threshold's negative."""
    structure = _lateral(fields.pop("weights"), tensors)
    bias = changed(fields.pop("thresholds"), tensors, np.negative, "negative")
    return {"structure": structure, "bias": bias, **fields}


def memory(fields: Fields, tensors: Tensors) -> Fields:
    """A Hopfield memory kept its run; of that, going on needs the projection's diagonal only."""
    run: Any = fields.pop("run_", None)
    fields.pop("_symmetric", None)
    spanned = run["fields"]["progress"]["fields"]["rule"] if run and fields["rule"] == "pseudoinverse" else None
    return {"_unlearned": False, **fields, "_own": changed(spanned, tensors, np.diagonal, "diagonal")}


def sequence(fields: Fields, tensors: Tensors) -> Fields:
    """A memory of a sequence."""
    structure, transition = _lateral(fields.pop("weights"), tensors), dense(fields.pop("transition"), tensors)
    return {"structure": structure, "transition": transition, **fields}


def patterns(fields: Fields, tensors: Tensors) -> Fields:
    """Memories that keep their patterns one by one, and what they read out."""
    fields = {"structure": dense(fields.pop("patterns"), tensors), **fields}
    if "values" in fields:
        values = fields.pop("values")
        fields["reading"] = None if values is None else {"class": "Dense", "fields": {"weights": values}}
    return fields


def found_in(parts: list[Any], name: str) -> list[Fields]:
    """The fields of every object of that class, however deep."""
    found, waiting = [], parts
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            found += [part["fields"]] if part.get("class") == name else []
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)
    return found


def class_of(entry: Any) -> str:
    """The name of an entry's class; none of anything else."""
    return str(entry.get("class", "")) if isinstance(entry, dict) else ""


# Class of format 1 -> what became of its fields.
CHANGES: dict[str, Callable[[Fields, Tensors], Fields]] = {
    "Progress": progress,
    "DeepBeliefNetwork": belief_network,
    "ClassificationRBM": labelled_machines,
    "DBNClassifier": labelled_machines,
    "Hopfield": memory,
    "HopfieldNetwork": recurrent,
    "GradedHopfield": recurrent,
    "BidirectionalNetwork": lambda fields, tensors: {"structure": dense(fields["weights"], tensors)},
    "SequenceNetwork": sequence,
    "DenseMemory": patterns,
    "ModernMemory": patterns,
}
