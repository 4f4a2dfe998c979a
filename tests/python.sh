#!/bin/sh
# python.sh SCRIPT OPTION...: with a Python that has onnx and numpy.
python=${TULLE_PYTHON:-.venv/bin/python}
"$python" -c 'import onnx, numpy' 2>/dev/null || { echo "skipped: no Python with onnx and numpy ($python)"; exit 77; }
exec "$python" "$@"
