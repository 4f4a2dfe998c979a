"""Runs engines in alternation: a worker process for each that stays up and is asked for one timed round at a time, so that a machine whose
speed drifts drifts for all of them. The order turns round from round to round. Results of the same model must agree."""
import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy

WRONG = "not the results"
TOLERANCE = 2e-3      # of the output's largest value, between engines
HERE = pathlib.Path(__file__).resolve().parent


@dataclasses.dataclass
class Entrant:
    name: str                  # "tulle@0.1"
    engine: str
    model: object              # a path; of OpenBLAS, four sizes
    function: str = ""         # entrants of one function must give the same results
    variant: str = ""          # of OpenBLAS, whose kernels
    facts: dict = dataclasses.field(default_factory=dict)


class Worker:
    def __init__(self, python, engine, variant, cpus, log):
        environment = dict(os.environ, OPENBLAS_NUM_THREADS="1", OMP_PROC_BIND="true", NM_DISABLE_ANALYTICS="1", PYTHONDONTWRITEBYTECODE="1")
        if variant:
            environment["OPENBLAS_CORETYPE"] = variant
        command = [str(python), str(HERE / "worker.py"), engine, ",".join(map(str, cpus))]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, env=environment)
        self.version, self.error = "", ""
        hello = self.read()
        self.version, self.error = hello.get("version", ""), hello.get("error", "")

    def read(self):
        line = self.process.stdout.readline()
        return json.loads(line) if line else {"error": f"the process ended (exit code {self.process.wait()})"}

    def ask(self, **request):
        if self.error:
            return {"error": self.error}
        try:
            print(json.dumps(request), file=self.process.stdin, flush=True)
        except BrokenPipeError:
            pass
        return self.read()

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


class Race:
    """Workers by engine, for one number of threads at a time."""

    def __init__(self, pythons, cpus, log, cores):
        self.pythons, self.all_cpus, self.log, self.workers, self.threads, self.versions = pythons, cpus, log, {}, None, {}
        self.cores = cores

    def worker(self, entrant):
        key = (entrant.engine, entrant.variant)
        if key not in self.workers:
            self.workers[key] = Worker(self.pythons[entrant.engine], entrant.engine, entrant.variant, self.cpus(), self.log)
            if self.workers[key].version:
                self.versions[entrant.engine] = self.workers[key].version
        return self.workers[key]

    def cpus(self):
        return tuple(self.all_cpus[-self.threads:])

    def stop(self):
        for worker in self.workers.values():
            worker.stop()
        self.workers = {}

    def use_threads(self, threads):
        if threads != self.threads:
            self.stop()
            self.threads = threads

    def load(self, entrant, x, folder):
        output = os.path.join(folder, entrant.name.replace("/", "_") + ".npy") if entrant.function else None
        model = entrant.model if isinstance(entrant.model, list) else str(entrant.model)
        answer = self.worker(entrant).ask(do="load", name=entrant.name, model=model, input=x, threads=self.threads, output=output)
        return answer.get("error"), output

    def load_all(self, entrants, inputs):
        """(who is ready, why the others are not). Other engines come first, so that it is tulle that must agree with them."""
        ready, skipped, first = [], {}, {}
        with tempfile.TemporaryDirectory(prefix="tulle-race-") as folder:
            path = None
            if inputs is not None:
                path = os.path.join(folder, "input.npy")
                numpy.save(path, inputs)
            for entrant in sorted(entrants, key=lambda entrant: entrant.engine == "tulle"):
                error, output = self.load(entrant, path, folder)
                if not error and output:
                    found = numpy.load(output)
                    error = difference(found, *first.setdefault(entrant.function, (entrant.name, found)))
                if error:
                    skipped[entrant.name] = error
                else:
                    ready.append(entrant)
        return ready, skipped

    def round(self, entrants, seconds):
        """{name: milliseconds}, each engine once."""
        found = {}
        for entrant in entrants:
            answer = self.worker(entrant).ask(do="round", name=entrant.name, seconds=seconds, threads=self.threads)
            if "error" in answer:
                sys.exit(f"{entrant.name}: {answer['error']}")
            found[entrant.name] = round(answer["ms"], 6)
        return found

    def settled_round(self, entrants, seconds):
        """(times, state of the processors): a round between whose ends they were moved is run again."""
        if self.threads == 1:
            return self.round(entrants, seconds), None
        while True:
            self.cores.settle(self.cpus())
            start = time.monotonic()
            found, state = self.round(entrants, seconds), self.cores.state(self.cpus())
            if state["good"] or self.cores.patience <= 0:
                return found, state
            self.cores.patience -= time.monotonic() - start

    def measure(self, entrants, inputs, threads, rounds, seconds):
        """({name: milliseconds of each round}, states of the processors, {name: why it was skipped})."""
        self.use_threads(threads)
        ready, skipped = self.load_all(entrants, inputs)
        times, states = {entrant.name: [] for entrant in ready}, []
        for number in range(rounds):
            found, state = self.settled_round(ready[::-1 if number % 2 else 1], seconds)
            states += [state] if state else []
            for name, ms in found.items():
                times[name].append(ms)
        for worker in self.workers.values():
            worker.ask(do="clear")
        return times, states, skipped


def difference(found, other, expected):
    """Why the time of a result means nothing: what computed the same function before it found another one. None if they agree."""
    error = numpy.abs(found.reshape(-1) - expected.reshape(-1)).max() / max(numpy.abs(expected).max(), 1e-30)
    return None if error <= TOLERANCE else f"{WRONG} of {other}: {error:.1e} of the largest value apart"
