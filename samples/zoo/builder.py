# Writes a network as ONNX while running it in double precision on a few generated images, so that every layer's scale and biases can be set
# from what really arrives there: activations neither vanish nor explode, batch norms hold the statistics they would have after training, and
# ReLUs let through the share that was asked for. Weights come from a fixed generator; channels differ in scale before the pruning, so that
# nonzeros are spread unevenly over them, as in trained networks.
import dataclasses
import math
import zlib

import numpy
from onnx import TensorProto, helper, numpy_helper

import numeric

EPSILON = 1e-5


@dataclasses.dataclass
class Options:
    density: float = 0.1          # of the weights of every layer that is pruned
    densities: dict = dataclasses.field(default_factory=dict)   # by layer; these go before everything else
    prune_all: bool = False       # the first convolution and depthwise ones too
    zeros: float = 0.5            # share of zeros that a ReLU leaves
    scale: float = 1.0            # of widths and input size
    seed: int = 1


def below(values):
    """Rounded, and a little less than given: rounding must not bring to life what is exactly at a ReLU's threshold, such as channels whose
    weights are all pruned away."""
    return numeric.rounded(values - 1e-3 * numpy.abs(values) - 1e-6)


def deviation(data):
    """Of each channel; not much below the others' where it is dead, since dividing by that would magnify rounding."""
    variance = data.var((0, 2, 3))
    return numpy.sqrt(numpy.maximum(variance, 0.05 * variance.mean() + 1e-6))


@dataclasses.dataclass
class Value:
    name: str
    data: numpy.ndarray           # on the calibration images


class Builder:
    def __init__(self, name, options):
        self.name, self.options = name, options
        self.nodes, self.constants, self.inputs = [], [], []
        self.layers = {}              # name -> (weights, nonzeros)
        self.relu_zeros = []          # share of zeros, and how many values it was counted over
        self.pictures = None          # the calibration images, as the model takes them

    # ---- sizes ----

    def width(self, channels):
        return channels if self.options.scale == 1 else max(8, 8 * round(channels * self.options.scale / 8))

    def size(self, pixels, smallest=32):
        return pixels if self.options.scale == 1 else max(smallest, 32 * round(pixels * self.options.scale / 32))

    # ---- nodes ----

    def random(self, layer):
        return numpy.random.Generator(numpy.random.PCG64([self.options.seed, zlib.crc32(f"{self.name}/{layer}".encode())]))

    def constant(self, name, array):
        self.constants.append(numpy_helper.from_array(numpy.ascontiguousarray(array), name))
        return name

    def node(self, op, inputs, name, data, **attributes):
        names = [value.name if isinstance(value, Value) else value for value in inputs]
        self.nodes.append(helper.make_node(op, names, [name], name, **attributes))
        return Value(name, data)

    def input(self, name, channels, *pixels):
        """Enough images that even a small network has some thousand pixels to count over."""
        images = 4 if math.prod(pixels) > 20000 else 16
        self.inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", channels, *pixels]))
        self.pictures = numeric.input_values([self.options.seed, zlib.crc32(self.name.encode())], (images, channels, *pixels))
        return Value(name, self.pictures.reshape(images, channels, -1, pixels[-1]).astype(numpy.float64))

    # ---- weights ----

    def density(self, layer, spared):
        if layer in self.options.densities:
            return self.options.densities[layer]
        return 1.0 if spared and not self.options.prune_all else self.options.density

    def weights(self, layer, shape, spared=False):
        """Normal, times a log-normal scale for each output and input channel, then pruned by magnitude."""
        random = self.random(layer)
        scales = [numeric.rounded(numpy.exp(spread * random.standard_normal(size))) for spread, size in zip((0.5, 0.3), shape)]
        weights = random.standard_normal(shape, numpy.float32)
        if len(shape) == 4 and shape[1] == 1:
            weights += 1      # depthwise filters are partly blurs, as trained ones are: pure noise, layer after layer, would magnify rounding
        weights *= scales[0].reshape(-1, *[1] * (len(shape) - 1))
        weights *= scales[1].reshape(1, -1, *[1] * (len(shape) - 2))
        keep = max(1, round(self.density(layer, spared) * weights.size))
        if keep < weights.size:
            sizes = numpy.abs(weights)
            least = numpy.partition(sizes.reshape(-1), weights.size - keep)[weights.size - keep]
            weights[sizes < least] = 0
        weights *= numpy.float32(math.sqrt(2 * weights.size / keep / math.prod(shape[1:])))
        self.layers[layer] = (weights.size, int(numpy.count_nonzero(weights)))
        return weights

    def shares(self, layer, count):
        """The share of zeros wanted of each channel: about the one asked for, some more, some less. Above a half, few channels that are on half
        the time and many that seldom are, as in trained networks; if all seldom were, small differences would grow from layer to layer."""
        random = self.random(layer + "/zeros")
        zeros = self.options.zeros
        spread = random.uniform(-1, 1, count)
        if zeros <= 0.5:
            return zeros + 0.5 * zeros * spread
        seldom = 1 - 0.35 * (1 - zeros)
        often = random.permutation(count) < round(count * (seldom - zeros) / (seldom - 0.5))
        return numpy.where(often, 0.5 + 0.15 * spread, seldom + 0.5 * (1 - seldom) * spread)

    def relu_bias(self, data, layer):
        """For each channel, the bias that brings the wanted share of it to zero or below."""
        shares = self.shares(layer, data.shape[1])
        return below(-numpy.array([numpy.quantile(data[:, channel], share) for channel, share in enumerate(shares)]))

    def inhibit(self, x, layer, weights, data, settings):
        """Shifts the kept weights of each channel down until the wanted share of the data is below zero. For shares above a half, where a bias
        alone will not do: a picture a little fainter than the calibration's would die out over the layers, and a stronger one explode, while
        this way what leaves a layer scales with what enters it. Only for inputs that are never negative."""
        sums = numeric.convolution(x.data, weights != 0, *settings)
        shifts = numpy.zeros(len(weights))
        for channel, share in enumerate(self.shares(layer, len(weights))):
            seen = sums[:, channel] > 0     # the others are zero already
            if seen.any():
                share = numpy.clip(1 - (1 - share) / seen.mean(), 0, 0.99)
                shifts[channel] = numpy.quantile(data[:, channel][seen] / sums[:, channel][seen], share)
        shifts = -below(-shifts)
        weights -= shifts.reshape(-1, *[1] * (weights.ndim - 1)) * (weights != 0)
        data -= shifts[:, None, None] * sums

    # ---- layers ----

    def conv(self, x, layer, outputs, kernel, stride=1, pad=0, groups=1, norm=False, relu="", add=None, spared=False):
        """Convolution; batch norm if `norm`, then plus the value `add` if there is one; ReLU or ReLU6 if `relu` says so. The first convolution and
        depthwise ones are `spared`: left dense unless the options say otherwise. `kernel` and `pad` of one number are square."""
        kernel, pad, stride = ((value, value) if isinstance(value, int) else value for value in (kernel, pad, stride))
        settings = (stride, pad, groups)
        weights = self.weights(layer, (outputs, x.data.shape[1] // groups, *kernel), spared)
        data = numeric.convolution(x.data, weights, *settings)
        scale = deviation(data)
        # Neither with a sum behind it nor depthwise: there it would take large numbers from large ones and magnify rounding.
        inhibited = bool(relu) and not add and groups < outputs and self.options.zeros > 0.5 and x.data.min() >= 0
        if inhibited:
            self.inhibit(x, layer, weights, data, settings)
            scale = deviation(data)
        attributes = {"kernel_shape": kernel, "strides": stride, "pads": pad * 2, "group": groups}
        if len(self.pictures.shape) == 3:
            weights = weights.reshape(outputs, -1, kernel[1])
            attributes.update(kernel_shape=kernel[1:], strides=stride[1:], pads=pad[1:] * 2)
        if norm:
            y = self.node("Conv", [x, self.constant(layer + ".weight", weights)], layer, data, **attributes)
            return self.batch_norm(y, layer + "_bn", relu, add, scale, inhibited)
        factor = numeric.rounded(1 / max(1e-6, math.sqrt((scale ** 2).mean())))
        data = data * numpy.float64(factor)
        constants = [self.constant(layer + ".weight", weights * factor)]
        if not relu:
            return self.node("Conv", [x, *constants], layer, data, **attributes)
        bias = below(numpy.zeros(outputs)) if inhibited else self.relu_bias(data, layer)
        constants.append(self.constant(layer + ".bias", bias))
        y = self.node("Conv", [x, *constants], layer, data + bias[:, None, None], **attributes)
        return self.relu(y, layer + "_" + relu, relu)

    def batch_norm(self, x, layer, relu="", add=None, scale=None, inhibited=False):
        """Statistics a little off the measured ones, as running averages are; the bias is such that the ReLU (after adding `add`) leaves
        the wanted zeros, or, if the weights see to that, such that it undoes the mean."""
        random = self.random(layer)
        channels = x.data.shape[1]
        scale = deviation(x.data) if scale is None else scale
        mean = numeric.rounded(x.data.mean((0, 2, 3)) + 0.05 * scale * random.standard_normal(channels))
        variance = numeric.rounded(scale ** 2 * numpy.exp(0.1 * random.standard_normal(channels)))
        gamma = numeric.rounded((0.5 if add else 1.0) * numpy.exp(0.25 * random.standard_normal(channels)))
        slope = (gamma / numpy.sqrt(variance.astype(numpy.float64) + EPSILON))[:, None, None]
        data = (x.data - mean[:, None, None]) * slope
        if inhibited:
            beta = below(mean * slope[:, 0, 0])
        elif relu:
            beta = self.relu_bias(data + add.data if add else data, layer)
        else:
            beta = numeric.rounded(0.1 * random.standard_normal(channels))
        constants = [self.constant(f"{layer}.{name}", array) for name, array in
                     (("weight", gamma), ("bias", beta), ("mean", mean), ("variance", variance))]
        y = self.node("BatchNormalization", [x, *constants], layer, data + beta[:, None, None], epsilon=EPSILON)
        if add:
            y = self.node("Add", [y, add], layer + "_add", y.data + add.data)
        return self.relu(y, layer + "_" + relu, relu) if relu else y

    def relu(self, x, name, kind="relu"):
        data = numpy.maximum(x.data, 0)
        self.relu_zeros.append((numpy.count_nonzero(data == 0) / data.size, data.size))
        if kind == "relu":
            return self.node("Relu", [x], name, data)
        if not any(constant.name == "zero" for constant in self.constants):
            self.constant("zero", numpy.float32(0))
            self.constant("six", numpy.float32(6))
        return self.node("Clip", [x, "zero", "six"], name, numpy.minimum(data, 6))

    def full(self, x, layer, outputs, relu=False):
        """Fully connected. Without a ReLU it is the last one: its results spread by 2, so that a softmax is neither flat nor a single one."""
        weights = self.weights(layer, (outputs, x.data.shape[1]))
        data = numeric.product(x.data, weights)
        factor = numeric.rounded((1 if relu else 2) / max(1e-6, data.std()))
        data = data * numpy.float64(factor)
        noise = 0.1 * self.random(layer + "/bias").standard_normal(outputs)
        shift = numpy.quantile(data + noise, self.options.zeros) if relu else 0
        bias = numeric.rounded(noise - shift)
        weights *= factor
        constants = [self.constant(layer + ".weight", weights), self.constant(layer + ".bias", bias)]
        y = self.node("Gemm", [x, *constants], layer, data + bias, transB=1)
        return self.relu(y, layer + "_relu") if relu else y

    # ---- layers without weights ----

    def max_pool(self, x, name, kernel, stride, pad=0, ceil=False):
        return self.node("MaxPool", [x], name, numeric.max_pool(x.data, kernel, stride, pad, ceil), kernel_shape=[kernel] * 2, strides=[stride] * 2,
                         pads=[pad] * 4, ceil_mode=int(ceil))

    def average_pool(self, x, name, kernel, stride):
        return self.node("AveragePool", [x], name, numeric.average_pool(x.data, kernel, stride), kernel_shape=[kernel] * 2, strides=[stride] * 2)

    def global_pool(self, x, name, op="GlobalAveragePool"):
        pool = numpy.max if op == "GlobalMaxPool" else numpy.mean
        return self.node(op, [x], name, pool(x.data, (2, 3), keepdims=True))

    def local_response(self, x, name):
        settings = {"size": 5, "alpha": 1e-4, "beta": 0.75, "bias": 1.0}
        return self.node("LRN", [x], name, numeric.local_response(x.data, **settings), **settings)

    def concat(self, values, name):
        return self.node("Concat", values, name, numpy.concatenate([value.data for value in values], 1), axis=1)

    def dropout(self, x, name):
        return self.node("Dropout", [x], name, x.data)

    def flatten(self, x, name="flatten"):
        return self.node("Flatten", [x], name, x.data.reshape(len(x.data), -1), axis=1)

    def softmax(self, x, name="softmax"):
        powers = numpy.exp(x.data - x.data.max(1, keepdims=True))
        return self.node("Softmax", [x], name, powers / powers.sum(1, keepdims=True), axis=1)

    def model(self, output):
        unknown = set(self.options.densities) - set(self.layers)
        if unknown:
            raise SystemExit(f"{self.name} has no layer {', '.join(sorted(unknown))}; it has {', '.join(self.layers)}")
        info = helper.make_tensor_value_info(output.name, TensorProto.FLOAT, ["batch", *output.data.shape[1:]])
        graph = helper.make_graph(self.nodes, self.name, self.inputs, [info], self.constants)
        return helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 13)], producer_name="tulle-zoo")
