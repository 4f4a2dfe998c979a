"""Virtual environments for the engines, made once from whatever package index pip is set up for. Standard library only: this runs before there
is anything else."""
import pathlib
import shutil
import subprocess
import sys

# DeepSparse 1.8.0 wants numpy 1.x and an old onnx, and has wheels for no Python later than 3.11.
PEERS = ["numpy", "onnx", "onnxruntime", "openvino"]
DEEPSPARSE = ["deepsparse==1.8.0", "onnx==1.14.1", "numpy<2"]
DEEPSPARSE_PYTHONS = ["python3.11", "python3.10", "python3.9", "python3.8"]
NEEDED = "numpy, onnx"      # by the command itself


def python_of(folder):
    return folder / "bin/python"


def make(folder, python, packages):
    """Why it could not be made; None if it could. What is complete is marked as such."""
    done = folder / "complete"
    if done.exists() and done.read_text(encoding="utf-8").split("\n") == packages:
        return None
    print(f"setting up {folder}: {' '.join(packages)}", file=sys.stderr, flush=True)
    for command in ([python, "-m", "venv", str(folder)], [str(python_of(folder)), "-m", "pip", "install", "-q", *packages]):
        ran = subprocess.run(command, stdout=sys.stderr, check=False)
        if ran.returncode != 0:
            return f"{' '.join(command)}: exit code {ran.returncode}"
    done.write_text("\n".join(packages), encoding="utf-8")
    return None


def has(python, modules):
    return python.exists() and subprocess.run([str(python), "-c", f"import {modules}"], capture_output=True, check=False).returncode == 0


def old_python():
    """One that DeepSparse has wheels for."""
    if (3, 8) <= sys.version_info[:2] <= (3, 11):
        return sys.executable
    return next(filter(None, map(shutil.which, DEEPSPARSE_PYTHONS)), None)


def peers(folder, given):
    """The Python with ONNX Runtime, OpenVINO and OpenBLAS, and onnx and numpy for the command itself."""
    if given:
        python = python_of(pathlib.Path(given).absolute())
        if not has(python, NEEDED):
            sys.exit(f"{given}: no virtual environment with {NEEDED}")
        return python
    error = make(folder / "peers", sys.executable, PEERS)
    if error:
        sys.exit(f"the engines could not be set up: {error}\nTo use an environment of your own: --environment FOLDER")
    return python_of(folder / "peers")


def deepsparse(folder, given):
    """The Python with DeepSparse; None if it cannot be had here, which is said."""
    place, python = pathlib.Path(given).absolute() if given else folder / "deepsparse", old_python()
    if given:
        error = None if has(python_of(place), "deepsparse") else f"{given} has none"
    else:
        error = make(place, python, DEEPSPARSE) if python else "it needs Python 3.8 to 3.11"
    if error:
        print(f"skipped: DeepSparse: {error}", file=sys.stderr)
        return None
    return python_of(place)
