"""The engines that are measured, behind one face: an engine loads a model for a number of images and threads, and gives a call that runs it
with inputs and output in memory. Each is imported only in the worker process that runs it."""
import ctypes
import gc
import glob
import os
import pathlib
import re
import sys

import numpy

ALIGNMENT = 64


def aligned(shape, kind=numpy.float32):
    """An array on a cache line's start."""
    count = int(numpy.prod(shape)) * numpy.dtype(kind).itemsize
    raw = numpy.zeros(count + ALIGNMENT, numpy.uint8)
    start = -raw.ctypes.data % ALIGNMENT
    return raw[start:start + count].view(kind).reshape(shape)


class OnnxRuntime:
    """Inputs and outputs bound once, so that a call neither allocates nor copies."""

    def __init__(self):
        import onnxruntime
        onnxruntime.set_default_logger_severity(3)
        self.module, self.version = onnxruntime, onnxruntime.__version__

    def load(self, path, x, threads):
        settings = self.module.SessionOptions()
        settings.intra_op_num_threads, settings.inter_op_num_threads, settings.log_severity_level = threads, 1, 3
        settings.add_free_dimension_override_by_name("batch", len(x))
        session = self.module.InferenceSession(path, settings, providers=["CPUExecutionProvider"])
        output = session.get_outputs()[0]
        y = self.module.OrtValue.ortvalue_from_numpy(aligned([size if isinstance(size, int) else len(x) for size in output.shape]))
        binding = session.io_binding()
        binding.bind_ortvalue_input(session.get_inputs()[0].name, self.module.OrtValue.ortvalue_from_numpy(x))
        binding.bind_ortvalue_output(output.name, y)
        return lambda: session.run_with_iobinding(binding), y.numpy


class OpenVino:
    def __init__(self):
        import openvino
        self.module, self.core, self.version = openvino, openvino.Core(), openvino.__version__.split("-")[0]

    def load(self, path, x, threads):
        model = self.core.read_model(path)
        model.reshape(list(x.shape))
        compiled = self.core.compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32", "NUM_STREAMS": 1})
        request = compiled.create_infer_request()
        request.set_input_tensor(self.module.Tensor(x, shared_memory=True))
        return lambda: request.infer(share_outputs=True), lambda: numpy.array(request.get_output_tensor().data)


class DeepSparse:
    def __init__(self):
        os.environ["NM_DISABLE_ANALYTICS"] = "1"
        import deepsparse
        self.module, self.version = deepsparse, deepsparse.__version__

    def load(self, path, x, threads):
        engine = self.module.Engine(path, batch_size=len(x), num_cores=threads)
        return lambda: engine.run([x], val_inp=False), lambda: engine.run([x], val_inp=False)[0]


class Tulle:
    """Takes the .so that `tulle build` made of the model with the prefix `timed`, and the sizes from the header beside it; a call is one
    timed_run()."""

    def __init__(self):
        self.version = ""

    def load(self, path, x, threads):
        header = pathlib.Path(path).with_suffix(".h").read_text(encoding="utf-8")
        shape = [int(size) for size in re.search(r"define TIMED_OUTPUT_0_SHAPE {([\d, ]*)}", header)[1].split(",")]
        fixed, each = map(int, re.search(r"define TIMED_WORKSPACE_BYTES.*\(size_t\)(\d+) \+ .*\(size_t\)(\d+)\)", header).groups())
        y, workspace = aligned(shape), aligned([fixed + threads * each], numpy.uint8)
        inputs, outputs = (ctypes.c_void_p * 1)(x.ctypes.data), (ctypes.c_void_p * 1)(y.ctypes.data)
        function = ctypes.CDLL(path).timed_run
        given = (inputs, outputs, ctypes.c_void_p(workspace.ctypes.data), ctypes.c_size_t(workspace.nbytes), threads)

        def call(keep=(y, workspace)):      # they live as long as the call
            status = function(*given)
            if status != 0:
                raise RuntimeError(f"{path} did not run: status {status}")
        return call, lambda: y


class OpenBlas:
    """The one that numpy's wheels bring; OPENBLAS_CORETYPE says which kernels. A "model" is M, N and K of a product, and how many of them."""

    def __init__(self):
        folders = [pathlib.Path(numpy.__file__).parents[1] / "numpy.libs", pathlib.Path(numpy.__file__).parent / ".libs"]
        found = [name for folder in folders for name in glob.glob(str(folder / "*openblas*"))]
        if not found:
            raise RuntimeError("this numpy has no OpenBLAS of its own: install it as a wheel")
        self.library = ctypes.CDLL(found[0])
        for name in ("corename", "config"):
            getattr(self.library, f"scipy_openblas_get_{name}64_").restype = ctypes.c_char_p
        core, asked = self.library.scipy_openblas_get_corename64_().decode(), os.environ.get("OPENBLAS_CORETYPE", "")
        if core.lower() != asked.lower():
            raise RuntimeError(f"OpenBLAS runs its kernels for {core}, not {asked}")
        self.version = self.library.scipy_openblas_get_config64_().decode().split()[1]

    def load(self, sizes, x, threads):
        m, n, k, groups = sizes
        self.library.scipy_openblas_set_num_threads64_(threads)
        generator = numpy.random.default_rng(1)
        a, b, c = aligned([groups, m, k]), aligned([groups, k, n]), aligned([groups, m, n])
        a[:], b[:] = generator.random(a.shape), generator.random(b.shape)
        long, real, pointer = ctypes.c_int64, ctypes.c_float, ctypes.c_void_p

        def given(group):
            place = [pointer(array[group].ctypes.data) for array in (a, b, c)]
            row_major, plain = 101, 111
            return (row_major, plain, plain, long(m), long(n), long(k), real(1), place[0], long(k), place[1], long(n), real(0), place[2], long(n))
        calls = [given(group) for group in range(groups)]

        def call(keep=(a, b, c)):      # they live as long as the call
            for arguments in calls:
                self.library.scipy_cblas_sgemm64_(*arguments)
        return call, lambda: c


ENGINES = {"onnxruntime": OnnxRuntime, "openvino": OpenVino, "deepsparse": DeepSparse, "tulle": Tulle, "openblas": OpenBlas}


def unload(calls):
    """Forgets models; of shared objects, the code and weights stay mapped but are never touched again."""
    calls.clear()
    gc.collect()


def quiet():
    """What engines print goes to the worker's log, and the channel for answers is kept apart."""
    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return channel
