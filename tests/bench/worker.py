"""A process that keeps one engine up: reads a command a line as JSON, answers each with a line. `load` makes a model ready and runs it once,
`round` times one, `clear` forgets all. Started by race.py with the Python of the engine's environment:

    python worker.py ENGINE CPU,CPU..."""
import gc
import json
import os
import statistics
import sys
import time

LEAST_RUNS, LONG_SECONDS = 3, 0.5      # runs in a round; fewer when they take that long
SETTLE_SECONDS = 0.04                  # before a round with several threads: engines' threads spin so long before they fall asleep


def timed(call, seconds):
    """Median milliseconds of the runs that fit, after one that fills the caches and wakes the threads."""
    call()
    times, begin = [], time.perf_counter()
    while True:
        start = time.perf_counter()
        call()
        end = time.perf_counter()
        times.append(end - start)
        if end - begin >= (seconds if len(times) >= LEAST_RUNS else max(seconds, LONG_SECONDS)):
            return statistics.median(times) * 1e3


class Worker:
    def __init__(self, name):
        import engines
        import numpy
        self.engines, self.numpy, self.engine, self.calls = engines, numpy, engines.ENGINES[name](), {}

    def load(self, request):
        x = None
        if request["input"] is not None:
            values = self.numpy.load(request["input"])
            x = self.engines.aligned(values.shape)
            x[:] = values
        call, result = self.engine.load(request["model"], x, request["threads"])
        call()
        if request["output"] is not None:
            self.numpy.save(request["output"], result())
        self.calls[request["name"]] = call, x      # engines borrow the input
        return {}

    def round(self, request):
        time.sleep(SETTLE_SECONDS if request["threads"] > 1 else 0)
        return {"ms": timed(self.calls[request["name"]][0], request["seconds"])}

    def clear(self, request):
        self.engines.unload(self.calls)
        return {}


def answer(worker, request):
    try:
        return getattr(worker, request["do"])(request)
    except Exception as error:  # whatever an engine throws is for the one who asked
        return {"error": f"{type(error).__name__}: {error}".split("\n")[0]}


def main(name, cpus):
    os.sched_setaffinity(0, [int(cpu) for cpu in cpus.split(",")])
    import engines
    channel = engines.quiet()
    try:
        worker = Worker(name)
    except Exception as error:  # such as a package that is not installed
        print(json.dumps({"error": f"{type(error).__name__}: {error}"}), file=channel, flush=True)
        return
    gc.disable()
    print(json.dumps({"version": worker.engine.version}), file=channel, flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(worker, json.loads(line))), file=channel, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
