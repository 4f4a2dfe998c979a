# Writes glyphs.onnx from what train.py saved, and test.npy, the images that the demo reads. Python with onnx and onnxruntime:
#     python samples/glyphs/export.py pruned.npz test.npz samples/glyphs/glyphs.onnx samples/glyphs/test.npy
import sys

import numpy
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from net import CLASS_COUNT, CONVOLUTIONS, RESIDUALS

TEST_IMAGES = 360
EPSILON = 1e-5      # of torch's batch norm


class Writer:
    def __init__(self, state):
        self.state, self.nodes, self.constants = state, [], []

    def constant(self, name):
        self.constants.append(numpy_helper.from_array(numpy.asarray(self.state[name], numpy.float32), name))
        return name

    def node(self, op, inputs, name, **attributes):
        self.nodes.append(helper.make_node(op, inputs, [name], name, **attributes))
        return name

    def convolution(self, x, name, kernel, stride):
        weight = self.constant(f"convolutions.{name}.weight")
        x = self.node("Conv", [x, weight], name, kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[kernel // 2] * 4)
        norms = [self.constant(f"norms.{name}.{part}") for part in ("weight", "bias", "running_mean", "running_var")]
        return self.node("BatchNormalization", [x, *norms], name + "_norm", epsilon=EPSILON)

    def model(self):
        x = "image"
        for name, _, _, kernel, stride in CONVOLUTIONS:
            x = self.convolution(x, name, kernel, stride)
            if name in RESIDUALS:
                x = self.node("Add", [x, RESIDUALS[name] + "_relu"], name + "_add")
            x = self.node("Relu", [x], name + "_relu")
        x = self.node("Flatten", [self.node("GlobalAveragePool", [x], "mean")], "flat")
        self.nodes.append(helper.make_node("Gemm", [x, self.constant("full.weight"), self.constant("full.bias")], ["scores"], "full", transB=1))
        image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 1, 28, 28])
        scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", CLASS_COUNT])
        graph = helper.make_graph(self.nodes, "glyphs", [image], [scores], self.constants)
        return helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)], producer_name="tulle-samples")


def accuracy(model, images, labels):
    session = onnxruntime.InferenceSession(model)
    scores = session.run(None, {"image": images[:, None].astype(numpy.float32) / 255})[0]
    return (scores.argmax(1) == labels).mean()


def main(state_path, data_path, model_path, test_path):
    state = numpy.load(state_path)
    data = numpy.load(data_path)
    images, labels = data["images"], data["labels"]
    model = Writer(state).model().SerializeToString(deterministic=True)
    with open(model_path, "wb") as file:
        file.write(model)
    rows = numpy.concatenate([labels[:TEST_IMAGES, None], images[:TEST_IMAGES].reshape(TEST_IMAGES, -1)], axis=1)
    numpy.save(test_path, rows)
    for name, *_ in CONVOLUTIONS:
        weight = state[f"convolutions.{name}.weight"]
        print(f"{name:8} {weight.size:7} weights, density {numpy.count_nonzero(weight) / weight.size:.3f}")
    weights = [state[f"convolutions.{name}.weight"] for name, *_ in CONVOLUTIONS]
    print(f"convolutions: {sum(weight.size for weight in weights)} weights, "
          f"density {sum(map(numpy.count_nonzero, weights)) / sum(weight.size for weight in weights):.4f}")
    print(f"{len(model)} bytes; accuracy {100 * accuracy(model, images, labels):.2f} % of {len(labels)} images, "
          f"{100 * accuracy(model, images[:TEST_IMAGES], labels[:TEST_IMAGES]):.2f} % of the demo's {TEST_IMAGES}")


if __name__ == "__main__":
    main(*sys.argv[1:])
