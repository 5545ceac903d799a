"""Structures: how units are wired, and the layers that neurons make of them."""

from flambeau.structures.base import AbstractStructure, derived_backproject, derived_correlate
from flambeau.structures.convolution import Convolution, convolution_layer
from flambeau.structures.dense import Dense
from flambeau.structures.image_layers import Flatten, Retina
from flambeau.structures.initialisation import INITIALISERS, draw, initialiser
from flambeau.structures.lateral import Lateral, lateral
from flambeau.structures.layer import AbstractLayer, AbstractPassage, Dropout, Layer, Trace, dense_layer
from flambeau.structures.pooling import AveragePooling, MaxPooling, Subsampling
from flambeau.structures.windows import Window

__all__ = [
    "INITIALISERS",
    "AbstractLayer",
    "AbstractPassage",
    "AbstractStructure",
    "AveragePooling",
    "Convolution",
    "Dense",
    "Dropout",
    "Flatten",
    "Lateral",
    "Layer",
    "MaxPooling",
    "Retina",
    "Subsampling",
    "Trace",
    "Window",
    "convolution_layer",
    "dense_layer",
    "derived_backproject",
    "derived_correlate",
    "draw",
    "initialiser",
    "lateral",
]
