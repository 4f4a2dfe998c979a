#!/usr/bin/env python3
"""Reads every conformance model of onnx: none may crash the frontend, every graph must survive dump and parse, and none may be refused for an
operator that tulle promises.

    conformance.py ONNX_DUMP [-v]      (-v: how often each reason to refuse was given)"""
import collections
import pathlib
import re
import subprocess
import sys

import onnx

DATA = pathlib.Path(onnx.__file__).parent / "backend" / "test" / "data"
SUITES = ["node", "pytorch-converted", "pytorch-operator", "simple"]
PROMISED = set("""
    Conv ConvTranspose Gemm MatMul BatchNormalization LRN InstanceNormalization LayerNormalization Softmax LogSoftmax MaxPool AveragePool
    GlobalMaxPool GlobalAveragePool Clip Cast CastLike Where Concat Split Slice Gather Pad Resize Upsample Reshape Flatten Squeeze Unsqueeze
    Transpose Expand Tile Shape Size ConstantOfShape Range DepthToSpace SpaceToDepth ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp
    ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare ArgMax ArgMin Identity Dropout QuantizeLinear DequantizeLinear
    Constant Abs Acos Acosh Add And Asin Asinh Atan Atanh BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor Ceil Celu Cos Cosh Div Elu
    Equal Erf Exp Floor Gelu Greater GreaterOrEqual HardSigmoid HardSwish IsInf IsNaN LeakyRelu Less LessOrEqual Log Max Mean Min Mish Mod
    Mul Neg Not Or PRelu Pow Reciprocal Relu Round Selu Shrink Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Sub Sum Swish Tan Tanh
    ThresholdedRelu Xor
    """.split())
GOOD_REASON = re.compile(r"element type|only tensors are supported|training")
FEWEST_READ = 1100


def main():
    models = sorted(str(path) for suite in SUITES for path in (DATA / suite).glob("*/model.onnx"))
    done = subprocess.run([sys.argv[1], "--twice", *models], capture_output=True, text=True, errors="replace")
    results = [line.split(" ", 1) for line in done.stdout.splitlines()]
    counts = collections.Counter(status for status, _ in results)
    reasons, faults = collections.Counter(), [line for status, line in results if status not in ("0", "3") or ": " in line]
    for line in done.stderr.splitlines():
        if "error:" not in line:
            continue
        what = re.search(r"node '.*?' \((\w+)\): (.*)", line)
        reasons[what.group(2) if what else line.rsplit(": ", 1)[1]] += 1
        if what and what.group(1) in PROMISED and not GOOD_REASON.search(what.group(2)):
            faults.append(line)
    if "-v" in sys.argv:
        for reason, times in reasons.most_common():
            print(f"{times:5} {reason}")
    if done.returncode != 0 or len(results) != len(models):
        faults.append(f"ended with {done.returncode} after {len(results)} of {len(models)} models: {done.stderr[-2000:]}")
    if counts["0"] < FEWEST_READ:
        faults.append(f"only {counts['0']} models were read")
    print("\n".join(faults))
    print(f"conformance models: {len(models)}, read {counts['0']}, refused {counts['3']}, faults {len(faults)}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
