#!/bin/sh
# The command that holds predicted against measured times works, on one small network: what it says, writes and draws. No time is judged.
#     sh tests/bench/model_error.sh TULLE
python=${TULLE_PYTHON:-.venv/bin/python}
"$python" -c 'import onnx, numpy' 2>/dev/null || { echo "skipped: no Python with onnx and numpy ($python)"; exit 77; }
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM

compare() {
    "$python" tests/bench/model_error.py --tulle "$1" --networks textcnn --densities 0.1,1 --scale 0.25 --repeat 1 --measured "$folder/rows" \
        --svg "$folder/error.svg" --write "$folder/error.md"
}

compare "$1" >"$folder/first" || exit 1
cp "$folder/error.md" "$folder/first.md" && cp "$folder/error.svg" "$folder/first.svg" || exit 1
for word in '^textcnn ' '^ 10 % ' '^100 % ' '^all ' '^predicted/measured' '^the worst layers'; do
    grep -q "$word" "$folder/first" || { echo "no line '$word'"; cat "$folder/first"; exit 1; }
done
"$python" -c 'import sys, xml.dom.minidom as xml; assert len(xml.parse(sys.argv[1]).getElementsByTagName("use")) > 20' "$folder/error.svg" || exit 1

# What was measured is not measured again, and the same rows give the same bytes, also where older tables stood.
compare "$1" >"$folder/second" 2>"$folder/said" || exit 1
[ ! -s "$folder/said" ] || { echo "measured again"; cat "$folder/said"; exit 1; }
for name in "" .md .svg; do
    case $name in "") again=second ;; *) again=error$name ;; esac
    cmp "$folder/first$name" "$folder/$again" || exit 1
done
! "$python" tests/bench/model_error.py --tulle "$1" --networks textcn 2>"$folder/said" || { echo "an unknown network was taken"; exit 1; }
grep -q "the zoo has alexnet" "$folder/said"
