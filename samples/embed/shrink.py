# Makes shrink.onnx: halves a 56x56 grey picture by averaging 2x2 pixels. Python with onnx:  python samples/embed/shrink.py
from onnx import TensorProto, helper, save

picture = helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, 1, 56, 56])
small = helper.make_tensor_value_info("small", TensorProto.FLOAT, [1, 1, 28, 28])
node = helper.make_node("AveragePool", ["picture"], ["small"], "halve", kernel_shape=[2, 2], strides=[2, 2])
graph = helper.make_graph([node], "shrink", [picture], [small])
save(helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 13)], producer_name="tulle-samples"), "samples/embed/shrink.onnx")
