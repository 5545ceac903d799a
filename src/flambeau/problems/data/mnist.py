"""MNIST, the handwritten digits, and Fashion-MNIST, clothes in the same format."""

import numpy as np

from flambeau.errors import FileFormatError
from flambeau.problems.data.bundle import DataBundle
from flambeau.problems.data.fetch import RemoteDataset, find
from flambeau.problems.data.idx import read_idx

TRAINING = ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz")
TEST = ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz")

MNIST = RemoteDataset(
    name="mnist",
    source="https://ossci-datasets.s3.amazonaws.com/mnist/",
    sha256={
        "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    },
)

FASHION_MNIST = RemoteDataset(
    name="fashion-mnist",
    source="http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",  # no https there: the sums below protect
    sha256={
        "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    },
)


def mnist(*, source: str | None = None) -> DataBundle:
    """Return MNIST: 60,000 handwritten digits for training and 10,000 for testing, 28x28 pixels each.

    ``data`` is ``(60000, 784)`` float32 from 0 (paper) to 1 (ink), ``target`` ``(60000,)`` int64 from 0 to 9,
    ``images`` ``(60000, 28, 28)``, a view of ``data``; ``test_*`` the same with 10,000 rows. ``source`` is another
    base URL with the same files.

    Raises :class:`~flambeau.errors.ChecksumError`, :class:`~flambeau.errors.DownloadError`,
    :class:`~flambeau.errors.UnavailableError` as :func:`flambeau.problems.data.fetch.find` does.

    >>> list(MNIST.sha256)[:2]
    ['train-images-idx3-ubyte.gz', 'train-labels-idx1-ubyte.gz']
    >>> mnist()  # doctest: +SKIP
    DataBundle('mnist': data (60000, 784) float32, target (60000,) int64, test_data (10000, 784) float32)

    *Limits.* 11 MB to download, 220 MB in memory. The test set has been used for decades: tune on a part of ``data``.
    Source: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, *Gradient-based learning applied to document recognition*, 1998.
    """
    return load_idx(MNIST, description="60,000 + 10,000 handwritten digits of 28x28 pixels", source=source)


def fashion_mnist(*, source: str | None = None) -> DataBundle:
    """Return Fashion-MNIST: 60,000 pictures of clothes for training and 10,000 for testing, shaped as :func:`mnist`.

    ``target``: 0 T-shirt/top, 1 trouser, 2 pullover, 3 dress, 4 coat, 5 sandal, 6 shirt, 7 sneaker, 8 bag, 9 ankle
    boot. ``source`` is another base URL with the same files.

    Raises :class:`~flambeau.errors.ChecksumError`, :class:`~flambeau.errors.DownloadError`,
    :class:`~flambeau.errors.UnavailableError` as :func:`flambeau.problems.data.fetch.find` does.

    >>> FASHION_MNIST.name, list(FASHION_MNIST.sha256) == list(MNIST.sha256)
    ('fashion-mnist', True)

    *Limits.* 31 MB to download, 220 MB in memory. Harder than digits: shirts, coats and pullovers look alike.
    Source: H. Xiao, K. Rasul, R. Vollgraf, *Fashion-MNIST: a novel image dataset*, 2017.
    """
    return load_idx(FASHION_MNIST, description="60,000 + 10,000 pictures of clothes of 28x28 pixels", source=source)


def load_idx(dataset: RemoteDataset, *, description: str = "", source: str | None = None) -> DataBundle:
    """Return a data set whose four files are named and built as MNIST's.

    Pixels are divided by 255: ``data`` is ``(n, height * width)`` float32 from 0 to 1, ``images`` a view of it.

    Raises :class:`~flambeau.errors.FileFormatError` if a file does not hold pictures or labels of one byte each;
    :class:`~flambeau.errors.DataError` if their numbers differ; and the errors of
    :func:`flambeau.problems.data.fetch.find`.

    *Limits.* The pictures are kept once, as float32; the bytes are not kept (``(images * 255).round()`` gives them
    back). Source: Y. LeCun, C. Cortes, C. Burges, *The MNIST database of handwritten digits*, 1998.
    """
    images, target = read_part(dataset, TRAINING, source)
    test_images, test_target = read_part(dataset, TEST, source)
    return DataBundle(
        name=dataset.name,
        data=images.reshape(len(images), -1),
        target=target,
        images=images,
        description=description,
        test_data=test_images.reshape(len(test_images), -1),
        test_target=test_target,
        test_images=test_images,
    )


def read_part(dataset: RemoteDataset, files: tuple[str, str], source: str | None) -> tuple[np.ndarray, np.ndarray]:
    """Pixels from 0 to 1, and labels."""
    pixels = read_bytes(dataset, files[0], source, dimensions=3)
    target = read_bytes(dataset, files[1], source, dimensions=1)
    return np.divide(pixels, np.float32(255)), target.astype(np.int64)


def read_bytes(dataset: RemoteDataset, filename: str, source: str | None, dimensions: int) -> np.ndarray:
    """A file of bytes with so many dimensions."""
    path = find(dataset, filename, source=source)
    array = read_idx(path)
    if array.ndim != dimensions or array.dtype != np.uint8:
        got = f"{array.ndim} of {array.dtype}"
        raise FileFormatError(str(path), f"{dimensions} dimensions of uint8", got, "check the order of the files")
    return array
