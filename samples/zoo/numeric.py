# The operators of the zoo's networks in plain numpy, in double precision: what builder.py calibrates its weights with.
# Arrays are [image, channel, row, column]; one-dimensional ones have one row.
import numpy


def spatial(size, kernel, stride, pad, ceil=False):
    """Places that a window takes along one axis. With `ceil` the last may hang over the end, but must begin inside."""
    rest = size + 2 * pad - kernel
    places = (rest + stride - 1) // stride + 1 if ceil else rest // stride + 1
    if ceil and (places - 1) * stride >= size + pad:
        places -= 1
    return places


def padded(x, pad, fill, over=(0, 0)):
    """`over`: further rows and columns at the end, for windows that hang over."""
    return numpy.pad(x, ((0, 0), (0, 0), (pad[0], pad[0] + over[0]), (pad[1], pad[1] + over[1])), constant_values=fill)


def taps(x, kernel, stride, rows, columns):
    """For every tap (r, s) of the window: what it sees, [image, channel, rows, columns]."""
    for r in range(kernel[0]):
        for s in range(kernel[1]):
            yield r, s, x[:, :, r:r + (rows - 1) * stride[0] + 1:stride[0], s:s + (columns - 1) * stride[1] + 1:stride[1]]


def convolution(x, weights, stride, pad, groups):
    outputs, inputs, *kernel = weights.shape
    rows, columns = (spatial(x.shape[2 + axis], kernel[axis], stride[axis], pad[axis]) for axis in (0, 1))
    result = numpy.zeros((x.shape[0], outputs, rows, columns))
    for r, s, seen in taps(padded(x, pad, 0), kernel, stride, rows, columns):
        tap = weights[:, :, r, s].astype(numpy.float64)
        if groups == outputs == x.shape[1]:
            result += tap[:, 0, None, None] * seen
            continue
        for group in range(groups):
            mine = slice(group * outputs // groups, (group + 1) * outputs // groups)
            flat = seen[:, group * inputs:(group + 1) * inputs].reshape(len(x), inputs, rows * columns)
            result[:, mine] += (tap[mine] @ flat).reshape(len(x), -1, rows, columns)
    return result


def max_pool(x, kernel, stride, pad, ceil):
    rows, columns = (spatial(size, kernel, stride, pad, ceil) for size in x.shape[2:])
    over = [max(0, (places - 1) * stride + kernel - size - 2 * pad) for places, size in zip((rows, columns), x.shape[2:])]
    result = numpy.full((*x.shape[:2], rows, columns), -numpy.inf)
    for _, _, seen in taps(padded(x, (pad, pad), -numpy.inf, over), (kernel, kernel), (stride, stride), rows, columns):
        numpy.maximum(result, seen, out=result)
    return result


def average_pool(x, kernel, stride):
    rows, columns = (spatial(size, kernel, stride, 0) for size in x.shape[2:])
    return sum(seen for _, _, seen in taps(x, (kernel, kernel), (stride, stride), rows, columns)) / kernel ** 2


def local_response(x, size, alpha, beta, bias):
    squares = numpy.pad(x * x, ((0, 0), ((size - 1) // 2, size // 2), (0, 0), (0, 0)))
    near = sum(squares[:, shift:shift + x.shape[1]] for shift in range(size))
    return x / (bias + alpha / size * near) ** beta


def product(x, weights):
    """x times the transposed weights, a few thousand rows at a time: in double precision VGG's first would need most of a gigabyte."""
    return numpy.concatenate([x @ weights[row:row + 1024].T.astype(numpy.float64) for row in range(0, len(weights), 1024)], axis=1)


def rounded(values, bits=12):
    """To a few significant bits. Calibrated numbers go through this, so that the last bits of a sum, which depend on the processor and on
    the number of threads, do not reach the model's bytes."""
    mantissa, exponent = numpy.frexp(numpy.asarray(values, numpy.float64))
    return numpy.ldexp(numpy.rint(mantissa * 2.0 ** bits) * 2.0 ** -bits, exponent).astype(numpy.float32)


def picture(random, channels, rows, columns):
    """A random image that is smooth as photographs are: noise of several sizes laid over each other; mean 0, deviation 1."""
    image = 0.3 * random.standard_normal((channels, rows, columns))
    for cells in (3, 7, 15):
        grid = random.standard_normal((channels, cells + 1, cells + 1))
        at = [numpy.arange(size) * (cells / size) for size in (rows, columns)]
        low = [positions.astype(int) for positions in at]
        part = [positions - floor for positions, floor in zip(at, low)]
        along = grid[:, low[0]] * (1 - part[0])[None, :, None] + grid[:, low[0] + 1] * part[0][None, :, None]
        image += along[:, :, low[1]] * (1 - part[1]) + along[:, :, low[1] + 1] * part[1]
    return (image - image.mean()) / image.std()


def input_values(seed, shape):
    """The pictures that a network of the zoo is calibrated with or tried on: float32, [image, channel, rows, columns] or without rows."""
    random = numpy.random.Generator(numpy.random.PCG64(seed))
    rows = shape[2] if len(shape) == 4 else 1
    images = [picture(random, shape[1], rows, shape[-1]) for _ in range(shape[0])]
    return numpy.reshape(images, shape).astype(numpy.float32)
