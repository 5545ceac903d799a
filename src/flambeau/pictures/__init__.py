"""Pictures: arrays and records in, a picture as PNG bytes out.

For your own networks: :func:`filters`, :func:`maps`, :func:`saliency_map` and :func:`receptive_field_picture`; for
Boltzmann machines :func:`receptive_fields_picture`, :func:`samples_picture`, :func:`fantasies_picture`, and for what
was measured of them :func:`activity_picture`, :func:`histogram_picture`, :func:`free_energy_picture`,
:func:`gibbs_histogram_picture`, :func:`likelihood_picture`. Each returns a picture as PNG bytes.
"""

from flambeau.pictures.energy_charts import (
    activity_picture,
    free_energy_picture,
    gibbs_histogram_picture,
    histogram_picture,
    likelihood_picture,
)
from flambeau.pictures.filters import filters, maps, receptive_field_picture, saliency_map
from flambeau.pictures.samples import fantasies_picture, receptive_fields_picture, samples_picture

__all__ = [
    "activity_picture", "fantasies_picture", "filters", "free_energy_picture", "gibbs_histogram_picture",
    "histogram_picture", "likelihood_picture", "maps", "receptive_field_picture", "receptive_fields_picture",
    "saliency_map", "samples_picture",
]  # fmt: skip
