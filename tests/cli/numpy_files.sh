#!/bin/sh
# numpy_files.sh TULLE: numpy_files.py, where there is a Python with numpy and onnx.
[ -n "$TULLE_PYTHON" ] && exec "$TULLE_PYTHON" "$(dirname "$0")/numpy_files.py" "$1"
echo "skipped: numpy's files (TULLE_PYTHON names no Python with numpy and onnx)"
