#!/bin/sh
# The command that looks for layers slower than dense works, on one small network: what it says and writes. No time is judged.
#     sh tests/bench/never_slower.sh TULLE
python=${TULLE_PYTHON:-.venv/bin/python}
"$python" -c 'import onnx, numpy' 2>/dev/null || { echo "skipped: no Python with onnx and numpy ($python)"; exit 77; }
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM

look() {
    "$python" tests/bench/never_slower.py --tulle "$1" --networks squeezenet --densities 0.1 --scale 0.25 --measured "$folder/rows" --write "$folder/slower.md"
}

look "$1" >"$folder/first" || exit 1
for word in '^density  *layers with a sparse kernel' '^10 %  *[1-9]'; do
    grep -q "$word" "$folder/first" || { echo "no line '$word'"; cat "$folder/first"; exit 1; }
done
grep -q '^| 10 % | [1-9]' "$folder/slower.md" || { cat "$folder/slower.md"; exit 1; }
look "$1" >"$folder/second" 2>"$folder/said" || exit 1
[ ! -s "$folder/said" ] && cmp "$folder/first" "$folder/second" || { echo "measured again"; cat "$folder/said"; exit 1; }
! "$python" tests/bench/never_slower.py --tulle "$1" --networks lenet 2>"$folder/said" || { echo "an unknown network was taken"; exit 1; }
grep -q "the zoo has alexnet" "$folder/said"
