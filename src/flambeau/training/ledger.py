"""What every round reported, in arrays that grow: a long run costs each of its chunks the same."""

from typing import Any

import jax
import numpy as np
from jaxtyping import PyTree


class _Column:
    """One array that grows at its end; what has been handed out stays as it is."""

    def __init__(self, values: np.ndarray) -> None:
        self._buffer, self._filled = values, len(values)

    def extend(self, values: np.ndarray) -> None:
        """Append, in a buffer that doubles when it is full."""
        filled = self._filled + len(values)
        kind = np.result_type(self._buffer.dtype, values.dtype)
        if filled > len(self._buffer) or kind != self._buffer.dtype:
            larger = np.empty((max(filled, 2 * len(self._buffer)), *self._buffer.shape[1:]), kind)
            larger[: self._filled] = self._buffer[: self._filled]
            self._buffer = larger
        self._buffer[self._filled : filled] = values
        self._filled = filled

    def values(self) -> np.ndarray:
        """Everything so far, to be read only (no copy)."""
        view = self._buffer[: self._filled]
        view.flags.writeable = False
        return view


class Ledger:
    """How far a run has got, ``rounds`` and ``steps``, and what its rounds reported.

    >>> ledger = Ledger()
    >>> ledger.add(2, 8, {"history": {"loss": np.asarray([0.5, 0.25, 0.0])}, "records": {}})
    >>> ledger.history()["loss"].tolist()  # the third round was not done
    [0.5, 0.25]
    """

    def __init__(self) -> None:
        self.rounds, self.steps = 0, 0
        self._history: dict[str, _Column] = {}
        self._records: dict[str, Any] = {}

    @classmethod
    def of(cls, rounds: int, steps: int, history: dict[str, Any], records: dict[str, Any]) -> "Ledger":
        """The ledger of an earlier run."""
        ledger = cls()
        ledger.add(rounds, steps, {"history": history, "records": records})
        return ledger

    def add(self, rounds: int, steps: int, reports: dict[str, Any]) -> None:
        """Move on by the rounds of one chunk; what is reported of rounds not done is dropped.

        A number that is new, or missing this time, is NaN for the rounds in which it was not asked for.
        """
        gap = np.full(rounds, np.nan, np.float32)
        told = {name: np.asarray(values)[:rounds] for name, values in reports["history"].items()}
        for name in dict.fromkeys([*self._history, *told]):
            if name not in self._history:
                self._history[name] = _Column(np.full(self.rounds, np.nan, np.float32))
            self._history[name].extend(told.get(name, gap))
        for name, record in reports["records"].items():
            leaves = jax.tree.map(lambda leaf: np.asarray(leaf)[:rounds], record)
            if name in self._records:
                jax.tree.map(_Column.extend, self._records[name], leaves)
            else:
                self._records[name] = jax.tree.map(lambda leaf: _Column(np.array(leaf)), leaves)
        self.rounds, self.steps = self.rounds + rounds, self.steps + steps

    def history(self) -> dict[str, np.ndarray]:
        """Name -> one value per round; NaN for rounds in which that number was not asked for."""
        return {name: column.values() for name, column in self._history.items()}

    def records(self) -> dict[str, PyTree]:
        """Monitor -> name -> one record per round that it watched."""
        return jax.tree.map(_Column.values, self._records)
