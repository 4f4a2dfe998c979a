"""Writes the tables of docs/model.md that come from the model alone: paper 000's figures beside its formula, and every layer of GoogLeNet by the
paper's formula and by our kernels' counts.

    .venv/bin/python tests/model/tables.py --build build [--googlenet googlenet.onnx] [--check]

A table stands between '<!-- table NAME -->' and '<!-- end -->'. Without --googlenet the network is made by samples/zoo, with dense weights.
--check: writes nothing, and fails if the document is not what the model says now."""
import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "model.md"
MACHINES = ["xeon-e5-2697v4", "atom-c2750"]


def output_of(*command):
    return subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE, text=True).stdout


def guide(tulle, network, target, *more):
    return {layer["name"]: layer for layer in json.loads(output_of(tulle, "guide", network, "--target", target, "--json", *more))["layers"]}


def make_googlenet(folder):
    path = pathlib.Path(folder) / "googlenet.onnx"
    subprocess.run([sys.executable, ROOT / "samples/zoo/make.py", "googlenet", "--density", "1", "-o", path], check=True, stdout=subprocess.DEVNULL)
    return path


def useful(layer):
    if layer["useful"] is None:
        return "none"
    low, high = layer["useful"]
    return f"{low:.3f} to {high:.2f}, {layer['end']['speedup']:.1f}x"


def googlenet_table(tulle, network):
    columns = [guide(tulle, network, machine, *more) for more in (["--alpha", "paper"], []) for machine in MACHINES]
    head = ["layer"] + [f"{machine}, {model}" for model in ("paper", "ours") for machine in MACHINES]
    rows = [head, ["---"] * len(head)]
    rows += [[name] + [useful(column[name]) for column in columns] for name in columns[0]]
    return "".join("| " + " | ".join(row) + " |\n" for row in rows), count_table(columns)


def count_table(columns):
    """How many layers of each kind have a useful range."""
    kinds = {"1x1 in inceptions": r"inception.*/(1x1|.x._reduce|pool_proj)$", "3x3 and 5x5 in inceptions": r"inception.*/[35]x[35]$"}
    head = ["layers with a useful range"] + [f"{machine}, {model}" for model in ("paper", "ours") for machine in MACHINES]
    lines = [head, ["---"] * len(head)]
    for kind, pattern in kinds.items():
        names = [name for name in columns[0] if re.match(pattern, name)]
        lines.append([kind] + [f"{sum(column[name]['useful'] is not None for name in names)} of {len(names)}" for column in columns])
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def replace(text, name, table):
    pattern = re.compile(rf"(<!-- table {name} -->\n).*?(<!-- end -->)", re.S)
    if not pattern.search(text):
        sys.exit(f"{DOCUMENT}: there is no place for the table '{name}'")
    return pattern.sub(lambda match: match.group(1) + table + match.group(2), text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    parser.add_argument("--googlenet", type=pathlib.Path)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    before = DOCUMENT.read_text()
    text = replace(before, "alexnet", output_of(options.build / "tests/model/model_paper_000_test", "--print"))
    with tempfile.TemporaryDirectory() as folder:
        layers, counts = googlenet_table(options.build / "tulle", options.googlenet or make_googlenet(folder))
    text = replace(replace(text, "googlenet", layers), "googlenet-counts", counts)
    if options.check:
        sys.exit("docs/model.md is not what the model says now: run this without --check" if text != before else 0)
    DOCUMENT.write_text(text)


if __name__ == "__main__":
    main()
