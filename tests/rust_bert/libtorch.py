"""Make a folder with libtorch 2.4.0 for the CPU, as the feature `rust-bert` links it, out of PyTorch's wheel.

    libtorch.py FOLDER

There is no package of libtorch alone. The wheel has its headers and libraries, and four times as much that serves CUDA
and Python; 0.8 GB are fetched, 0.5 GB kept. Nothing is done where FOLDER has a libtorch, and FOLDER appears complete or not
at all.
"""

import ctypes
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

VERSION = "2.4.0"
REQUIREMENTS = Path(__file__).with_name("libtorch.txt")
KEPT = {
    "torch": ["lib/libtorch_cpu.so", "lib/libc10.so", "lib/libgomp-a34b3233.so.1"],
    "nvidia/cuda_runtime": ["lib/libcudart.so.12"],
    "nvidia/cuda_cupti": ["lib/libcupti.so.12"],
}
OWN = f"""\
A libtorch {VERSION} of your own, with or without CUDA, will do: set LIBTORCH to the folder that has its `lib` and
`include`, and LIBTORCH_CXX11_ABI to 0 for PyTorch's wheels, to 1 (the default) for the archives called `cxx11-abi`."""


def missing(folder: Path) -> list[str]:
    """What `folder` lacks of a libtorch, ours or another."""
    headers = folder / "include/torch/csrc/api/include/torch/torch.h"
    found = {path.stem for path in (folder / "lib").glob("*")}
    lacks = [f"lib/{name}" for name in ("libc10", "libtorch", "libtorch_cpu") if name not in found]
    return lacks if headers.is_file() else [*lacks, str(headers.relative_to(folder))]


def fetch(into: Path) -> None:
    """Download the wheels; pip checks their hashes."""
    subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-cache-dir"]
        + ["--no-deps", "--require-hashes", "--only-binary=:all:", "--requirement", REQUIREMENTS]
        + ["--implementation=cp", "--python-version=3.11", "--abi=cp311", "--platform=manylinux1_x86_64"]
        + ["--dest", into],
        check=True,
    )


def unpack(wheels: Path, folder: Path) -> None:
    """Take headers and libraries out of the wheels."""
    for wheel in sorted(wheels.glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            for entry in archive.infolist():
                for root, names in KEPT.items():
                    name = entry.filename.removeprefix(f"{root}/")
                    header = root == "torch" and name.startswith("include/")
                    if name == entry.filename or entry.is_dir() or not (header or name in names):
                        continue
                    target = folder / name
                    target.parent.mkdir(parents=True, exist_ok=True)
                    with archive.open(entry) as source, target.open("wb") as sink:
                        shutil.copyfileobj(source, sink, 1 << 20)


def main() -> None:
    """Prepare the folder named on the command line."""
    folder = Path(sys.argv[1]).absolute()
    if not missing(folder):
        print(f"libtorch is in {folder}")
        return
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        sys.exit(f"libtorch is prepared on Linux x86-64 only, and this is {platform.platform()}.\n{OWN}")
    if folder.exists():
        sys.exit(
            f"{folder} is there, but has no {', '.join(missing(folder))}: remove it, or name another folder.\n{OWN}"
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    print(f"libtorch {VERSION} goes to {folder}: 0.8 GB to fetch, 0.5 GB to keep", flush=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".libtorch-") as scratch:
        wheels, made = Path(scratch, "wheels"), Path(scratch, "libtorch")
        fetch(wheels)
        unpack(wheels, made)
        # The wheel's libtorch.so only draws in the CUDA part, which is left out: an empty one takes its place.
        link = ["-shared", "-fPIC", "-x", "c", "/dev/null", "-Wl,-soname,libtorch.so", "-o", made / "lib/libtorch.so"]
        subprocess.run(["cc", *link], check=True)
        (made / "build-version").write_text(f"{VERSION}\n")
        if missing(made):
            sys.exit(f"the wheels of {REQUIREMENTS} have no {', '.join(missing(made))}")
        for library in ("libtorch_cpu.so", "libtorch.so"):
            ctypes.CDLL(str(made / "lib" / library))
        made.rename(folder)


if __name__ == "__main__":
    main()
