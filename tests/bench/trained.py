"""The pattern of really trained and pruned layers (samples/glyphs), tiled up to any layer's shape: up to 10 % those of the net that was pruned to
10 % of its weights, up to 50 % those of the one that was pruned to half of them. A lower density keeps the largest of what training kept.

Each tile is one of the trained layers, 1x1 or 3x3. Rows and columns of a tile are put in the order of their nonzeros, with a little
noise, so that full rows stay in line over all tiles as they are in one layer, while no two tiles are copies: rows with equal patterns would be
a gift to kernels that share loads."""
import functools

import numpy
import onnx
from onnx import numpy_helper

from shared import ROOT

# What was trained, by the density it was pruned to; nothing is known of what a denser layer would have kept.
SOURCES = {0.1: ROOT / "samples/glyphs/glyphs.onnx", 0.5: ROOT / "samples/glyphs/half.npz"}
MOST_DENSITY = max(SOURCES)
NOISE = 0.05            # of the mean count


def source_of(density):
    """The sparsest that has as many."""
    return SOURCES[min(most for most in SOURCES if density <= most)]


def arrays_of(path):
    if path.suffix == ".npz":
        with numpy.load(path) as arrays:
            return [arrays[name].astype(numpy.float32) for name in arrays.files]
    return [numpy_helper.to_array(tensor) for tensor in onnx.load(path).graph.initializer]


@functools.cache
def trained_layers(path, pointwise):
    """Sizes of the weights of the largest pruned convolutions, 1x1 ones or others; in units of their root mean square."""
    arrays = [numpy.abs(array) for array in arrays_of(path)]
    found = [array for array in arrays if array.ndim == 4 and (array == 0).any() and (array.shape[2] == 1) == pointwise]
    largest = max(array.shape for array in found)
    return [array / numpy.sqrt(numpy.square(array).mean()) for array in found if array.shape == largest]


def order(counts, random):
    return numpy.argsort(-(counts + NOISE * counts.mean() * random.standard_normal(len(counts))), kind="stable")


def tile(layers, number, random):
    sizes = layers[number % len(layers)]
    present = sizes != 0
    return sizes[order(present.sum((1, 2, 3)), random)][:, order(present.sum((0, 2, 3)), random)]


def tiled(shape, path):
    """Sizes as they would be in a trained layer of that shape; taps of larger kernels repeat those of 3x3."""
    random = numpy.random.default_rng(3)
    layers = trained_layers(path, shape[2] * shape[3] == 1)
    height, width = layers[0].shape[:2]
    rows = [numpy.concatenate([tile(layers, row + column, random) for column in range(-(-shape[1] // width))], 1)[:, :shape[1]]
            for row in range(-(-shape[0] // height))]
    taps = [numpy.arange(size) % rows[0].shape[axis] for axis, size in ((2, shape[2]), (3, shape[3]))]
    return numpy.concatenate(rows)[:shape[0]][:, :, taps[0]][:, :, :, taps[1]]


def pruned_like(weights, density):
    """The given weights, with zeros where a trained layer of that density has them."""
    sizes = tiled(weights.shape, source_of(density))
    keep = min(max(1, round(density * sizes.size)), numpy.count_nonzero(sizes))
    least = numpy.partition(sizes.reshape(-1), sizes.size - keep)[sizes.size - keep]
    return numpy.where(sizes >= least, weights, 0).astype(numpy.float32)
