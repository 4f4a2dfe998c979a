"""What compare.py was asked for, checked and in the form that the rest works with."""
import datetime
import os
import pathlib
import types

import cases
import environments
import lab
import measure

FLAGS = {"avx512": "avx512bw", "avx2": "avx2", "sse": "sse4_2"}      # what the system calls an instruction set


def names(parser, given, every, what):
    chosen = list(every) if given == "all" else [name for name in given.split(",") if name]
    unknown = [name for name in chosen if name not in every]
    if unknown:
        parser.error(f"no {what} {', '.join(unknown)}; there are {', '.join(every)}")
    return chosen


def instruction_sets():
    """Those of this processor that OpenBLAS and tulle are compared in."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            flags = next((line for line in lines if line.startswith("flags")), "").split()
    except OSError:
        flags = []
    return [isa for isa in lab.ISAS if FLAGS[isa] in flags]


def date(given):
    """None: that of the day."""
    seconds = os.environ.get("SOURCE_DATE_EPOCH")
    return given or (datetime.datetime.fromtimestamp(int(seconds), datetime.timezone.utc).date().isoformat() if seconds else None)


def pythons(chosen, engines, python, folder):
    """The Python that runs each engine."""
    found = {"tulle": python, **{engine: python for engine in engines}}
    if "deepsparse" in engines:
        found["deepsparse"] = None if chosen.no_measure else environments.deepsparse(folder, chosen.deepsparse_environment)
    return found


def numbers(parser, text, kind, what):
    try:
        return tuple(sorted({kind(word) for word in text.split(",")}))
    except ValueError:
        parser.error(f"{what}: numbers with commas between are expected, not '{text}'")


def resolved(parser, chosen, python):
    """Options of all other modules."""
    folder = pathlib.Path(chosen.folder).absolute()
    engines = names(parser, chosen.engines, ["onnxruntime", "openvino", "deepsparse", "openblas"], "engine")
    runners = pythons(chosen, engines, python, folder)
    cpus = [int(cpu) for cpu in chosen.cpus.split(",")] if chosen.cpus else sorted(os.sched_getaffinity(0))
    threads = numbers(parser, chosen.threads, int, "--threads")
    if max(threads) > len(cpus) and not (chosen.no_measure or chosen.prepare):
        parser.error(f"{max(threads)} threads need as many processors; this process may use {len(cpus)}")
    return types.SimpleNamespace(
        tulle=str(pathlib.Path(chosen.tulle).absolute()), parts=names(parser, chosen.parts, measure.PARTS, "part"),
        engines=[engine for engine in engines if runners[engine]], pythons=runners, layers=names(parser, chosen.layers, cases.LAYERS, "layer"),
        networks=names(parser, chosen.networks, cases.NETWORKS, "network"), densities=numbers(parser, chosen.densities, float, "--densities"),
        threads=threads, batches=numbers(parser, chosen.batches, int, "--batches"), rounds=chosen.rounds, network_rounds=chosen.network_rounds,
        round_ms=chosen.round_ms, scale=chosen.scale, target=chosen.target, cpus=cpus, patience=60 * chosen.patience_min, jobs=chosen.jobs,
        folder=folder, isas=instruction_sets(),
        measured=pathlib.Path(chosen.measured) if chosen.measured else folder / "measured.jsonl", date=date(chosen.date), prepare=chosen.prepare,
        no_measure=chosen.no_measure, write=pathlib.Path(chosen.write) if chosen.write else None)
