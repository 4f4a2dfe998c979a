"""Waits until a machine's processors are worth as many cores: a virtual machine's are moved from time to time, and two that share one core, or lie
far from one another, make everything on two threads look as slow as on one. Whoever is measured meanwhile loses, whoever comes later wins."""
import json
import pathlib
import time

from shared import run

SOURCE = pathlib.Path(__file__).resolve().parent / "cores.c"
SHARED = 1.25        # so many times slower at once than alone: they share a core
FAR = 2              # a cache line takes so many times longer from one to the other than it once did
PAUSE = 2            # seconds


class Cores:
    def __init__(self, files, folder, patience):
        self.program = files.made(folder / "cores", lambda part: run(["cc", "-O2", "-pthread", SOURCE, "-o", part]))
        self.patience, self.nearest = patience, {}

    def state(self, cpus):
        found = json.loads(run([self.program, *cpus]))
        apart = found["slowdown"] < SHARED
        if apart:                # nothing is as near as the two halves of one core
            self.nearest[cpus] = min(self.nearest.get(cpus, found["handover_ns"]), found["handover_ns"])
        return {**found, "good": apart and found["handover_ns"] < FAR * self.nearest[cpus]}

    def settle(self, cpus):
        """Returns once their state is good, or all patience of this run is gone."""
        start = time.monotonic()
        while self.patience > 0 and not self.state(cpus)["good"]:
            time.sleep(PAUSE)
            self.patience -= time.monotonic() - start
            start = time.monotonic()
