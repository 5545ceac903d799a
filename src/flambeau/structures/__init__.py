"""Structures: how units are wired, and the layers that neurons make of them."""

from flambeau.structures.base import AbstractStructure, derived_backproject, derived_correlate
from flambeau.structures.dense import Dense
from flambeau.structures.initialisation import INITIALISERS, draw, initialiser
from flambeau.structures.layer import AbstractLayer, Dropout, Layer, Trace, dense_layer

__all__ = [
    "INITIALISERS",
    "AbstractLayer",
    "AbstractStructure",
    "Dense",
    "Dropout",
    "Layer",
    "Trace",
    "dense_layer",
    "derived_backproject",
    "derived_correlate",
    "draw",
    "initialiser",
]
