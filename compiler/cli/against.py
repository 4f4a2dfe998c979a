"""What `tulle bench --against onnxruntime` hands to a Python: times the model there, turn by turn with tulle. Talks with it through the socket that is
its standard input and output; a line each way, then bytes where the line says so. Arguments: the model, how many threads."""
import sys

sys.path[:] = [folder for folder in sys.path if folder]      # not the current folder, where `-c` looks first: a stranger's model may lie there, with a numpy.py

import os
import struct
import time

PAUSE_SECONDS, STILL_SECONDS, LONGEST_PAUSE = 0.01, 0.0005, 0.5     # against.c has the same
MOST_RUNS = 100000         # in a turn


class Talk:
    def __init__(self):
        self.lines = os.fdopen(os.dup(0), "rb")
        self.answers = os.fdopen(os.dup(1), "wb")
        os.dup2(2, 1)      # what libraries print is no answer

    def line(self):
        return self.lines.readline().decode("ascii").split()

    def say(self, text, data=b""):
        self.answers.write(text.replace("\n", " ").encode("utf-8", "replace")[:4000] + b"\n" + data)
        self.answers.flush()


def read_inputs(talk, numpy):
    """Up to the line "start": name in hexadecimal, type, bytes, dimensions."""
    inputs = {}
    while True:
        word, *rest = talk.line()
        if word == "start":
            return inputs
        data = talk.lines.read(int(rest[2]))
        name = bytes.fromhex(rest[0].strip("-")).decode("utf-8")
        inputs[name] = numpy.frombuffer(data, numpy.dtype(rest[1])).reshape([int(dim) for dim in rest[3:]])


def make_session(onnxruntime, model, threads):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def settle():
    """Until the engine's threads, which look for work for a while after a run, have fallen asleep: the other side's turn is next."""
    end = time.perf_counter() + LONGEST_PAUSE
    while time.perf_counter() < end:
        before = time.process_time()
        time.sleep(PAUSE_SECONDS)
        if time.process_time() - before < STILL_SECONDS:
            return


def turn(run, seconds):
    """Times of the runs that fit, one at least, after one that wakes the threads and fills the caches."""
    run()
    times, begin = [], time.perf_counter()
    while True:
        start = time.perf_counter()
        run()
        end = time.perf_counter()
        times.append(end - start)
        if end - begin >= seconds or len(times) == MOST_RUNS:
            settle()
            return times


def serve(talk, model, threads):
    import numpy
    import onnxruntime
    talk.say("ready " + onnxruntime.__version__)
    inputs = read_inputs(talk, numpy)
    session = make_session(onnxruntime, model, threads)
    names = {value.name for value in session.get_inputs()}
    inputs = {name: value for name, value in inputs.items() if name in names}
    results = dict(zip([value.name for value in session.get_outputs()], session.run(None, inputs)))
    settle()
    talk.say("loaded")
    while True:
        word, *rest = talk.line() or ["end"]
        if word == "turn":
            times = turn(lambda: session.run(None, inputs), float(rest[0]))
            talk.say(f"times {len(times)}", struct.pack(f"={len(times)}d", *times))
        elif word == "output":
            value = numpy.ascontiguousarray(results[bytes.fromhex(rest[0].strip("-")).decode("utf-8")])
            talk.say(f"value {value.dtype.name} {value.nbytes}", value.tobytes())
        else:
            return


def main():
    talk = Talk()
    try:
        serve(talk, sys.argv[1], int(sys.argv[2]))
    except ImportError as error:
        talk.say(f"missing {error}")
    except Exception as error:      # whatever the engine throws is for the one who asked
        talk.say(f"error {type(error).__name__}: {error}")


main()
