#!/bin/sh
# The programs that embed models build without warnings, run, and agree on what they read.
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM
sh samples/embed/build.sh "$1" "$folder" | tee "$folder/said"
grep -qx "C reads T" "$folder/said" && grep -qx "C++ reads T" "$folder/said" && grep -q " 0 of 45 results differ" "$folder/said"
