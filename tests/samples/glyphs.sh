#!/bin/sh
# The glyph net, compiled for this machine: reads the demo's images as well as its README says, whatever the number of threads.
tulle=$1
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM

size=$(wc -c <samples/glyphs/glyphs.onnx)
[ "$size" -lt 2000000 ] || { echo "glyphs.onnx has $size bytes"; exit 1; }
"$tulle" build samples/glyphs/glyphs.onnx --target native -o "$folder/libglyphs.a" || exit 1
cc -O2 -Wall -Wextra -Werror -std=c11 -I"$folder" samples/glyphs/classify.c -L"$folder" -lglyphs -fopenmp -lm -o "$folder/classify" || exit 1
"$folder/classify" samples/glyphs/test.npy 1 >"$folder/one" || exit 1
cat "$folder/one"
for threads in 2 3; do
    "$folder/classify" samples/glyphs/test.npy $threads | cmp - "$folder/one" || exit 1
done
promised=$(sed -n 's/^.*[Oo]f the demo.s 360 images: \*\*\(.*\) %\*\*.*$/\1/p' samples/glyphs/README.md)
grep -q "accuracy: .* $promised %" "$folder/one" || { echo "the README says $promised %"; exit 1; }

# What is no test file must be refused.
head -c 60 samples/glyphs/test.npy >"$folder/short.npy"
for path in "$folder/short.npy" samples/glyphs/glyphs.onnx "$folder/missing.npy"; do
    if "$folder/classify" "$path" 2>/dev/null; then echo "$path was taken for images"; exit 1; fi
done
exit 0
