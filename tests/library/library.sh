#!/bin/sh
# library.sh LIBRARY_TEST MAKE_MODELS LIBTULLE: the test on models made here; and the shared object shows its entry points alone.
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
"$2" "$work" && "$1" "$work" || exit 1
nm -D --defined-only "$3" | sed 's/.* //' | grep -v -e '^tulle_guide_' -e '^__' >"$work/others"
[ ! -s "$work/others" ] || { echo "libtulle shows more than its entry points:"; cat "$work/others"; exit 1; }
