#!/bin/sh
# The zoo's networks at a quarter of their size, pruned, compiled for aarch64 and run in an emulator with 1 and 2 threads, against ONNX Runtime.
#     sh tests/samples/neon.sh build/tulle [DENSITY]
python=${TULLE_PYTHON:-.venv/bin/python}
"$python" -c 'import onnx, onnxruntime, numpy' 2>/dev/null || { echo "skipped: no Python with onnx and onnxruntime ($python)"; exit 77; }
for tool in aarch64-linux-gnu-gcc qemu-aarch64; do
    command -v $tool >/dev/null || { echo "skipped: no $tool"; exit 77; }
done
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM

"$python" samples/zoo/make.py all --scale 0.25 --density "${2-0.1}" -o "$folder" >/dev/null || exit 1
"$python" samples/zoo/compare.py "$folder"/*.onnx --tulle "$1" --target generic-neon --threads 1,2 --run qemu-aarch64 --options=--static
