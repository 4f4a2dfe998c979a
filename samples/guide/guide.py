#!/usr/bin/env python3
# Guided sparsity learning, on a toy: which layers a training loop should prune for one machine, and which it should leave alone.
#     python samples/guide/guide.py build/libtulle.so samples/glyphs/glyphs.onnx --target xeon-e5-2697v4 --formula paper --goal 0.6
# Needs Python with numpy. README.md explains what is trained, and what is compared.
import argparse

import numpy

import tulle_guide

RATE = 0.5            # of the gradient steps
STEPS = 4             # of them between two questions
GROWTH = 0.06         # of the penalty between two questions
MOST_PENALTY = 2.4    # past it the toy's accuracy is lost
PATIENCE = 26         # questions that a layer may stay above its useful range while it is pruned
SAMPLE = 2000         # weights that stand for a layer's


class ToyLayer:
    """Weights that want to be `wanted`, pulled to zero by an L1 penalty: the smallest of them become zeros, and with them some accuracy is lost."""

    def __init__(self, name, weights, random):
        self.name = name
        self.share = weights
        self.wanted = random.laplace(size=min(int(weights), SAMPLE)) * random.uniform(0.7, 1.4)
        self.weights = self.wanted.copy()
        self.kept = numpy.ones(len(self.weights), bool)
        self.penalty = 0.0
        self.state, self.above = "prune", 0

    def train(self):
        for _ in range(STEPS):
            moved = self.weights - RATE * (self.weights - self.wanted)
            shrunk = numpy.sign(moved) * numpy.maximum(numpy.abs(moved) - RATE * self.penalty, 0)
            self.weights = numpy.where(self.kept, shrunk, 0)

    def density(self):
        return max(numpy.count_nonzero(self.weights), 1) / len(self.weights)

    def loss(self):
        return float(numpy.mean((self.weights - self.wanted) ** 2))

    def restore(self):
        self.state, self.penalty = "restored", 0.0
        self.kept[:] = True

    def stop(self):
        """No further zeros, and no penalty: what is left may recover."""
        self.state, self.penalty = "stopped", 0.0
        self.kept = self.weights != 0


def heed(layer, row):
    """What guided sparsity learning does with the guide's word on one layer."""
    if layer.state != "prune":
        return
    if row["useful"] is None:
        layer.restore()                                # no potential: excluded
    elif row["density"] <= row["useful"][0]:
        layer.stop()                                   # past the range's end
    elif row["density"] > row["useful"][1]:
        layer.above += 1
        if layer.above > PATIENCE:
            layer.restore()                            # stuck above the range: its zeros gain nothing
    else:
        layer.above = 0


def train(guide, goal, guided, seed, rounds=80):
    """Prunes until the network is predicted to take `goal` of its dense time; gives the layers and the last answer."""
    answer = guide.ask()
    random = numpy.random.default_rng(seed)
    layers = [ToyLayer(row["name"], row["weights"], random) for row in answer["layers"]]
    for _ in range(rounds):
        answer = guide.ask({layer.name: layer.density() for layer in layers})
        if answer["now"]["predicted_ms"] <= goal * answer["dense_ms"]:
            break
        for layer, row in zip(layers, answer["layers"]):
            if guided:
                heed(layer, row)
            if layer.state == "prune":
                layer.penalty = min(layer.penalty + GROWTH, MOST_PENALTY)
            layer.train()
    for layer in layers:                               # the end of training: what is left recovers, as the paper's retraining does
        if layer.state == "prune":
            layer.stop()
        for _ in range(10):
            layer.train()
    return layers, answer


def loss_of(layers):
    """Of all weights, each layer's by how many it has."""
    return sum(layer.share * layer.loss() for layer in layers) / sum(layer.share for layer in layers)


def report(title, layers, answer):
    print(f"\n{title}: {answer['now']['predicted_ms']:.4f} ms, {answer['now']['speedup']:.2f}x, density {answer['now']['density']:.3f}, "
          f"loss {loss_of(layers):.4f}")
    for layer, row in zip(layers, answer["layers"]):
        useful = "none" if row["useful"] is None else f"{row['useful'][0]:.4f} - {row['useful'][1]:.3f}"
        print(f"    {layer.name:24} {layer.state:9} density {layer.density():.3f}, useful {useful:16} {row['speedup']:6.2f}x")


def main():
    parser = argparse.ArgumentParser(description="Guided sparsity learning on a toy, with libtulle.")
    parser.add_argument("library", help="build/libtulle.so")
    parser.add_argument("model", help="an ONNX file: its layers' shapes count, and that they can be pruned")
    parser.add_argument("--target", default="native", help="the machine to prune for (default: this one)")
    parser.add_argument("--formula", default="counts", help="what prices its layers: our kernels' counts (the default), or paper")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--goal", type=float, default=0.45, help="share of the dense network's time to come down to (default 0.45)")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    setting = {"target": chosen.target, "threads": chosen.threads, "formula": chosen.formula}
    with tulle_guide.Guide(chosen.library, chosen.model, **setting) as guide:
        uniform = train(guide, chosen.goal, False, chosen.seed)
        guided = train(guide, chosen.goal, True, chosen.seed)
    report("the same penalty on every layer", *uniform)
    report("guided", *guided)


if __name__ == "__main__":
    main()
