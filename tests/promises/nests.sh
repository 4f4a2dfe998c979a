#!/bin/sh
# What inspect says of the loops of a layer's text.
#     nests.sh TULLE
. "$(dirname "$0")/../expect.sh"
tulle=$1
cd "$(dirname "$0")/../.." || exit 1
model=$PWD/samples/glyphs/glyphs.onnx
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
cd "$work" || exit 1
expect 0 '^conv0_0, lines [0-9]* to [0-9]*' "$tulle" inspect "$model" conv1 --show nests --target generic-avx512
expect 0 '^  for (int64_t start = begin; start < end; start += 4)  *by a share of the work$' "$tulle" inspect "$model" conv1 --show nests --target generic-avx512
expect 0 '^      for (int64_t j = 0; j < 16; j++)  *16 times$' "$tulle" inspect "$model" conv1 --show nests --target generic-avx512
expect 0 '^const char model_conv0_weights\[\]$' "$tulle" inspect "$model" conv1 --show nests --target generic-avx512
expect 0 '"text": "for (int64_t j = 0; j < 16; j++)", "line": [0-9]*, "depth": 2, "trips": 16' "$tulle" inspect "$model" conv1 --show nests --json --target generic-avx512
expect 0 'by a share and a table$' "$tulle" inspect "$model" conv4 --show nests --target generic --kernel conv4=sparse_direct
expect 0 'k < rows\[set + 1\]; k++)  *by a share and a table' "$tulle" inspect "$model" conv4 --show nests --target neoverse-n1
expect 0 '^ref_conv_f32, lines [0-9]* to [0-9]*' "$tulle" inspect "$model" conv1 --show nests --target scalar        # a macro's name
expect 0 '^  for (int64_t [a-z]* = begin; [a-z]* < end; [a-z]*++)  *by a share of the work$' "$tulle" inspect "$model" conv1 --show nests --target scalar
echo "$checks checks, $faults faults"
[ "$faults" -eq 0 ]
