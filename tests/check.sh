#!/bin/sh
# Brings a bare Debian 12 machine to passing tests: installs what is missing, builds, tests.
#     sh tests/check.sh          what a change must pass: about 20 minutes on two cores
#     sh tests/check.sh --all    everything: all conformance tests, the zoo at full size, 10,000 damaged models, 5,000 random layers; about an hour
cd "$(dirname "$0")/.." || exit 1
. scripts/packages.sh

all=
case ${1-} in
    --all) all=yes ;;
    "") ;;
    *) echo "usage: sh tests/check.sh [--all]" >&2; exit 1 ;;
esac

logs=build/check
passed=0 failed=0 skipped=0

# step NAME COMMAND...: runs a command, keeps its output in a file, shows it when it fails.
step() {
    name=$1
    shift
    start=$(date +%s)
    if "$@" >"$logs/$name.log" 2>&1; then
        passed=$((passed + 1))
        printf '%-28s passed  %4d s  %s\n' "$name" $(($(date +%s) - start)) "$(tail -n 1 "$logs/$name.log" | cut -c1-100)"
    else
        failed=$((failed + 1))
        printf '%-28s FAILED  %4d s  (%s/%s.log)\n' "$name" $(($(date +%s) - start)) "$logs" "$name"
        tail -n 40 "$logs/$name.log" | sed 's/^/    /'
    fi
    # what a script says of itself, and what ctest says of the tests it runs
    grep -iE '^skipped|\(skipped\)$' "$logs/$name.log" | sort -u | sed 's/^[[:space:]]*/    /'
    skipped=$((skipped + $(grep -ciE '^skipped|\(skipped\)$' "$logs/$name.log")))
}

# choose QUICK FULL: the second with --all.
choose() { if [ -n "$all" ]; then echo "$2"; else echo "$1"; fi; }

python_packages() {
    [ -x .venv/bin/python ] || python3 -m venv .venv || return 1
    .venv/bin/python -c 'import onnx, onnxruntime, numpy; assert onnx.__version__ == "1.22.0"' 2>/dev/null ||
        .venv/bin/pip install --quiet --disable-pip-version-check onnx==1.22.0 onnxruntime==1.31.1 numpy==2.4.6
}

# shellcheck disable=SC2086  # a list of words is meant
need_packages $TEST_PACKAGES || exit 1
mkdir -p "$logs"
step python-packages python_packages
export TULLE_PYTHON="$PWD/.venv/bin/python"
export XDG_CACHE_HOME="$PWD/$logs/cache"      # what is measured of this machine: not in the user's

step build build_tulle release
step build-clang build_tulle clang
step build-sanitize build_tulle sanitize
step include-directions .venv/bin/python tests/structure/includes.py
step shape .venv/bin/python tests/shape
step unit-tests ctest --test-dir build --output-on-failure -j2
# The samples' programs are compiled by gcc and judged by ONNX Runtime, others stepped through or disassembled: a sanitized compiler adds nothing to
# that but time.
step unit-tests-sanitize ctest --test-dir build-sanitize --output-on-failure -j2 -E '^(samples-|assembly_|counts$)'
step bad-input .venv/bin/python tests/hostile/hostile.py --flips "$(choose 1000 10000)"
conformance=".venv/bin/python tests/conformance/conformance.py"
if [ -n "$all" ]; then
    step conformance $conformance --least 800 --write "$logs/conformance.md"
    step zoo sh tests/samples/zoo.sh build/tulle 1
    step kernels build/tests/kernels/kernels_test tests/kernels --layers 5000 --jobs 2 --table
    step spills .venv/bin/python tests/assembly/spills.py --all
else
    step conformance-node $conformance --suite node --every 4
    step conformance-others $conformance --suite pytorch-converted --suite pytorch-operator --suite simple
fi

echo
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
