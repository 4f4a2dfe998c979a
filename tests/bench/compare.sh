#!/bin/sh
# The comparison with other engines works, small and with what is there: tulle, ONNX Runtime, and OpenBLAS if numpy brings it. No time is judged.
#     sh tests/bench/compare.sh TULLE
python=${TULLE_PYTHON:-.venv/bin/python}
"$python" -c 'import onnx, numpy, onnxruntime' 2>/dev/null || { echo "skipped: no Python with onnx, numpy and onnxruntime ($python)"; exit 77; }
"$python" tests/bench/compare_test.py || exit 1
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM

compare() {
    "$python" tests/bench/compare.py --tulle "$tulle" --environment "$environment" --engines onnxruntime,openblas --folder "$folder" --threads 1 \
        --scale 0.25 --layers alexnet-conv3 --networks resnet50 --densities 0.05,1 --batches 2 --rounds 6 --round-ms 1 \
        --date 2000-01-01 --write "$folder/report.md" "$@"
}

tulle=$1
environment=$("$python" -c 'import sys; print(sys.prefix)')
compare >"$folder/first" || exit 1
cp "$folder/report.md" "$folder/first.md" && cp "$folder/report-layers.svg" "$folder/first.svg" || exit 1
for word in '^Measured 2000-01-01 on' '^## Networks' '^### Batch 2, 1 thread' '^| resnet50, 10 %' '^## Layers' '^| AlexNet conv3' \
    '^## Convolutions inside' '^### Against our own' '^## Dense layers' '^| VGG 128x112x112' '^## Trained patterns' '^| at 5 %' '^## Over SGEMM' \
    '^## Regret' '^| resnet50 |'; do
    grep -q "$word" "$folder/report.md" || { echo "no line '$word'"; cat "$folder/report.md"; exit 1; }
done
! grep -n 'nan\|None' "$folder/report.md" || { echo "a number is missing"; exit 1; }
"$python" -c 'import sys, xml.dom.minidom as xml; assert len(xml.parse(sys.argv[1]).getElementsByTagName("circle")) > 3' \
    "$folder/report-layers.svg" || exit 1

# What was measured is not measured again, and the same measurements give the same bytes.
compare >"$folder/second" 2>"$folder/said" || exit 1
[ ! -s "$folder/said" ] || { echo "measured again"; cat "$folder/said"; exit 1; }
cmp "$folder/first" "$folder/second" && cmp "$folder/first.md" "$folder/report.md" && cmp "$folder/first.svg" "$folder/report-layers.svg" || exit 1

# An engine that is not there is said and left out, everything else measured; wrong words are refused.
"$python" tests/bench/compare.py --tulle "$tulle" --environment "$environment" --deepsparse-environment "$folder/none" \
    --engines onnxruntime,deepsparse --folder "$folder" --measured "$folder/other" --parts layers --layers resnet-64 --networks "" --threads 1 \
    --scale 0.25 --densities 0.1,1 --rounds 1 --round-ms 1 >"$folder/third" 2>"$folder/said" || { cat "$folder/said"; exit 1; }
grep -q '^skipped: DeepSparse: ' "$folder/said" && grep -q '^| ResNet 64x56x56' "$folder/third" || { cat "$folder/said" "$folder/third"; exit 1; }
! compare --layers resnet-65 2>"$folder/said" || { echo "an unknown layer was taken"; exit 1; }
grep -q "no layer resnet-65; there are alexnet-conv2" "$folder/said" || { cat "$folder/said"; exit 1; }
for engine in openvino deepsparse; do
    "$python" -c "import $engine" 2>/dev/null || echo "skipped: $engine, which is not in $environment"
done
