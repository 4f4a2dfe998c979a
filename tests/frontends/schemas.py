#!/usr/bin/env python3
"""Compares the frontend's table of operators with ONNX's own schemas: inputs, attributes and defaults of every operator in every opset from 6 to 27.

    schemas.py OPERATOR_ROWS      (the program that prints the table)"""
import re
import subprocess
import sys

import numpy
import onnx
from onnx import defs, helper

OPSETS = range(6, 28)
# Our row is wider than the schema, on purpose: reason beside it.
WIDER_INPUTS = {
    ("Upsample", 10),  # withdrawn: any use is told what takes its place
    ("Resize", 11),  # exporters leave out what the schema asks for
}


def read_rows(program):
    rows = {}
    for line in subprocess.run([program], capture_output=True, text=True, check=True).stdout.splitlines():
        name, since, fewest, most, *words = line.split(" ")
        rows.setdefault(name, []).append((int(since), int(fewest), int(most), [word for word in words if word]))
    return rows


def attributes_of(words):
    """name -> (mark, list, required, default text or None), without what only our dialect has."""
    found = {}
    for word in words:
        mark, name, is_list, required, default = re.fullmatch(r"([+~@]?)(\w+)(\[\])?(!)?(?:=(.*))?", word).groups()
        if mark != "+":
            found[name] = (mark, bool(is_list), bool(required), default)
    return found


def default_fits(schema, default):
    value = helper.get_attribute_value(schema.default_value) if schema.default_value.type else None
    if value is None:
        return default is None or (schema.name == "axis" and schema.required)
    if default is None:
        return False
    if isinstance(value, bytes):
        return default.strip("'").split("|")[0] == value.decode()
    return numpy.float32(float(default)) == numpy.float32(value)


def compare(name, opset, row, schema):
    since, fewest, most, words = row
    faults = []
    most_inputs = -1 if schema.max_input > 1000 else schema.max_input
    if (name, since) not in WIDER_INPUTS and (fewest, most) != (schema.min_input, most_inputs):
        faults.append(f"inputs {fewest} to {most}, the schema has {schema.min_input} to {most_inputs}")
    ours = attributes_of(words)
    for attribute in sorted(set(ours) ^ set(schema.attributes)):
        faults.append(f"attribute {attribute} is {'unknown here' if attribute in schema.attributes else 'not in the schema'}")
    for attribute, (mark, is_list, required, default) in ours.items():
        other = schema.attributes.get(attribute)
        if other is None or mark in ("~", "@"):
            continue
        if is_list != (other.type.name in ("INTS", "FLOATS")):
            faults.append(f"attribute {attribute}: list or not")
        if required != other.required:
            faults.append(f"attribute {attribute}: required or not")
        if not is_list and not default_fits(other, default):
            faults.append(f"attribute {attribute}: default {default}, the schema has {other.default_value}")
    return [f"{name}, opset {opset}: {fault}" for fault in faults]


def main():
    rows, faults, compared = read_rows(sys.argv[1]), [], 0
    for name, versions in rows.items():
        if versions != sorted(versions, key=lambda row: row[0]):
            faults.append(f"{name}: rows out of order")
        for opset in OPSETS:
            try:
                schema = defs.get_schema(name, opset)
            except defs.SchemaError:
                schema = None
            row = next((row for row in reversed(versions) if row[0] <= opset), None)
            if schema is None or row is None:
                if (schema is None) != (row is None) and not (schema is None and row and row[0] < 6):
                    faults.append(f"{name}, opset {opset}: {'no row' if row is None else 'no schema'}")
                continue
            compared += 1
            faults += compare(name, opset, row, schema)
    print("\n".join(dict.fromkeys(faults)))
    print(f"schemas: {len(rows)} operators, {compared} versions compared with onnx {onnx.__version__}, {len(faults)} differences")
    return 1 if faults or compared < 2000 else 0


if __name__ == "__main__":
    sys.exit(main())
