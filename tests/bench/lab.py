"""Cells: what is measured together, in alternation, and kept as one row. A cell is a layer or network at a number of threads and images; its
entrants are the engines, and for tulle and DeepSparse each density."""
import dataclasses

import cases
import programs
from race import Entrant
from shared import Files


@dataclasses.dataclass(frozen=True)
class Cell:
    kind: str                 # "layer", "pattern", "network", "sgemm", "inside", "regret"
    name: str
    threads: int = 1
    batch: int = 1
    densities: tuple = ()

    def key(self):
        return {"kind": self.kind, "name": self.name, "threads": self.threads, "batch": self.batch}


class Lab:
    """Makes what a cell needs: models, programs, entrants."""

    def __init__(self, options):
        self.options, self.engines, self.target = options, options.engines, options.target
        self.models, self.folder = options.folder / "models", options.folder / "programs"
        self.models.mkdir(parents=True, exist_ok=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.files, self.programs = Files(), programs.Programs(options.tulle, self.folder)

    # ---- models ----

    def layer(self, name):
        return cases.ALL_LAYERS[name].scaled(self.options.scale)

    def layer_model(self, name, density, pattern="random"):
        path = self.models / f"{name}-{pattern}-{density:g}-{self.options.scale:g}.onnx"
        return self.files.made(path, lambda part: cases.write_layer(part, name, self.layer(name), density, pattern))

    def network_model(self, name, density):
        path = self.models / f"{name}-{density}-{self.options.scale:g}.onnx"
        return self.files.made(path, lambda part: cases.write_network(part, name, density, self.options.scale))

    # ---- entrants ----

    def tulle(self, name, model, cell, function, kernels=None, target=None, layer="conv"):
        choice = {"target": target or self.target, "threads": cell.threads, "batch": cell.batch, "kernels": kernels}
        facts = self.programs.facts(model, layer, **choice) if layer else {}
        return Entrant(name, "tulle", self.programs.built(model, ".so", **choice), function, facts=facts)

    def dense_peers(self, model, function):
        return [Entrant(engine, engine, model, function) for engine in ("onnxruntime", "openvino") if engine in self.engines]

    def at_density(self, cell, density, pattern="random", mark=""):
        """DeepSparse and tulle, and tulle's best sparse kernel where it chooses none."""
        model, function = self.layer_model(cell.name, density, pattern), f"{pattern}@{density:g}"
        found = [self.tulle(f"tulle{mark}@{density:g}", model, cell, function)]
        if "deepsparse" in self.engines:
            found.append(Entrant(f"deepsparse{mark}@{density:g}", "deepsparse", model, function))
        return found

    def sparse_instead(self, cell, chosen, density):
        """tulle's best sparse kernel, where it was not chosen."""
        model = self.layer_model(cell.name, density)
        kernels = self.programs.candidates(model, "conv", True, target=self.target, threads=cell.threads)
        if not kernels or chosen.facts["kernel"].startswith("sparse"):
            return []
        return [self.tulle(f"tulle:sparse@{density:g}", model, cell, f"random@{density:g}", {"conv": kernels[0]})]

    def dense_kernels(self, cell):
        """Every dense kernel of tulle that is any good."""
        model = self.layer_model(cell.name, 1)
        kernels = self.programs.candidates(model, "conv", False, target=self.target, threads=cell.threads)
        return [self.tulle(f"tulle:{kernel}", model, cell, "random@1", {"conv": kernel}) for kernel in kernels]

    def layer_entrants(self, cell):
        entrants = self.dense_peers(self.layer_model(cell.name, 1), "random@1") + self.dense_kernels(cell)
        for density in cell.densities:
            found = self.at_density(cell, density)
            entrants += found + self.sparse_instead(cell, found[0], density)
        return entrants

    def pattern_entrants(self, cell):
        dense = self.layer_model(cell.name, 1)
        direct = [entrant for entrant in self.dense_kernels(cell) if "winograd" not in entrant.name]
        entrants = self.dense_peers(dense, "random@1") + direct[:1]
        if "deepsparse" in self.engines:
            entrants.append(Entrant("deepsparse@1", "deepsparse", dense, "random@1"))
        for density in cell.densities:
            entrants += self.at_density(cell, density, "random", "-random") + self.at_density(cell, density, "trained", "-trained")
        return entrants

    def network_entrants(self, cell):
        entrants = self.dense_peers(self.network_model(cell.name, cases.DENSE), cases.DENSE)
        for density in (cases.SPARSE, cases.DENSE):
            model = self.network_model(cell.name, density)
            entrants.append(self.tulle(f"tulle@{density}", model, cell, density, layer=None))
            if "deepsparse" in self.engines:
                entrants.append(Entrant(f"deepsparse@{density}", "deepsparse", model, density))
        return entrants

    def sgemm_entrants(self, cell):
        """tulle and SGEMM, instruction set by instruction set."""
        entrants, model = [], self.layer_model(cell.name, cell.densities[0])
        for isa, (core, target) in ISAS.items():
            if isa in self.options.isas:
                entrants.append(self.tulle(f"tulle-{isa}", model, cell, "layer", target=target))
                if "openblas" in self.engines:
                    entrants.append(Entrant(f"sgemm-{isa}", "openblas", self.layer(cell.name).product(cell.batch), variant=core))
        return entrants

    def entrants(self, cell):
        return {"layer": self.layer_entrants, "pattern": self.pattern_entrants, "network": self.network_entrants,
                "sgemm": self.sgemm_entrants}[cell.kind](cell)

    # ---- inputs, and how much there is to do ----

    def input(self, cell):
        if cell.kind == "network":
            return cases.network_input(self.network_model(cell.name, cases.DENSE), cell.batch)
        return cases.layer_input(self.layer(cell.name), cell.batch)

    def flops(self, cell):
        return self.layer(cell.name).flops(cell.batch) if cell.name in cases.ALL_LAYERS else None


# What OpenBLAS calls its kernels for an instruction set, and tulle's target for it: this machine.
ISAS = {"avx512": ("SkylakeX", "native-avx512"), "avx2": ("Haswell", "native-avx2"), "sse": ("Nehalem", "native-sse4.2")}
