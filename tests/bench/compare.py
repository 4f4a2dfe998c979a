#!/usr/bin/env python3
"""Measures tulle against ONNX Runtime, OpenVINO, DeepSparse 1.8.0 and OpenBLAS, layers and networks in alternation, and writes the report.

    tests/bench/compare.py --tulle build/tulle --write docs/benchmarks.md

Needs Python 3.9 or later (3.8 to 3.11 for DeepSparse: another one on the PATH does) with venv; sets up the engines beneath --folder with pip,
from whatever index that is set up for, the first time. For a quiet machine. Parts, to be chosen with --parts:

    layers    twelve layers at eight densities, one and two threads; the convolutions of ResNet-50 inside the network
    dense     those layers and larger ones without zeros: every dense kernel of tulle
    patterns  the pattern of a trained network instead of a random one, as far as it reaches (50 % and below)
    networks  five pruned networks and their dense versions, batch 1 and 16, one and two threads
    sgemm     AlexNet conv2-5 at 9 % against SGEMM, instruction set by instruction set, batch 1 and 32
    regret    other kernels and tilings forced upon every layer, inside the networks

What was measured is kept in --measured, a JSON object a line, and not measured again: an interrupted run goes on where it was, and the report
can be written again at any time (--no-measure). A new compiler wants a new file. Programs whose results differ from other engines' are not timed, and
the exit code is 4 then."""
import argparse
import os
import pathlib
import sys

import environments

ROOT = pathlib.Path(__file__).resolve().parents[2]
ENGINES = ["onnxruntime", "openvino", "deepsparse", "openblas"]
DENSITIES = "0.015,0.03,0.05,0.1,0.25,0.5,0.8,1"
INSIDE = "TULLE_COMPARE_INSIDE"      # set once the Python runs that has all that is needed


def parser():
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = made.add_argument
    add("--tulle", default=str(ROOT / "build/tulle"), help="the compiler (default build/tulle)")
    add("--parts", default="all", help="layers, dense, patterns, networks, sgemm, regret, with commas between (default all)")
    add("--engines", default=",".join(ENGINES), help="besides tulle (default all)")
    add("--layers", default="all", help="names of layers (default all twelve)")
    add("--networks", default="all", help="names of networks (default all five)")
    add("--densities", default=DENSITIES, help=f"of layers: shares of weights kept (default {DENSITIES})")
    add("--threads", default="1,2", help="numbers of threads (default 1,2)")
    add("--batches", default="1,16", help="images at once, of networks (default 1,16)")
    add("--rounds", type=int, default=9, help="of each cell; 6 are the least that give an interval (default 9)")
    add("--network-rounds", type=int, default=6, metavar="N", help="of each network (default 6)")
    add("--round-ms", type=float, default=50, metavar="MS", help="length of a round; three runs at least (default 50)")
    add("--scale", type=float, default=1, help="of layers and networks: small ones for a test (default 1)")
    add("--target", default="native", help="any that runs here (default native)")
    add("--cpus", help="processors to pin to; one thread takes the last (default those that this process may use)")
    add("--patience-min", type=float, default=15, metavar="MIN",
        help="to wait in all, while two processors share a core or are far apart (default 15)")
    add("--jobs", type=int, default=2, help="programs compiled at a time, before measuring (default 2)")
    add("--folder", default=str(ROOT / "build/bench"), help="for environments, models, programs and measurements (default build/bench)")
    add("--environment", metavar="DIR", help="a virtual environment with onnx, numpy, onnxruntime, openvino, instead of one made here")
    add("--deepsparse-environment", metavar="DIR", help="one with DeepSparse")
    add("--measured", metavar="FILE", help="the measurements (default measured.jsonl in --folder)")
    add("--date", help="that new measurements are marked with (default SOURCE_DATE_EPOCH's, or today)")
    add("--prepare", action="store_true", help="only set up, make models and compile; measure nothing")
    add("--no-measure", action="store_true", help="only tell what was measured")
    add("--write", metavar="FILE", help="writes the report; its drawing goes beside it, named FILE without .md, -layers.svg")
    return made


def main():
    chosen = parser().parse_args()
    folder = pathlib.Path(chosen.folder)
    folder.mkdir(parents=True, exist_ok=True)
    python = environments.peers(folder, chosen.environment)
    if os.environ.get(INSIDE) != str(python):
        os.environ[INSIDE] = str(python)
        os.execv(python, [str(python), __file__, *sys.argv[1:]])
    import settings
    import report
    options = settings.resolved(parser(), chosen, python)
    import measure
    sys.exit(0 if report.tell(options, measure.rows_of(options)) else 4)


if __name__ == "__main__":
    main()
