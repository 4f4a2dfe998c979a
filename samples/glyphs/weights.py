# Writes the weights of the pruned convolutions alone, in 16 bits, from what train.py saved:
#     python samples/glyphs/weights.py pruned.npz out.npz
import sys

import numpy

from net import CONVOLUTIONS


def main(state_path, out_path):
    state = numpy.load(state_path)
    weights = {name: state[f"convolutions.{name}.weight"].astype(numpy.float16) for name, *_ in CONVOLUTIONS[1:]}
    for name, array in weights.items():
        print(f"{name:8} {array.size:7} weights, density {numpy.count_nonzero(array) / array.size:.3f}")
    numpy.savez_compressed(out_path, **weights)


if __name__ == "__main__":
    main(*sys.argv[1:])
