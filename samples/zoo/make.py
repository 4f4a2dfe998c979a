#!/usr/bin/env python3
# Makes the networks of the zoo. Needs Python with onnx and numpy (see README.md).
#     python samples/zoo/make.py resnet50 --density 0.1 -o resnet50.onnx
#     python samples/zoo/make.py all -o FOLDER
#     python samples/zoo/make.py --list
import argparse
import os
import sys

import builder
import networks


def share(text):
    value = float(text)
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError("must be above 0 and at most 1")
    return value


def read_densities(path):
    """Lines `LAYER DENSITY`; # begins a comment."""
    densities = {}
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            words = line.split("#")[0].split()
            if words:
                try:
                    layer, density = words
                    densities[layer] = share(density)
                except (ValueError, argparse.ArgumentTypeError):
                    sys.exit(f"{path}:{number}: expected a layer's name and a density above 0 and at most 1")
    return densities


def arguments():
    parser = argparse.ArgumentParser(description="Makes networks with generated, pruned weights as ONNX files.")
    parser.add_argument("network", nargs="?", help="a network's name, or all")
    parser.add_argument("-o", "--output", help="file to write (default NETWORK.onnx); with all, the folder (default here)")
    parser.add_argument("--list", action="store_true", help="print the networks' names")
    parser.add_argument("--density", type=share, default=0.1, help="share of weights kept in each layer (default 0.1); the first convolution "
                        "and depthwise ones stay dense without --prune-all")
    parser.add_argument("--density-file", metavar="FILE", help="densities of single layers: lines LAYER DENSITY")
    parser.add_argument("--prune-all", action="store_true", help="prune the first convolution and depthwise ones too")
    parser.add_argument("--activation-sparsity", type=float, default=0.5, metavar="S", help="share of zeros that ReLUs leave, about (default 0.5; "
                        "trained and regularised networks have 0.75 to 0.95)")
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies widths and input size, for fast tests (0.25 is small)")
    parser.add_argument("--seed", type=int, default=1, help="of the weights (default 1)")
    parser.add_argument("--layers", action="store_true", help="print each layer's density")
    chosen = parser.parse_args()
    if not chosen.list and chosen.network not in [*networks.NETWORKS, "all"]:
        parser.error("name one of " + ", ".join(networks.NETWORKS) + ", or all")
    if not 0 <= chosen.activation_sparsity < 1:
        parser.error("--activation-sparsity must be at least 0 and below 1")
    if not 0.05 <= chosen.scale <= 1:
        parser.error("--scale must be between 0.05 and 1")
    return chosen


def make(name, path, options, layers):
    made, model = networks.build(name, options)
    data = model.SerializeToString(deterministic=True)
    with open(path, "wb") as file:
        file.write(data)
    weights = sum(size for size, _ in made.layers.values())
    nonzeros = sum(count for _, count in made.layers.values())
    values = sum(count for _, count in made.relu_zeros)
    zeros = sum(part * count for part, count in made.relu_zeros) / values
    print(f"{path}: {weights / 1e6:.2f} M weights in {len(made.layers)} layers, density {nonzeros / weights:.3f}, "
          f"{zeros:.2f} zeros behind ReLUs, {len(data) / 1e6:.1f} MB")
    if layers:
        for layer, (size, count) in made.layers.items():
            print(f"    {layer:32} {size:9} weights, density {count / size:.3f}")


def main():
    chosen = arguments()
    if chosen.list:
        for name, network in networks.NETWORKS.items():
            print(f"{name:12} {' '.join(network.__doc__.split())}")
        return
    options = builder.Options(chosen.density, read_densities(chosen.density_file) if chosen.density_file else {}, chosen.prune_all,
                              chosen.activation_sparsity, chosen.scale, chosen.seed)
    if chosen.network == "all":
        folder = chosen.output or "."
        os.makedirs(folder, exist_ok=True)
        for name in networks.NETWORKS:
            make(name, os.path.join(folder, name + ".onnx"), options, chosen.layers)
    else:
        make(chosen.network, chosen.output or chosen.network + ".onnx", options, chosen.layers)


if __name__ == "__main__":
    main()
