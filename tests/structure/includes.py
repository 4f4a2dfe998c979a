#!/usr/bin/env python3
"""Checks that every #include of ours points in an allowed direction (docs/structure.md), and that nothing leaks out of its folder."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

# A folder may include itself, and what stands here. Single headers are named by their path.
ALLOWED = {
    "compiler/base": [],
    "compiler/graph": ["compiler/base"],
    "compiler/reference": ["compiler/base", "compiler/graph"],
    "compiler/pass": ["compiler/base", "compiler/graph", "compiler/reference"],
    "compiler/plan": ["compiler/base", "compiler/graph", "compiler/reference", "compiler/pass", "targets", "codegen/kernel.h"],
    "frontends": ["compiler/base", "compiler/graph"],
    "targets": ["compiler/base"],
    "codegen": ["compiler/base", "compiler/graph", "compiler/reference", "targets", "compiler/plan/plan.h", "runtime/tulle.h"],
    "codegen/jit": ["compiler/base", "codegen/kernel.h"],
    "runtime": [],
    "compiler/library": ["compiler/base", "compiler/graph", "compiler/pass", "compiler/plan", "frontends", "targets", "runtime"],
    "compiler/cli": ["compiler", "frontends", "targets", "codegen", "runtime"],
}

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)
LEAKS = [("protobuf-c", "frontends"), ("onnx.pb-c.h", "frontends"), ("llvm-c", "codegen/jit"), ("clang-c", "codegen/jit")]


def folder_of(path):
    matches = [folder for folder in ALLOWED if path == folder or path.startswith(folder + "/")]
    return max(matches, key=len) if matches else None


def allowed(source, target):
    home = folder_of(source)
    if folder_of(target) == home:
        return True
    return any(target == entry or target.startswith(entry + "/") for entry in ALLOWED[home])


def main():
    faults, seen = [], 0
    for folder in ALLOWED:
        for path in sorted((ROOT / folder).rglob("*.[ch]")):
            source = path.relative_to(ROOT).as_posix()
            if folder_of(source) != folder:
                continue
            text = path.read_text(errors="replace")
            for word, home in LEAKS:
                if not source.startswith(home) and re.search(r"#\s*include\s*[<\"]" + re.escape(word), text):
                    faults.append(f"{source}: includes {word}, which stays inside {home}/")
            for name in INCLUDE.findall(text):
                beside = (path.parent / name).resolve()
                target = beside.relative_to(ROOT).as_posix() if beside.exists() else name
                if not beside.exists() and not (ROOT / name).exists():
                    continue  # generated
                seen += 1
                if not allowed(source, target):
                    faults.append(f"{source}: may not include {target}")
    print("\n".join(faults))
    print(f"includes: {seen} checked, {len(faults)} in a wrong direction")
    return 1 if faults or not seen else 0


if __name__ == "__main__":
    sys.exit(main())
