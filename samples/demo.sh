#!/bin/sh
# From a bare Debian 12 machine (root, or sudo) to a sparse net compiled for it: installs what is missing, builds tulle, compiles
# samples/glyphs for this machine, reads generated images with it, and shows where the time goes.
#     sh samples/demo.sh
set -e
cd "$(dirname "$0")/.."
. scripts/packages.sh

# shellcheck disable=SC2086  # a list of words is meant
need_packages $BUILD_PACKAGES
build_tulle release tulle

out=build/demo
threads=$(nproc)
[ "$threads" -le 4 ] || threads=4      # the net is small: more have nothing to do
mkdir -p "$out"

echo
echo "== compiling samples/glyphs/glyphs.onnx for this machine"
build/tulle build samples/glyphs/glyphs.onnx --target native --threads "$threads" -o "$out/libglyphs.a"
cc -O2 -Wall -Wextra -std=c11 -I"$out" samples/glyphs/classify.c -L"$out" -lglyphs -fopenmp -lm -o "$out/classify"

echo
echo "== reading $((($(wc -c <samples/glyphs/test.npy) - 128) / 785)) generated images, one at a time, $threads threads"
"$out/classify" samples/glyphs/test.npy "$threads"

echo
echo "== where the time goes"
build/tulle build samples/glyphs/glyphs.onnx --target native --threads "$threads" -o "$out/glyphs"
"$out/glyphs" --bench --threads "$threads"
