#!/bin/sh
# The zoo's networks at a quarter of their size (or the given scale), pruned and dense, on both targets, with 1, 2 and 3 threads, against ONNX
# Runtime; and the models' bytes against themselves.
#     sh tests/samples/zoo.sh build/tulle [SCALE]
python=${TULLE_PYTHON:-.venv/bin/python}
"$python" -c 'import onnx, onnxruntime, numpy' 2>/dev/null || { echo "skipped: no Python with onnx and onnxruntime ($python)"; exit 77; }
tulle=$1
scale=${2-0.25}
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM
failed=0

for density in ${ZOO_DENSITIES:-0.1 1}; do
    "$python" samples/zoo/make.py all --scale "$scale" --density "$density" -o "$folder/$density" >/dev/null || exit 1
    for target in scalar native; do
        echo "density $density, $target"
        "$python" samples/zoo/compare.py "$folder/$density"/*.onnx --tulle "$tulle" --target $target || failed=1
    done
done

"$python" samples/zoo/make.py all --scale "$scale" -o "$folder/again" >/dev/null || exit 1
for model in "$folder"/again/*.onnx; do
    cmp "$model" "$folder/0.1/$(basename "$model")" || failed=1
done
"$python" tests/samples/zoo.py "$folder" || failed=1
exit $failed
