"""Files are whole or not there; a container is judged before it is believed."""

import errno
import json
import os
import re
import stat
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import save as save_tensors

from flambeau.errors import ChecksumError, ConfigurationError, FileFormatError, OutputError
from flambeau.foundation import files
from flambeau.foundation.container import MAX_DEPTH, pack, read, unpack
from flambeau.foundation.files import check_output, write_atomic

FORMATS = {"kind 2": True}
TENSORS = {"weights": np.arange(6.0).reshape(2, 3), "none": np.zeros((0, 4)), "one": np.asarray(True)}


def whole(**manifest):
    return pack("test", "kind 2", {"model": {"a": [1, "ü"]}, **manifest}, TENSORS)


class TestWriting:
    def test_a_new_file_follows_the_umask_and_an_old_one_keeps_its_permissions(self, tmp_path):
        file = tmp_path / "model"
        before = os.umask(0o027)
        try:
            write_atomic(file, b"one")
        finally:
            os.umask(before)
        assert stat.S_IMODE(file.stat().st_mode) == 0o640
        file.chmod(0o600)
        write_atomic(file, b"two")
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert file.read_bytes() == b"two"
        assert os.listdir(tmp_path) == ["model"]

    def test_a_link_stays_and_its_target_is_replaced(self, tmp_path):
        (tmp_path / "there").mkdir()
        real, link, chain = tmp_path / "there" / "model", tmp_path / "link", tmp_path / "chain"
        link.symlink_to(real)
        chain.symlink_to("link")
        for path, content in ((link, b"new"), (chain, b"newer")):
            write_atomic(path, content)
            assert link.is_symlink()
            assert real.read_bytes() == content
        assert sorted(os.listdir(tmp_path)) == ["chain", "link", "there"]

    def test_the_home_folder_is_expanded(self, tmp_path, monkeypatch):
        monkeypatch.setenv("HOME", str(tmp_path))
        write_atomic("~/model", pack("test", "kind 2", {}, {}))
        assert os.listdir(tmp_path) == ["model"]
        assert read("~/model", FORMATS).tensors == {}

    @pytest.mark.parametrize("broken", ["fsync", "replace", "write"])
    def test_a_write_that_fails_leaves_the_old_file_whole_and_nothing_else(self, broken, tmp_path, monkeypatch):
        file = tmp_path / "model"
        write_atomic(file, b"old")

        def full(*_):
            assert file.read_bytes() == b"old"  # not a byte of it has been touched yet
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(files.os, broken, full)
        with pytest.raises(OutputError, match="No space left on device"):
            write_atomic(file, [b"new " * 1000, memoryview(b"tail")])
        monkeypatch.undo()
        assert file.read_bytes() == b"old"
        assert os.listdir(tmp_path) == ["model"]

    def test_ctrl_c_in_the_middle_leaves_the_old_file_whole_and_nothing_else(self, tmp_path):
        file = tmp_path / "model"
        write_atomic(file, b"old")

        def pieces():
            yield b"new"
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            write_atomic(file, pieces())
        assert file.read_bytes() == b"old"
        assert os.listdir(tmp_path) == ["model"]

    def test_what_a_killed_write_left_is_cleared_by_the_next_one_and_a_living_write_is_let_be(self, tmp_path):
        file, other = tmp_path / "mod*l", tmp_path / "model"
        script = (
            "import os, sys; from pathlib import Path; from flambeau.foundation.files import _part_of\n"
            "with _part_of(Path(sys.argv[1]), 0o600): os.kill(os.getpid(), 9)"
        )
        for target in (file, other):
            subprocess.run([sys.executable, "-c", script, str(target)], check=False)
        (tmp_path / ".mod*l.swp").touch()
        assert len(os.listdir(tmp_path)) == 3
        with files._part_of(file, 0o600) as (part, _):
            write_atomic(file, b"new")
            assert part.exists()
        kept = {".mod*l.swp", "mod*l"}  # and what was left of another target's write
        assert len(kept & set(os.listdir(tmp_path))) == len(os.listdir(tmp_path)) - 1 == 2
        write_atomic(other, b"new")
        assert sorted(os.listdir(tmp_path)) == [".mod*l.swp", "mod*l", "model"]

    def test_where_nothing_can_be_written_is_said_by_name(self, tmp_path, monkeypatch):
        (tmp_path / "file").touch()
        cases = {
            tmp_path / "no" / "model": f"no folder {tmp_path / 'no'}",
            tmp_path / "file" / "model": "which is no folder",
            tmp_path: "got a folder",
            "/dev/null": "a device or a pipe",
        }
        for path, got in cases.items():
            for ask in (check_output, lambda path: write_atomic(path, b"")):
                with pytest.raises(OutputError, match=re.escape(got)):
                    ask(path)
        monkeypatch.setattr(files.os, "access", lambda *_: False)  # a superuser may write everywhere
        with pytest.raises(OSError, match="read-only"):
            check_output(tmp_path / "model")
        assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


class TestContainer:
    def test_the_same_content_gives_the_same_bytes_and_comes_back(self, tmp_path):
        assert whole() == whole()
        (tmp_path / "file").write_bytes(whole())
        found = read(tmp_path / "file", FORMATS)
        assert found.manifest["model"] == {"a": [1, "ü"]}
        assert {name: values.tolist() for name, values in found.tensors.items()} == {
            name: values.tolist() for name, values in TENSORS.items()
        }
        assert found.tensors["none"].shape == (0, 4)

    def test_every_changed_byte_and_every_cut_is_noticed(self):
        content = whole()
        for place in range(len(content)):
            changed = bytearray(content)
            changed[place] ^= 1 << place % 8
            with pytest.raises(FileFormatError):
                unpack("test", bytes(changed), FORMATS)
        data = bytearray(content)
        data[-3] ^= 16
        with pytest.raises(ChecksumError, match="SHA-256"):
            unpack("test", bytes(data), FORMATS)
        for cut in (*range(0, len(content), 7), len(content) - 1):
            with pytest.raises(FileFormatError):
                unpack("test", content[:cut], FORMATS)
        with pytest.raises(FileFormatError):
            unpack("test", content + b"x", FORMATS)

    def test_a_large_file_that_is_none_of_ours_is_judged_by_its_first_bytes(self, tmp_path, monkeypatch):
        file = tmp_path / "large"
        for start in (b"PK\x03\x04 and so on", ((1 << 20) + 1).to_bytes(8, "little")):  # the second would fit the file
            with file.open("wb") as handle:
                handle.write(start)
                handle.truncate(1 << 40)  # a hole: takes no room
            with pytest.raises(FileFormatError, match="a header of at most 1048576 bytes"):
                read(file, FORMATS)
        safetensors = save_tensors({"a": np.ones(2)}, metadata={"format": "pt"})
        with file.open("wb") as handle:
            handle.write(safetensors)
            handle.truncate(1 << 40)
        with pytest.raises(FileFormatError, match="expected kind 2, got 'pt'"):
            read(file, FORMATS)

    def test_no_file_a_folder_a_device(self, tmp_path):
        with pytest.raises(FileNotFoundError):
            read(tmp_path / "nothing", FORMATS)
        for path in (tmp_path, "/dev/zero"):
            with pytest.raises(FileFormatError, match="a folder, a device or a pipe"):
                read(path, FORMATS)

    @pytest.mark.parametrize(
        ("manifest", "match"),
        [
            ('{"format": "kind 2", "format": "kind 2"}', "stands twice"),
            ('{"format": "kind 2", "x": NaN}', "NaN is no number"),
            ('{"format": "kind 2", "x": ' + "[" * 100_000 + "]" * 100_000 + "}", "nested at most"),
            ('{"format": "kind 2", "x": ' + "9" * 5_000 + "}", "ValueError"),
            ('{"format": ["kind 2"]}', "expected kind 2"),
            ('{"format": "kind 3"}', "expected kind 2"),
            ("5", "got int"),
            ('{"format": "kind 2"}', "a SHA-256, got None"),
            ('{"format": "kind 2", "sha256": "%s"}' % ("0" * 64), "expected SHA-256 0000"),
        ],
    )
    def test_a_manifest_that_is_none(self, manifest, match):
        content = save_tensors({"a": np.ones(1)}, metadata={"flambeau": manifest})
        with pytest.raises(FileFormatError, match=match):
            unpack("test", content, FORMATS)

    def test_a_header_is_held_to_its_limits(self):
        def forged(header, room=8):
            text = json.dumps({"__metadata__": {"flambeau": '{"format": "kind 2"}'}, **header}).encode()
            return len(text).to_bytes(8, "little") + text + b"\0" * room

        def entry(shape, start, end):
            return {"dtype": "U8", "shape": shape, "data_offsets": [start, end]}

        cases = {
            "arrays that fill the file, got 16": forged({"a": entry([16], 0, 16)}),
            "arrays that fill the file, got 8": forged({"a": entry([4], 0, 4), "b": entry([2], 6, 8)}),
            "arrays that fill the file, got 4": forged({"a": entry([4], 0, 4)}),
            "at most 4096 arrays": forged({str(n): entry([0], 0, 0) for n in range(4097)}, 0),
            "at most 8 dimensions|8 dimensions, got": forged({"a": entry([1] * 9, 0, 1)}, 1),
            "arrays that fill the file, got 0": forged({"a": entry([0, 2**40], 0, 0)}, 0),
            "a safetensors header": forged({"a": {"dtype": "U8", "shape": [8]}}),
            "arrays that safetensors can read|a SHA-256": forged({"a": {**entry([8], 0, 8), "dtype": "U9"}}),
        }
        for match, content in cases.items():
            with pytest.raises(FileFormatError, match=match):
                unpack("test", content, FORMATS)

    def test_what_passes_the_readers_limits_is_not_written(self):
        many = {str(number): np.zeros(1) for number in range(4_097)}
        with pytest.raises(ConfigurationError, match="at most 4,096 arrays in a file, got 4,097"):
            pack("test", "kind 2", {}, many)
        with pytest.raises(ConfigurationError, match="a description of at most 1,048,576 bytes"):
            pack("test", "kind 2", {"text": "x" * (1 << 20)}, {})
        deep = {"x": 1}
        for _ in range(MAX_DEPTH - 1):
            deep = {"x": deep}
        assert unpack("test", pack("test", "kind 2", deep, {}), FORMATS)
