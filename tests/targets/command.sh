#!/bin/sh
# 'tulle targets' and --target-file as users call them; machines whose code this one may not be able to run are compiled only.
#     command.sh TULLE MAKE_MODELS
. "$(dirname "$0")/../expect.sh"
tulle=$1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
"$2" "$work" || exit 1
cd "$work" || exit 1
export LC_ALL=C XDG_CACHE_HOME="$work"

# ---- the command ----

expect 0 '^xeon-phi-7250  *avx512f .* 6093 .* 480$' "$tulle" targets
sed -n 2p out | grep -q '^native ' || fault "native is not the first"
names=$(sed 1d out | cut -d' ' -f1)
[ "$(echo "$names" | wc -l)" -ge 20 ] || fault "machines are missing: $names"
for name in $names; do
    expect 0 "^name  *$name\$" "$tulle" targets "$name"
    mv out one.target
    expect 0 '' "$tulle" targets --target-file one.target
    cmp -s out one.target || fault "the file of $name prints another one"
done
expect 0 '"name": "zen4".*"l2_bandwidth": 31,.*"isa_vector_bytes": 64' "$tulle" targets zen4 --json
expect 1 "did you mean 'zen4'" "$tulle" targets zem4
expect 1 'one target at a time' "$tulle" targets zen4 h100
expect 1 'one target at a time' "$tulle" targets zen4 --target-file one.target
expect 1 'measures this machine, no other' "$tulle" targets zen4 --probe

# ---- files ----

expect 0 '' "$tulle" targets generic-avx2
sed -e 's/^name.*/name my-board/' -e 's/^cores .*/cores 6/' out >my.target
expect 0 'for my-board (avx2)' "$tulle" compile conv.onnx -o mine.c --target-file my.target
grep -q 'my-board' mine.c || fault "the output does not name its machine"
expect 1 'name two machines' "$tulle" compile conv.onnx --target zen4 --target-file my.target
sed 's/^ghz .*/ghz 2600/' my.target >bad.target
line=$(grep -n '^ghz' bad.target | cut -d: -f1)
expect 1 "bad.target: line $line: ghz is 2600" "$tulle" compile conv.onnx --target-file bad.target
expect 1 "bad.target: line $line: ghz is 2600" "$tulle" targets --target-file bad.target
expect 2 'nowhere.target: cannot be read' "$tulle" compile conv.onnx --target-file nowhere.target
expect 2 'is a folder' "$tulle" compile conv.onnx --target-file .
expect 2 'nowhere.onnx' "$tulle" compile nowhere.onnx --target-file my.target

# ---- GPUs are priced only ----

for name in v100 h100 h200; do
    expect 3 "'$name' is a GPU: code for GPUs cannot be written yet" "$tulle" compile nowhere.onnx --target $name
    expect 3 "'tulle explain' and 'tulle guide' can price it" "$tulle" build nowhere.onnx --target $name
    expect 3 'is a GPU' "$tulle" run nowhere.onnx --target $name
    expect 3 'is a GPU' "$tulle" verify nowhere.onnx --target $name
done

# ---- Knights Landing has no more than AVX-512 F ----

if echo 'int x;' | gcc -mavx512f -x c -c -o x.o - 2>/dev/null; then
    for model in conv add large; do
        expect 0 '' "$tulle" compile $model.onnx -o phi.c --target xeon-phi-7250
        expect 0 '' gcc -O2 -std=gnu11 -ffp-contract=off -Wall -Wextra -Werror -mavx512f -mfma -I. -c phi.c -o phi.o
    done
else
    echo "skipped: gcc has no -mavx512f here"
fi

echo "targets: $checks checks, $faults faults"
[ $faults = 0 ]
