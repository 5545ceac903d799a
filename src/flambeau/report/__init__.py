"""Reports: what a page is made of (`document`), how it is drawn (`figures`, `panels`) and written down (`html`).

For your own networks: :func:`filters`, :func:`maps`, :func:`saliency_map` and :func:`receptive_field_picture`; for
Boltzmann machines :func:`receptive_fields_picture`, :func:`samples_picture`, :func:`fantasies_picture`, and for what
was measured of them :func:`activity_picture`, :func:`histogram_picture`, :func:`free_energy_picture`,
:func:`gibbs_histogram_picture`, :func:`likelihood_picture`. Each returns a picture as PNG bytes.
"""

from flambeau.report.boltzmann import fantasies_picture, receptive_fields_picture, samples_picture
from flambeau.report.boltzmann_charts import (
    activity_picture,
    free_energy_picture,
    gibbs_histogram_picture,
    histogram_picture,
    likelihood_picture,
)
from flambeau.report.networks import filters, maps, receptive_field_picture, saliency_map

__all__ = [
    "activity_picture",
    "fantasies_picture",
    "filters",
    "free_energy_picture",
    "gibbs_histogram_picture",
    "histogram_picture",
    "likelihood_picture",
    "maps",
    "receptive_field_picture",
    "receptive_fields_picture",
    "saliency_map",
    "samples_picture",
]
