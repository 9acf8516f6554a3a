"""Small archives in the official layouts, with checksums to match."""

import functools
import gzip
import hashlib
import http.server
import io
import struct
import tarfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torchvision.datasets
from PIL import Image
from scipy.io import savemat

import prunebench as pb
from prunebench.tasks import archives
from prunebench.tasks.cache import Cache, default_folder
from prunebench.tasks.datasets import DATASETS

DRAW = np.random.default_rng(0)
TRAIN, TEST = 40, 20
Files = dict[str, bytes]
Images = dict[str, np.ndarray]


def images(classes: int = 10, size: int = 32) -> Images:
    """Colour images (N, H, W, 3) of shuffled classes."""
    made: Images = {}
    for part, count in (("train", TRAIN), ("test", TEST)):
        made[f"x_{part}"] = DRAW.integers(0, 256, (count, size, size, 3), dtype=np.uint8)
        made[f"y_{part}"] = DRAW.permutation(np.arange(count) % classes)
    return made


def idx(array: np.ndarray) -> bytes:
    header = struct.pack(">BBBB", 0, 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    return gzip.compress(header + array.astype(np.uint8).tobytes())


def mnist_files(made: Images) -> Files:
    return {
        "train-images-idx3-ubyte.gz": idx(made["x_train"][..., 0]),
        "train-labels-idx1-ubyte.gz": idx(made["y_train"]),
        "t10k-images-idx3-ubyte.gz": idx(made["x_test"][..., 0]),
        "t10k-labels-idx1-ubyte.gz": idx(made["y_test"]),
    }


def records(x: np.ndarray, *labels: np.ndarray) -> bytes:
    planes = x.transpose(0, 3, 1, 2).reshape(len(x), -1)
    return np.hstack([*(y.astype(np.uint8)[:, None] for y in labels), planes]).tobytes()


def tar(members: Files) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as file:
        for name, contents in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(contents)
            file.addfile(info, io.BytesIO(contents))
    return buffer.getvalue()


def cifar10_files(made: Images) -> Files:
    folder, step = "cifar-10-batches-bin/", TRAIN // 5
    members = {folder + "batches.meta.txt": b"airplane\nautomobile\nbird\ncat\nd\ne\nf\ng\nh\ni\n\n"}
    for number in range(5):
        rows = slice(number * step, (number + 1) * step)
        members[f"{folder}data_batch_{number + 1}.bin"] = records(
            made["x_train"][rows], made["y_train"][rows]
        )
    members[folder + "test_batch.bin"] = records(made["x_test"], made["y_test"])
    # The order of members is not that of the batches.
    return {"cifar-10-binary.tar.gz": tar(dict(reversed(members.items())))}


def cifar100_files(made: Images) -> Files:
    folder, coarse = "cifar-100-binary/", np.full(100, 19)
    members = {
        folder + "coarse_label_names.txt": b"fish\n" * 20,
        folder + "fine_label_names.txt": "\n".join(f"thing_{k}" for k in range(100)).encode() + b"\n",
        folder + "train.bin": records(made["x_train"], coarse[:TRAIN], made["y_train"]),
        folder + "test.bin": records(made["x_test"], coarse[:TEST], made["y_test"]),
    }
    return {"cifar-100-binary.tar.gz": tar(members)}


def svhn_files(made: Images) -> Files:
    files: Files = {}
    for part in ("train", "test"):
        buffer = io.BytesIO()
        # The official files call the digit 0 class 10.
        y = np.where(made[f"y_{part}"] == 0, 10, made[f"y_{part}"]).astype(np.uint8)[:, None]
        savemat(buffer, {"X": made[f"x_{part}"].transpose(1, 2, 3, 0), "y": y}, do_compression=True)
        files[f"{part}_32x32.mat"] = buffer.getvalue()
    return files


MAKERS: dict[str, Callable[[Images], Files]] = {
    "cifar10": cifar10_files,
    "cifar100": cifar100_files,
    "mnist": mnist_files,
    "fashion-mnist": mnist_files,
    "svhn": svhn_files,
}


def trust(monkeypatch: pytest.MonkeyPatch, dataset: str, files: Files, address: str) -> None:
    """Make these files the official ones, to be had at this address."""
    md5 = {name: hashlib.md5(contents).hexdigest() for name, contents in files.items()}
    if dataset in ("mnist", "fashion-mnist"):
        cls = torchvision.datasets.MNIST if dataset == "mnist" else torchvision.datasets.FashionMNIST
        assert {name for name, _ in cls.resources} == set(files)
        monkeypatch.setattr(cls, "resources", [(name, md5[name]) for name, _ in cls.resources])
        monkeypatch.setattr(cls, "mirrors", [address + "gone/", address])
    elif dataset == "svhn":
        assert {f"{part}_32x32.mat" for part in ("train", "test")} == set(files)
        split_list = {name[:-10]: [address + name, name, md5[name]] for name in files}
        monkeypatch.setattr(torchvision.datasets.SVHN, "split_list", split_list)
    else:
        monkeypatch.setattr(archives, f"{dataset.upper()}_MD5", next(iter(md5.values())))
        monkeypatch.setattr(archives, "CIFAR_URL", address)


@pytest.fixture(params=MAKERS)
def dataset(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def made() -> Images:
    return images()


@pytest.fixture
def files(dataset: str, made: Images, monkeypatch: pytest.MonkeyPatch) -> Files:
    files = MAKERS[dataset](made)
    trust(monkeypatch, dataset, files, "http://127.0.0.1:9/")
    return files


@pytest.fixture
def filled(dataset: str, files: Files, tmp_path: Path) -> Path:
    """A cache that holds the files."""
    (tmp_path / dataset).mkdir()
    for name, contents in files.items():
        (tmp_path / dataset / name).write_bytes(contents)
    return tmp_path


def test_images_labels_and_orientation(dataset: str, filled: Path, made: Images) -> None:
    data = DATASETS[dataset].read(Cache(filled))
    for part in ("train", "test"):
        expected = made[f"x_{part}"][..., 0] if "mnist" in dataset else made[f"x_{part}"]
        np.testing.assert_array_equal(getattr(data, f"x_{part}"), expected)
        np.testing.assert_array_equal(getattr(data, f"y_{part}"), made[f"y_{part}"])
    assert (data.low, data.high) == (0, 255)
    assert len(data.names) == (100 if dataset == "cifar100" else 10)
    known = {"cifar10": "cat", "cifar100": "thing_3", "fashion-mnist": "Dress"}
    assert data.names[3] == known.get(dataset, "3")


def test_colours_are_kept_where_asked_and_where_there_are_some(
    dataset: str, filled: Path, made: Images
) -> None:
    options: dict[str, Any] = {"classes": "0/1/2/3", "samples": 8, "cache": filled, "scaling": "unit"}
    gray = pb.load_task(dataset, **options)
    if "mnist" in dataset:
        assert gray.shape == (1, 32, 32)
        with pytest.raises(pb.RequestError, match="colour: got True; these data have none"):
            pb.load_task(dataset, colour=True, **options)
        return
    colour = pb.load_task(dataset, colour=True, **options)
    assert (gray.shape, colour.shape, colour.outputs) == ((1, 32, 32), (3, 32, 32), 4)
    pixels = colour.x_test.reshape(-1, 3, 32, 32) * 255
    expected = made["x_test"][made["y_test"] < 4].transpose(0, 3, 1, 2)
    np.testing.assert_allclose(pixels, expected, atol=1e-4)
    assert (gray.source | {"colour": True}, "colour" in gray.source) == (colour.source, False)


def test_task(dataset: str, filled: Path, made: Images) -> None:
    task = pb.load_task(dataset, samples=16, cache=filled, scaling="unit")
    kept = made["x_test"][made["y_test"] < 4]
    first = kept[0, ..., 0] if "mnist" in dataset else np.asarray(Image.fromarray(kept[0]).convert("L"))
    np.testing.assert_allclose(task.x_test[0].numpy() * 255, first.reshape(-1), atol=1e-4)
    assert (task.name, task.samples, task.source["dataset"]) == (dataset, 16, dataset)


def test_cache_folder_of_the_environment(dataset: str, filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRUNEBENCH_CACHE", str(filled))
    assert pb.load_task(dataset, samples=16).samples == 16


def test_absent_files_say_how_to_get_them(dataset: str, files: Files, tmp_path: Path) -> None:
    with pytest.raises(pb.RequestError) as caught:
        pb.load_task(dataset, samples=16, cache=tmp_path / "new")
    for text in (
        str(tmp_path / "new" / dataset / next(iter(files))),
        "is not there",
        "--download",
        "http://",
    ):
        assert text in str(caught.value)
    assert not (tmp_path / "new").exists()


def test_altered_files_are_never_decoded(dataset: str, filled: Path, files: Files) -> None:
    name = list(files)[-1]
    contents = bytearray(files[name])
    contents[len(contents) // 2] ^= 1
    (filled / dataset / name).write_bytes(contents)
    with pytest.raises(pb.RequestError, match=r"checksum differs.*--download"):
        pb.load_task(dataset, samples=16, cache=filled)


@pytest.fixture
def server(dataset: str, files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Offers the files over HTTP from the folder that it gives."""
    offered = tmp_path / "offered"
    offered.mkdir()
    for name, contents in files.items():
        (offered / name).write_bytes(contents)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(offered))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        trust(monkeypatch, dataset, files, f"http://127.0.0.1:{running.server_port}/")
        yield offered
        running.shutdown()


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # of urllib's refused first address
def test_download_on_request(dataset: str, server: Path, files: Files, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    task = pb.load_task(dataset, samples=16, cache=cache, download=True)
    assert {path.name for path in (cache / dataset).iterdir()} == set(files)
    for path in server.iterdir():
        path.unlink()
    assert pb.load_task(dataset, samples=16, cache=cache, download=True).fingerprint == task.fingerprint


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_downloads_of_something_else_are_refused_and_not_kept(
    dataset: str, server: Path, files: Files, tmp_path: Path
) -> None:
    for path in server.iterdir():
        path.write_bytes(b"<html>moved</html>")
    with pytest.raises(pb.PrunebenchError, match="could not download") as caught:
        pb.load_task(dataset, samples=16, cache=tmp_path / "cache", download=True)
    assert not isinstance(caught.value, pb.RequestError)
    assert not list((tmp_path / "cache" / dataset).iterdir())


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_damaged_file_is_downloaded_again(dataset: str, server: Path, files: Files, tmp_path: Path) -> None:
    name = next(iter(files))
    (tmp_path / "cache" / dataset).mkdir(parents=True)
    (tmp_path / "cache" / dataset / name).write_bytes(b"cut off")
    pb.load_task(dataset, samples=16, cache=tmp_path / "cache", download=True)
    assert (tmp_path / "cache" / dataset / name).read_bytes() == files[name]


def test_an_unreachable_address_is_one_line(dataset: str, files: Files, tmp_path: Path) -> None:
    with pytest.raises(pb.PrunebenchError, match="could not download") as caught:
        pb.load_task(dataset, samples=16, cache=tmp_path, download=True)
    assert "\n" not in str(caught.value)


def test_platform_cache_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("PRUNEBENCH_CACHE", raising=False)
    for platform, variable in (("linux", "XDG_CACHE_HOME"), ("win32", "LOCALAPPDATA")):
        monkeypatch.setattr("sys.platform", platform)
        monkeypatch.setenv(variable, str(tmp_path))
        assert default_folder() == tmp_path / "prunebench"
        monkeypatch.delenv(variable)
        assert default_folder().is_relative_to(Path.home())
    monkeypatch.setattr("sys.platform", "darwin")
    assert default_folder() == Path.home() / "Library" / "Caches" / "prunebench"
    monkeypatch.setenv("PRUNEBENCH_CACHE", "~/mine")
    assert default_folder() == Path.home() / "mine"
