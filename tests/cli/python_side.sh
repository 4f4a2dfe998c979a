#!/bin/sh
# python_side.sh TULLE: python_side.py, where there is a Python with numpy and onnx.
[ -n "$TULLE_PYTHON" ] && exec "$TULLE_PYTHON" "$(dirname "$0")/python_side.py" "$1"
echo "skipped: what Python reads and writes (TULLE_PYTHON names no Python with numpy and onnx)"
exit 77
