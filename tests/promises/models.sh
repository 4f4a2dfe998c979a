#!/bin/sh
# What is promised of generated code, in what `tulle compile` writes: the glyph net and, where there is Python with onnx, the zoo's networks at a quarter of
# their size, on several instruction sets, foreign ones too, with the cheapest kernels and with random ones.
#     sh tests/promises/models.sh build/tulle build/promises_test
tulle=$1 check=$2
cd "$(dirname "$0")/../.." || exit 1
python=${TULLE_PYTHON:-.venv/bin/python}
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM
failed=0

# written TARGET MODEL OPTION...: as one text.
written() {
    target=$1 model=$2
    shift 2
    "$tulle" compile "$model" --target "$target" --prefix net -o - "$@" >"$folder/net.c" 2>"$folder/said" || { cat "$folder/said"; failed=1; return; }
    echo "$(basename "$model") for $target $*"
    "$check" file "$target" "$folder/net.c" || failed=1
}

for target in scalar generic generic-sse4.2 generic-avx2 xeon-phi-7250 generic-avx512 generic-neon; do
    written $target samples/glyphs/glyphs.onnx
    for seed in 1 2 3; do
        written $target samples/glyphs/glyphs.onnx --select random:$seed
    done
    written $target samples/glyphs/glyphs.onnx --no-asm
done
if "$python" -c 'import onnx, numpy' 2>/dev/null; then
    "$python" samples/zoo/make.py all --scale 0.25 -o "$folder" >/dev/null || exit 1
    for model in "$folder"/*.onnx; do
        for target in atom-c2750 xeon-e5-2697v4 generic-avx512 neoverse-n1; do
            written $target "$model"
        done
        written generic-avx2 "$model" --select random:7
    done
else
    echo "the zoo is skipped: no Python with onnx ($python)"
fi
exit $failed
