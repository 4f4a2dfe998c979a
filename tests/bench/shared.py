"""What the commands of this folder share: running programs, rows in files, tables, and text between two marks of a page."""
import argparse
import json
import math
import pathlib
import shutil
import statistics
import subprocess
import sys
import threading

ROOT = pathlib.Path(__file__).resolve().parents[2]


def run(command):
    """What it prints; stops here if it fails, with what it said."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(str(word) for word in command)}: exit code {done.returncode}\n{done.stdout}{done.stderr}".rstrip())
    return done.stdout


class Files:
    """Makes files, or folders, that are not there yet, each once, whichever threads ask for it; under another name until they are complete."""

    def __init__(self):
        self.locks, self.lock = {}, threading.Lock()

    def made(self, path, make):
        """make(path) writes the file."""
        with self.lock:
            lock = self.locks.setdefault(path, threading.Lock())
        with lock:
            if not path.exists():
                part = path.with_name("part-" + path.name)
                shutil.rmtree(part, ignore_errors=True)
                make(part)
                part.rename(path)
        return path


def known_rows(path):
    """Of a file with a JSON object a line; none if there is no file."""
    if path is None or not path.exists():
        return []
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def add_rows(path, rows):
    if path is not None:
        with open(path, "a", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)


def geometric_mean(values):
    values = list(values)
    return math.exp(statistics.fmean(math.log(value) for value in values)) if values else math.nan


def print_table(titles, lines):
    widths = [max(len(line[column]) for line in [titles, *lines]) for column in range(len(titles))]
    for line in [titles, *lines]:
        print("  ".join(cell.ljust(width) if column == 0 else cell.rjust(width) for column, (cell, width) in enumerate(zip(line, widths))).rstrip())
    print()


def markdown(titles, lines):
    return "".join("| " + " | ".join(line) + " |\n" for line in [titles, ["---"] * len(titles), *lines])


def target_numbers(tulle, target):
    """All that `tulle targets` knows of a target."""
    for numbers in json.loads(run([tulle, "targets", "--json"]))["targets"]:
        if numbers["name"] == target:
            return numbers
    sys.exit(f"{tulle} knows no target {target}")


def write_between(path, begin, end, text):
    """Replaces what stands between the two marks of the file; a file that is not there yet is made."""
    old = path.read_text(encoding="utf-8") if path.exists() else begin + end
    before, found_begin, rest = old.partition(begin)
    _, found_end, after = rest.partition(end)
    if not found_begin or not found_end:
        sys.exit(f"{path}: the lines between which the tables go are missing:\n{begin}{end}".rstrip())
    path.write_text(before + begin + text + end + after, encoding="utf-8")


# ---- commands that measure the zoo ----

def cell_key(options, network, density):
    return {"network": network, "density_asked": density, "threads": options.threads, "scale": options.scale, "target": options.target}


def zoo_rows(options, measure):
    """All that is asked for: what --measured has, and what it lacks, which measure(options, network, density) gives now, as rows that begin with the
    cell's key, and which is added to it."""
    known, rows = known_rows(options.measured), []
    for network in options.networks:
        for density in options.densities:
            key = cell_key(options, network, density)
            found = [row for row in known if {name: row[name] for name in key} == key]
            if not found:
                print(f"measuring {network} at {density:g}", file=sys.stderr, flush=True)
                found = measure(options, network, density)
                add_rows(options.measured, found)
            rows += found
    return rows


def zoo_parser(description, densities):
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tulle", default=ROOT / "build/tulle", help="the compiler (default build/tulle)")
    parser.add_argument("--target", default="native", help="any that runs here (default native)")
    parser.add_argument("--networks", default="all", help="names of the zoo, with commas between (default all)")
    parser.add_argument("--densities", default=densities, help=f"shares of weights kept (default {densities})")
    parser.add_argument("--scale", type=float, default=1, help="of the networks: small ones for a quick look (default 1)")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--measured", type=pathlib.Path, metavar="FILE", help="what it has is not measured again; what is measured is added to it")
    parser.add_argument("--write", type=pathlib.Path, metavar="FILE", help="writes the tables into it, between the lines that say so")
    return parser


def zoo_options(parser):
    """What was given: networks and densities as lists, and as they were written in networks_given and densities_given."""
    chosen = parser.parse_args()
    every = [line.split()[0] for line in run([sys.executable, ROOT / "samples/zoo/make.py", "--list"]).splitlines()]
    chosen.networks_given, chosen.densities_given = chosen.networks, chosen.densities
    chosen.networks = every if chosen.networks == "all" else chosen.networks.split(",")
    if not set(chosen.networks) <= set(every):
        parser.error("the zoo has " + ", ".join(every))
    chosen.densities = [float(density) for density in chosen.densities.split(",")]
    return chosen
