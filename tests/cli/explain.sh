#!/bin/sh
# explain.sh TULLE: explain.py, where there is a Python with numpy and onnx.
[ -n "$TULLE_PYTHON" ] && exec "$TULLE_PYTHON" "$(dirname "$0")/explain.py" "$1"
echo "skipped: explain (TULLE_PYTHON names no Python with numpy and onnx)"
exit 77
