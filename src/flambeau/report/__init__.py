"""Reports: what a page is made of (`document`), how it is drawn (`figures`, `panels`) and written down (`html`).

For your own networks: :func:`filters`, :func:`maps`, :func:`saliency_map` and :func:`receptive_field_picture`, each of
which returns a picture as PNG bytes.
"""

from flambeau.report.networks import filters, maps, receptive_field_picture, saliency_map

__all__ = ["filters", "maps", "receptive_field_picture", "saliency_map"]
