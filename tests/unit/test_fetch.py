"""Fetching: the order of places, and what is left behind when a public source misbehaves (one on this machine)."""

import gzip
import hashlib
import io
import os
import struct
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from flambeau.errors import (
    ChecksumError,
    ConfigurationError,
    DataError,
    DownloadError,
    FileFormatError,
    UnavailableError,
)
from flambeau.problems.data import catalogue, download
from flambeau.problems.data.catalogue import available, fetch_dataset, load
from flambeau.problems.data.fetch import RemoteDataset, cache_folder, find, locate
from flambeau.problems.data.mnist import FASHION_MNIST, MNIST, fashion_mnist, load_idx, mnist

REAL = Path(os.environ.get("FLAMBEAU_DATA") or "no-data-folder").absolute()  # before the fixture below hides it
BODY = gzip.compress(bytes(range(256)) * 40)


def remote(files, name="set", source="http://127.0.0.1:9/"):
    return RemoteDataset(name, source, {file: hashlib.sha256(body).hexdigest() for file, body in files.items()})


SET = remote({"a.gz": BODY})


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.delenv("FLAMBEAU_DATA", raising=False)
    monkeypatch.setenv("FLAMBEAU_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path / "cache"


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setenv("FLAMBEAU_DATA", str(tmp_path / "data"))
    (tmp_path / "data/set").mkdir(parents=True)
    return tmp_path / "data"


class Source(ThreadingHTTPServer):
    """A public source: path -> (status, headers, body); counts what it is asked."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers, self.asked = {}, []
        self.url = f"http://127.0.0.1:{self.server_port}/"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        status, headers, body = self.server.answers.get(self.path, (404, {}, b"no such file"))
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def source():
    with Source() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def put(folder, body=BODY):
    (folder / "set").mkdir(parents=True, exist_ok=True)
    (folder / "set/a.gz").write_bytes(body)
    return folder / "set/a.gz"


def files_in(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


# ------------------------------------------------------------------------------------------ the order


def test_data_folder_comes_first(data, cache, source):
    kept, _ = put(data), put(cache)
    assert find(SET, "a.gz", source=source.url) == kept
    assert locate(SET, "a.gz") == ("data folder", kept)
    assert source.asked == []


def test_cache_comes_before_the_download(data, cache, source):
    cached = put(cache)
    assert find(SET, "a.gz", source=source.url) == cached
    assert locate(SET, "a.gz") == ("cache", cached)
    assert source.asked == []


def test_download_comes_last_and_once(data, cache, source):
    source.answers["/a.gz"] = (200, {}, BODY)
    for _ in range(2):
        assert find(SET, "a.gz", source=source.url) == cache / "set/a.gz"
    assert source.asked == ["/a.gz"]
    assert files_in(cache) == [cache / "set/a.gz"]
    assert (cache / "set/a.gz").read_bytes() == BODY
    assert files_in(data) == []


def test_the_data_sets_own_source_is_the_default(cache, source):
    source.answers["/below/a.gz"] = (200, {}, BODY)
    assert find(remote({"a.gz": BODY}, source=f"{source.url}below/"), "a.gz").read_bytes() == BODY


def test_a_data_folder_that_is_not_there_holds_nothing(cache, monkeypatch, tmp_path):
    monkeypatch.setenv("FLAMBEAU_DATA", str(tmp_path / "nowhere"))
    assert locate(SET, "a.gz") is None
    cached = put(cache)
    assert find(SET, "a.gz", download=False) == cached


def test_another_file_in_the_data_folder_is_an_error_and_stays(data, cache, source):
    put(cache)
    kept = put(data, b"something else")
    with pytest.raises(
        ChecksumError, match=rf"{SET.sha256['a.gz']}, got {hashlib.sha256(b'something else').hexdigest()}"
    ):
        find(SET, "a.gz", source=source.url)
    assert kept.read_bytes() == b"something else"
    assert source.asked == []


def test_another_file_in_the_cache_is_replaced(cache, source):
    put(cache, b"half a fi")
    source.answers["/a.gz"] = (200, {}, BODY)
    assert find(SET, "a.gz", source=source.url).read_bytes() == BODY


def test_another_file_in_the_cache_does_not_outlive_a_failed_download(cache, source):
    put(cache, b"half a fi")
    with pytest.raises(DownloadError):
        find(SET, "a.gz", source=source.url)
    assert files_in(cache) == []


def test_without_download_the_network_is_left_alone(cache, source):
    with pytest.raises(UnavailableError, match="flambeau data fetch set") as caught:
        find(SET, "a.gz", source=source.url, download=False)
    assert isinstance(caught.value, FileNotFoundError)
    assert source.asked == []
    assert not cache.exists()


def test_names_never_become_paths():
    for name in ("", "..", "a/b", "a\\b", "c:"):
        with pytest.raises(ConfigurationError, match="plain file names"):
            RemoteDataset(name, "http://127.0.0.1/", {})
        with pytest.raises(ConfigurationError, match="plain file names"):
            RemoteDataset("set", "http://127.0.0.1/", {name: "0" * 64})
    with pytest.raises(ConfigurationError, match=r"one of a\.gz"):
        find(SET, "../a.gz")


def test_cache_folder_default_is_the_users(monkeypatch):
    assert cache_folder() == Path(os.environ["FLAMBEAU_CACHE"])
    monkeypatch.delenv("FLAMBEAU_CACHE")
    assert "flambeau" in str(cache_folder()).lower()


# -------------------------------------------------------------------------- a source that misbehaves


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        ((404, {}, b"no such file"), DownloadError, "404"),
        ((500, {}, b""), DownloadError, "500"),
        ((200, {"Content-Length": str(len(BODY))}, BODY[:100]), DownloadError, "IncompleteRead"),
        ((200, {}, BODY[:-1]), ChecksumError, "SHA-256"),
        ((200, {}, b"<html>please log in</html>"), ChecksumError, "SHA-256"),
        ((200, {"Content-Length": "many"}, BODY), DownloadError, "many"),
        ((302, {"Location": "gopher://127.0.0.1/"}, b""), DownloadError, "gopher"),
    ],
    ids=["404", "500", "truncated", "one byte short", "another file", "bad header", "bad redirect"],
)
def test_a_failed_download_leaves_nothing(cache, source, answer, error, message):
    source.answers["/a.gz"] = answer
    with pytest.raises(error, match=message) as caught:
        find(SET, "a.gz", source=source.url)
    assert caught.value.where == f"{source.url}a.gz"
    assert files_in(cache) == []
    assert locate(SET, "a.gz") is None


def test_nobody_answers(cache, source):
    source.server_close()
    with pytest.raises(DownloadError, match="FLAMBEAU_DATA") as caught:
        find(SET, "a.gz", source=source.url)
    assert isinstance(caught.value, ConnectionError)
    assert files_in(cache) == []


def test_a_download_is_bounded(cache, source, monkeypatch):
    source.answers["/a.gz"] = (200, {}, BODY)
    monkeypatch.setattr(download, "MAX_DOWNLOAD", len(BODY) - 1)
    with pytest.raises(DownloadError, match=f"at most {len(BODY) - 1} bytes"):
        find(SET, "a.gz", source=source.url)
    assert files_in(cache) == []


def test_a_stored_gzip_stays_as_it_is_stored(source):
    source.answers["/a.gz"] = (200, {"Content-Encoding": "gzip"}, BODY)
    assert find(SET, "a.gz", source=source.url).read_bytes() == BODY


def test_a_cache_that_cannot_be_written(cache, source):
    cache.write_text("a file, not a folder")
    with pytest.raises(UnavailableError, match="set FLAMBEAU_CACHE"):
        find(SET, "a.gz", source=source.url)


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("answer", [(200, {}, BODY), (404, {}, b"")], ids=["good", "bad"])
def test_progress_is_shown_on_a_terminal(source, monkeypatch, answer):
    source.answers["/a.gz"] = answer
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    try:
        find(SET, "a.gz", source=source.url)
    except DownloadError:
        assert answer[0] == 404
    shown = sys.stderr.getvalue()
    assert "a.gz" in shown
    assert (f"{len(BODY)}/{len(BODY)}" in shown) == (answer[0] == 200)
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")  # the cursor is given back, also after an error


def test_importing_opens_no_connection():
    code = (
        "import socket\n"
        "def refuse(*a, **k): raise SystemExit('network at import')\n"
        "socket.socket.connect = refuse\n"
        "import flambeau.problems.data.catalogue\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    assert subprocess.run([sys.executable, "-c", code], env=environment, timeout=120).returncode == 0


# ------------------------------------------------------------------------------- MNIST and its family


def idx(array):
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def small_files(**changed):
    rng = np.random.default_rng(0)
    arrays = {
        "train-images-idx3-ubyte.gz": rng.integers(0, 256, (7, 4, 5), dtype=np.uint8),
        "train-labels-idx1-ubyte.gz": np.arange(7, dtype=np.uint8),
        "t10k-images-idx3-ubyte.gz": rng.integers(0, 256, (3, 4, 5), dtype=np.uint8),
        "t10k-labels-idx1-ubyte.gz": np.arange(3, dtype=np.uint8),
    }
    arrays |= {name.replace("_", "-") + "-ubyte.gz": array for name, array in changed.items()}
    return arrays, {name: gzip.compress(idx(array)) for name, array in arrays.items()}


def serve(source, files):
    source.answers |= {f"/{name}": (200, {}, body) for name, body in files.items()}
    return remote(files, name="small", source=source.url)


def test_four_idx_files_become_a_bundle(source):
    arrays, files = small_files()
    bundle = load_idx(serve(source, files), description="small")
    assert (bundle.name, bundle.description) == ("small", "small")
    assert bundle.data.dtype == bundle.test_images.dtype == np.float32
    assert bundle.target.dtype == bundle.test_target.dtype == np.int64
    images = arrays["train-images-idx3-ubyte.gz"]
    np.testing.assert_array_equal((bundle.images * 255).round(), images)
    np.testing.assert_array_equal(bundle.data, (images / np.float32(255)).reshape(7, 20))
    np.testing.assert_array_equal(bundle.test_target, [0, 1, 2])
    assert bundle.test_data.shape == (3, 20)
    assert np.shares_memory(bundle.data, bundle.images)
    assert np.shares_memory(bundle.test_data, bundle.test_images)


def test_files_in_the_wrong_place_are_noticed(source):
    _, files = small_files(train_images_idx3=np.zeros(7, np.uint8))
    with pytest.raises(FileFormatError, match="3 dimensions of uint8, got 1"):
        load_idx(serve(source, files))
    _, files = small_files(train_labels_idx1=np.zeros(6, np.uint8))
    with pytest.raises(DataError, match="7 rows"):
        load_idx(remote(files, name="other", source=serve(source, files).source))


@pytest.mark.parametrize(("loader", "name"), [(mnist, "mnist"), (fashion_mnist, "fashion-mnist")])
def test_imitations_are_not_mnist(loader, name, source, cache):
    serve(source, small_files()[1])
    with pytest.raises(ChecksumError):
        loader(source=source.url)
    assert files_in(cache) == []
    assert (cache / name).is_dir()


def test_the_registry_is_the_published_one():
    assert list(MNIST.sha256) == list(FASHION_MNIST.sha256)
    sums = [*MNIST.sha256.values(), *FASHION_MNIST.sha256.values()]
    assert len(set(sums)) == 8
    assert all(len(bytes.fromhex(each)) == 32 for each in sums)


@pytest.mark.skipif(not (REAL / "mnist").is_dir(), reason="set FLAMBEAU_DATA to a folder with mnist/ to test on it")
def test_real_mnist(monkeypatch):
    monkeypatch.setenv("FLAMBEAU_DATA", str(REAL))
    bundle = load("mnist")
    parts = np.array_split(bundle.data, 60)  # of 47 million numbers no second copy is made
    shares = sum(np.bincount((part * 255).round().astype(int).ravel(), minlength=256) for part in parts)
    shares, levels = shares / shares.sum(), np.arange(256)
    assert shares @ levels == pytest.approx(33.3184, abs=5e-5)
    assert np.sqrt(shares @ levels**2 - (shares @ levels) ** 2) == pytest.approx(78.5675, abs=5e-5)
    assert bundle.data.max() == 1.0
    assert bundle.images.shape == (60_000, 28, 28)
    assert bundle.test_images.shape == (10_000, 28, 28)
    assert bundle.target[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert np.bincount(bundle.target).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(bundle.test_target).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert {row.name: row.where for row in available()}["mnist"] == "data folder"


# ---------------------------------------------------------------------------------------- catalogue


def test_load_by_name():
    assert load("digits").data.shape == (1797, 64)
    with pytest.raises(ConfigurationError, match="digits, mnist, fashion-mnist, got 'mnits'"):
        load("mnits")
    with pytest.raises(ConfigurationError, match="flambeau data list"):
        fetch_dataset("mnits")


def test_available_says_where_each_set_stands(data, cache, source, monkeypatch):
    files = small_files()[1]
    entry = catalogue.TABLE["mnist"]._replace(remote=serve(source, files))
    monkeypatch.setitem(catalogue.TABLE, "mnist", entry)

    def where():
        return {row.name: row.where for row in available()}

    assert where() == {"digits": "bundled", "mnist": "not here", "fashion-mnist": "not here"}
    paths = fetch_dataset("mnist")
    assert paths == [cache / "small" / name for name in files]
    assert where()["mnist"] == "cache"
    paths[0].unlink()
    assert where()["mnist"] == "not here"
    (data / "small").mkdir()
    for name, body in files.items():
        (data / "small" / name).write_bytes(body)
    assert where()["mnist"] == "data folder"
    (data / "small" / paths[1].name).unlink()
    assert where()["mnist"] == "cache"
    assert fetch_dataset("digits") == []
