#!/usr/bin/env python3
"""Runs ONNX's own backend tests through generated C and writes docs/conformance.md.

    tests/conformance/conformance.py --tulle build/tulle [--target native --target scalar] [--suite node] [--every N] [--write docs/conformance.md]

Each test is one call of `tulle verify MODEL DIR`, whose generated C is compiled with warnings as errors (--cc). A test is passed (all data sets agree),
refused (tulle says by name what it does not do; exit code 3) or failed (anything else). Needs the Python package onnx, which ships the data."""
import argparse
import collections
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

SUITES = ["node", "pytorch-converted", "pytorch-operator", "simple"]
STRICT = "gcc -Wall -Wextra -Wconversion -Werror"


def data_folder():
    import onnx
    return pathlib.Path(onnx.__file__).parent / "backend" / "test" / "data"


def models(suites, every):
    for suite in suites:
        folders = sorted(p for p in (data_folder() / suite).iterdir() if (p / "model.onnx").exists())
        for folder in folders[::every]:
            yield suite, folder


def verify(arguments, target, folder):
    sets = sorted(str(p) for p in folder.glob("test_data_set_*"))
    command = [arguments.tulle, "verify", str(folder / "model.onnx"), *sets, "--target", target, "--cc", arguments.cc]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=300)
        return done.returncode, done.stdout + done.stderr
    except subprocess.TimeoutExpired:
        return "timeout", ""


def reasons(output):
    """(operator, reason) pairs of a refusal, names of nodes and values left out."""
    found = []
    for line in output.split("\n"):
        match = re.search(r"error: (?:.*?model\.onnx: )?(?:(?:function .*?: )?node '.*?' \((?P<op>[^)]*)\): )?(?P<why>.*)", line)
        if match:
            why = re.sub(r"'[^']*'", "…", match["why"])
            found.append((match["op"] or "model", why[:110]))
    return found or [("?", "no message")]


def run_all(arguments):
    results = {}
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        jobs = {}
        for suite, folder in models(arguments.suite, arguments.every):
            for target in arguments.target:
                jobs[pool.submit(verify, arguments, target, folder)] = (suite, folder.name, target)
        for done in concurrent.futures.as_completed(jobs):
            results[jobs[done]] = done.result()
    return results


def outcome(code):
    return {0: "passed", 3: "refused"}.get(code, "failed")


def report(arguments, results):
    lines = ["# Conformance", "", "ONNX 1.22.0's own tests through generated C, compiled with `" + arguments.cc + "`. Made by:", "",
             "```", "tests/conformance/conformance.py --tulle build/tulle --write docs/conformance.md", "```", "",
             "| suite | target | tests | passed | refused | failed |", "| --- | --- | --- | --- | --- | --- |"]
    for suite in arguments.suite:
        for target in arguments.target:
            row = collections.Counter(outcome(r[0]) for key, r in results.items() if key[0] == suite and key[2] == target)
            lines.append(f"| {suite} | {target} | {sum(row.values())} | {row['passed']} | {row['refused']} | {row['failed']} |")
    lines += ["", "## Failed", ""]
    failed = sorted((key, result) for key, result in results.items() if outcome(result[0]) == "failed")
    lines += [f"- {suite}/{name} on {target}: exit {code}" for (suite, name, target), (code, _) in failed] or ["None."]
    lines += ["", "## Refused, by operator and reason", "", "Tests on the first target; a test that needs several things is counted once under each.", "",
              "| operator | reason | tests |", "| --- | --- | --- |"]
    counts = collections.Counter()
    for (suite, name, target), (code, output) in results.items():
        if outcome(code) == "refused" and target == arguments.target[0]:
            counts.update(set(reasons(output)))
    lines += [f"| {op} | {why.replace('|', '/')} | {n} |" for (op, why), n in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
    return "\n".join(lines) + "\n", failed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tulle", default="build/tulle")
    parser.add_argument("--target", action="append")
    parser.add_argument("--suite", action="append", choices=SUITES)
    parser.add_argument("--every", type=int, default=1, help="only every Nth test of a suite")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--cc", default=STRICT)
    parser.add_argument("--write", help="write the report here")
    parser.add_argument("--least", type=int, default=0, help="fail if fewer tests pass on any target")
    arguments = parser.parse_args()
    arguments.target = arguments.target or ["native", "scalar"]
    arguments.suite = arguments.suite or SUITES
    results = run_all(arguments)
    text, failed = report(arguments, results)
    if arguments.write:
        pathlib.Path(arguments.write).write_text(text)
    for (suite, name, target), (code, output) in failed:
        print(f"FAILED {suite}/{name} on {target}: exit {code}\n  " + "\n  ".join(output.strip().split("\n")[:6]))
    totals = collections.Counter((key[2], outcome(result[0])) for key, result in results.items())
    for target in arguments.target:
        print(f"{target}: " + ", ".join(f"{totals[target, word]} {word}" for word in ("passed", "refused", "failed")))
    few = [target for target in arguments.target if totals[target, "passed"] < max(1, arguments.least)]
    return 1 if failed or few else 0


if __name__ == "__main__":
    sys.exit(main())
