"""tulle guide: JSON that agrees with itself, with explain and with what is compiled; limits that hold when priced again; tables; wrong use.
guide.py TULLE"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

tulle = os.path.abspath(sys.argv[1])
samples = pathlib.Path(__file__).resolve().parents[2] / "samples"
glyphs = str(samples / "glyphs" / "glyphs.onnx")
HEAD = {"model", "target", "threads", "batch", "formula", "projection", "dense_ms", "other_ms", "now", "end", "limits", "layers"}
TOTAL = {"density", "predicted_ms", "bytes", "speedup"}
ROW = {"name", "op", "weights", "multiply_adds", "density", "kernel", "predicted_ms", "dense_ms", "speedup", "bytes", "useful", "verdict", "kept",
       "end", "structured"}
END = {"density", "kernel", "predicted_ms", "bytes", "speedup"}
STRUCTURED = {"at", "below", "compact_ms", "empty_rows", "empty_columns", "empty_channels"}
LIMITS = {"max_ms", "max_bytes", "reached", "density", "predicted_ms", "bytes", "densities"}


def call(*arguments, code=0):
    done = subprocess.run([tulle, *arguments], capture_output=True, text=True)
    assert done.returncode == code, (arguments, done.returncode, done.stderr)
    return done


def guide(*arguments):
    return json.loads(call("guide", *arguments, "--json").stdout)


def near(a, b, relative=1e-6):
    return abs(a - b) <= relative * max(abs(a), abs(b), 1e-30)


def expected_verdict(row):
    low, high = row["useful"] or (0, 0)
    if row["density"] > high:
        return "restore" if row["density"] <= 0.99 else "prune" if high > 0 else "dense"
    return "prune" if row["density"] > low else "stop"


def check_row(row):
    assert row.keys() == ROW and row["end"].keys() == END and row["structured"].keys() == STRUCTURED
    assert row["verdict"] == expected_verdict(row), row
    low = row["useful"][0] if row["useful"] else row["density"]
    assert near(row["end"]["density"], min(low, row["density"])), row
    assert near(row["speedup"], row["dense_ms"] / row["predicted_ms"]) and near(row["end"]["speedup"], row["dense_ms"] / row["end"]["predicted_ms"])
    assert 0 < row["density"] <= 1 and 0 <= row["structured"]["below"] <= 1
    if row["useful"]:
        assert 0 < row["useful"][0] <= row["useful"][1] <= 1


def check_answer(answer):
    """An answer of our kernels' counts."""
    rows = answer["layers"]
    assert answer.keys() == HEAD and answer["now"].keys() == TOTAL and answer["end"].keys() == TOTAL
    for row in rows:
        check_row(row)
    assert near(answer["now"]["predicted_ms"], answer["other_ms"] + sum(row["predicted_ms"] for row in rows))
    assert near(answer["dense_ms"], answer["other_ms"] + sum(row["dense_ms"] for row in rows))
    weights = sum(row["weights"] for row in rows)
    for total, density in [("now", lambda row: row["density"]), ("end", lambda row: row["end"]["density"])]:
        assert near(answer[total]["speedup"], answer["dense_ms"] / answer[total]["predicted_ms"])
        assert near(answer[total]["density"], sum(density(row) * row["weights"] for row in rows) / weights)


def check_agreement(target, folder, *pruned):
    """With explain, which prices the same plan, and with the weights that are written."""
    answer = guide(glyphs, "--target", target, *pruned)
    check_answer(answer)
    explained = json.loads(call("explain", glyphs, "--target", target, *pruned, "--json").stdout)
    assert near(explained["predicted_ms"], answer["now"]["predicted_ms"])
    named = {layer["name"]: layer for layer in explained["layers"]}
    for row in answer["layers"]:
        assert row["kernel"] == named[row["name"]]["kernel"] and near(row["predicted_ms"], named[row["name"]]["predicted_ms"])
    source = os.path.join(folder, "net.c")
    told = call("compile", glyphs, "--target", target, *pruned, "-o", source).stderr
    assert ("a projection, not the model" in told) == bool(pruned), told
    with open(source, encoding="utf-8") as file:
        assert ("This is a projection, not the model" in file.read(4000)) == bool(pruned), "the source says otherwise"
    weights = os.path.join(folder, "net.weights")
    if os.path.exists(weights):
        assert near(os.path.getsize(weights), answer["now"]["bytes"], 0.1), (os.path.getsize(weights), answer["now"]["bytes"])
        os.remove(weights)
    return answer


def write_densities(path, answer):
    present = {row["name"]: row["density"] for row in answer["layers"]}
    with open(path, "w", encoding="utf-8") as file:
        file.write("# what guide suggests\n")
        for one in answer["limits"]["densities"]:
            if one["density"] < present[one["name"]]:
                file.write(f"{one['name']} {one['density']!r}\n")


def check_limit(folder, *limit, keep=()):
    asked = [word for name in keep for word in ("--keep", name)]
    answer = guide(glyphs, "--target", "xeon-e5-2697v4", *limit, *asked)
    check_answer(answer)
    limits = answer["limits"]
    assert limits.keys() == LIMITS and len(limits["densities"]) == len(answer["layers"])
    for row, one in zip(answer["layers"], limits["densities"]):
        low = row["useful"][0] if row["useful"] else row["density"]
        assert one["name"] == row["name"] and min(low, row["density"]) - 1e-9 <= one["density"] <= row["density"], (row, one)
        assert row["kept"] == (row["name"] in keep) and (not row["kept"] or one["density"] == row["density"])
    assert limits["reached"] == ((limits["max_ms"] or 1e9) >= limits["predicted_ms"] and (limits["max_bytes"] or 1e18) >= limits["bytes"])
    path = os.path.join(folder, "densities")
    write_densities(path, answer)
    again = guide(glyphs, "--target", "xeon-e5-2697v4", "--prune-file", path)
    assert near(again["now"]["predicted_ms"], limits["predicted_ms"], 0.02), (again["now"], limits)
    assert near(again["now"]["bytes"], limits["bytes"], 0.02), (again["now"], limits)
    return answer


def limits(folder):
    free = guide(glyphs, "--target", "xeon-e5-2697v4")
    assert free["limits"] is None
    now, end = free["now"], free["end"]
    assert check_limit(folder, "--max-time", str((now["predicted_ms"] + 2 * end["predicted_ms"]) / 3))["limits"]["reached"]
    assert check_limit(folder, "--max-size", str((now["bytes"] + end["bytes"]) / 2e6))["limits"]["reached"]
    both = ["--max-time", str((now["predicted_ms"] + end["predicted_ms"]) / 2), "--max-size", str((now["bytes"] + end["bytes"]) / 2e6)]
    assert check_limit(folder, *both)["limits"]["reached"]
    assert not check_limit(folder, "--max-time", str(end["predicted_ms"] / 2))["limits"]["reached"]
    all_kept = [row["name"] for row in free["layers"]]
    kept = check_limit(folder, "--max-time", str((now["predicted_ms"] + end["predicted_ms"]) / 2), keep=all_kept)["limits"]
    assert not kept["reached"] and near(kept["predicted_ms"], now["predicted_ms"])
    assert "out of reach" in call("guide", glyphs, "--target", "xeon-e5-2697v4", "--max-time", str(end["predicted_ms"] / 2)).stdout


def agreements(folder):
    for target in ["atom-c2750", "xeon-e5-2697v4", "cortex-a53"]:
        check_agreement(target, folder)
        pruned = check_agreement(target, folder, "--prune", "0.05")
        assert "projection" in pruned["projection"] and near(pruned["now"]["density"], 0.05, 0.01)
    paper = guide(glyphs, "--target", "xeon-e5-2697v4", "--alpha", "paper")
    check_answer(paper)
    assert paper["formula"] == "paper" and paper["other_ms"] == 0


def tables(folder):
    high = next(row["useful"][1] for row in guide(glyphs, "--target", "cortex-a53")["layers"] if row["name"] == "conv1")
    path = os.path.join(folder, "above")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"conv1 {(high + 0.98) / 2}\n")
    text = call("guide", glyphs, "--target", "cortex-a53", "--prune-file", path).stdout
    for words in ["conv1", "full", "prune to", "restore", "whole network", "other layers", "useful range"]:
        assert words in text, (words, text)
    assert call("guide", glyphs, "--target", "cortex-a53", "--prune-file", path).stdout == text
    assert "a projection, not the model" in call("guide", glyphs, "--target", "cortex-a53", "--prune", "0.2").stdout


def wrong_use(folder):
    path = os.path.join(folder, "bad")
    for text, words in [
            ("conv1 0.5\nconv11x 0.5\n", "did you mean 'conv1"), ("conv1 1.5\n", "line 1"), ("# fine\nconv1\n", "line 2"), ("conv1 0\n", "line 1"),
            ("conv1 nan\n", "line 1"), ("\0conv1 0.5\n", "line 1"), ("conv1 0.5\nconv1 0.4\n", "two densities")]:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        assert words in call("guide", glyphs, "--target", "generic-avx2", "--prune-file", path, code=1).stderr, text
    for arguments, words in [
            (["--keep", "conv1"], "--max-time or --max-size"), (["--max-time", "1", "--keep", "cnov2"], "did you mean 'conv2'"),
            (["--prune", "0"], "above 0"), (["--prune", "1.01"], "at most 1"), (["--max-time", "0"], "above 0"), (["--max-size", "-1"], "above 0"),
            (["--alpha", "papre"], "did you mean 'paper'"), (["--alpha", "paper"], "those with one: atom-c2750"), (["--target", "atom-c2751"], "did you mean 'atom-c2750'"),
            (["--svg", "x.svg"], "does not take '--svg'")]:
        target = [] if "--target" in arguments else ["--target", "generic-avx2"]
        assert words in call("guide", glyphs, *target, *arguments, code=1).stderr, arguments


def main():
    with tempfile.TemporaryDirectory() as folder:
        agreements(folder)
        limits(folder)
        tables(folder)
        wrong_use(folder)
    print("guide: fine")


if __name__ == "__main__":
    main()
