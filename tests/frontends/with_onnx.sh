#!/bin/sh
# with_onnx.sh SCRIPT PROGRAM: runs a script that needs a Python with onnx, onnxruntime and numpy.
[ -n "$TULLE_PYTHON" ] && exec "$TULLE_PYTHON" "$(dirname "$0")/$1" "$2"
echo "skipped: $1 (TULLE_PYTHON names no Python with onnx)"
exit 77
