"""What tulle makes of models: libraries and executables, built once for each compiler, model and choice of options, and what it says of them."""
import hashlib
import json
import pathlib

from shared import Files, run

SLOWEST = 4          # candidates predicted to take longer than so many times the best of their side are not measured
NAIVE = {"reference"}


class Programs:
    def __init__(self, tulle, folder):
        self.tulle, self.folder, self.files = tulle, folder, Files()
        self.mark = hashlib.sha256(pathlib.Path(tulle).read_bytes()).hexdigest()

    def options(self, target, threads, batch, kernels):
        forced = [word for layer, kernel in sorted((kernels or {}).items()) for word in ("--kernel", f"{layer}={kernel}")]
        return ["--target", target, "--threads", threads, "--batch", batch, *forced]

    def built(self, model, ending, target="native", threads=1, batch=1, kernels=None):
        """A library with the prefix `timed` (ending .so), or an executable (no ending)."""
        options = self.options(target, threads, batch, kernels)
        words = [ending, self.mark, str(model), str(model.stat().st_mtime_ns), *map(str, options)]
        place = self.folder / hashlib.sha256("\n".join(words).encode()).hexdigest()[:24]

        def make(part):
            part.mkdir()
            run([self.tulle, "build", model, *options, "--prefix", "timed", "-o", part / ("timed" + ending)])
        return self.files.made(place, make) / ("timed" + ending)

    def explained(self, model, layer=None, target="native", threads=1, batch=1, kernels=None):
        command = [self.tulle, "explain", model, *([layer] if layer else []), *self.options(target, threads, batch, kernels), "--json"]
        return json.loads(run(command))

    def facts(self, model, layer, **choice):
        """What is predicted of one layer."""
        found = self.explained(model, layer, **choice)["layers"][0]
        return {name: found[name] for name in ("kernel", "density", "predicted_ms", "hot_ms", "bound")}

    def candidates(self, model, layer, sparse, **choice):
        """Kernels that can be written, dense or sparse ones, the best by prediction first."""
        best = {}
        for candidate in self.explained(model, layer, **choice)["layers"][0]["candidates"]:
            if candidate["sparse"] == sparse and not candidate["projected"] and candidate["kernel"] not in NAIVE:
                best[candidate["kernel"]] = min(best.get(candidate["kernel"], candidate["hot_ms"]), candidate["hot_ms"])
        ordered = sorted(best, key=best.get)
        return [kernel for kernel in ordered if best[kernel] <= SLOWEST * best[ordered[0]]]
