#!/bin/sh
# The commands that measure what tuning gains, and what compilers make of the same C, work on one small network: what they say and write. No time is judged.
#     sh tests/bench/tuned.sh TULLE
python=${TULLE_PYTHON:-.venv/bin/python}
"$python" -c 'import onnx, numpy' 2>/dev/null || { echo "skipped: no Python with onnx and numpy ($python)"; exit 77; }
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM

# look COMMAND FILE ARGUMENTS...: runs it twice; what was measured is not measured again.
look() {
    command=$1 file=$2
    shift 2
    for turn in first second; do
        "$python" "tests/bench/$command" --networks squeezenet --densities 0.1 --scale 0.25 --measured "$folder/$file.rows" --write "$folder/$file.md" "$@" \
            >"$folder/$file.$turn" 2>"$folder/said" || { cat "$folder/said"; exit 1; }
    done
    [ ! -s "$folder/said" ] && cmp "$folder/$file.first" "$folder/$file.second" || { echo "$command measures again"; cat "$folder/said"; exit 1; }
    grep -q '^squeezenet  *10 %' "$folder/$file.first" || { echo "no line of squeezenet"; cat "$folder/$file.first"; exit 1; }
    grep -q '^| squeezenet | 10 % |' "$folder/$file.md" || { cat "$folder/$file.md"; exit 1; }
}

look tuned.py tuned --tulle "$1" --candidates 1 --rounds 1 --cc cc
look compilers.py compilers --tulle "$1" --clang "$(command -v clang-19 || echo cc)" --gcc cc --rounds 1
