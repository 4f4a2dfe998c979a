#!/bin/sh
# Compiles two models for this machine, links both into a C program, into a C++ program and one into a program with threads of its own, and
# runs them:  sh samples/embed/build.sh [TULLE [FOLDER]]
set -e
cd "$(dirname "$0")/../.."
tulle=${1:-build/tulle}
out=${2:-build/embed}
[ -x "$tulle" ] || { echo "$tulle is missing; sh samples/demo.sh builds it" >&2; exit 1; }

mkdir -p "$out"
"$tulle" build samples/glyphs/glyphs.onnx -o "$out/libglyphs.a"
"$tulle" build samples/embed/shrink.onnx -o "$out/libshrink.a"

flags="-O2 -Wall -Wextra -Werror -I$out"
libraries="-L$out -lglyphs -lshrink -fopenmp -lm"
# shellcheck disable=SC2086  # lists of words are meant
{
    ${CC:-cc} $flags -std=c11 samples/embed/embed.c $libraries -o "$out/embed"
    ${CC:-cc} $flags -std=c11 -D_GNU_SOURCE -pthread samples/embed/pool.c $libraries -o "$out/pool"
}
"$out/embed"
"$out/pool"
if command -v "${CXX:-c++}" >/dev/null 2>&1; then
    # shellcheck disable=SC2086
    ${CXX:-c++} $flags -std=c++17 samples/embed/embed.cpp $libraries -o "$out/embed++"
    "$out/embed++"
else
    echo "no C++ compiler here: embed.cpp is left out" >&2
fi
