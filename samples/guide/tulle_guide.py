"""libtulle from Python: the functions of compiler/library/tulle_guide.h, and answers as dictionaries."""
import ctypes
import json


class _Setting(ctypes.Structure):
    _fields_ = [("target", ctypes.c_char_p), ("target_file", ctypes.c_char_p), ("formula", ctypes.c_char_p), ("threads", ctypes.c_int),
                ("batch", ctypes.c_int)]


class _Density(ctypes.Structure):
    _fields_ = [("layer", ctypes.c_char_p), ("density", ctypes.c_double)]


class _Question(ctypes.Structure):
    _fields_ = [("densities", ctypes.POINTER(_Density)), ("density_count", ctypes.c_int), ("max_ms", ctypes.c_double),
                ("max_megabytes", ctypes.c_double), ("keep", ctypes.POINTER(ctypes.c_char_p)), ("keep_count", ctypes.c_int)]


class GuideError(Exception):
    """status is one of those in tulle_guide.h; the text says what, and often what to do."""

    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


class Library:
    def __init__(self, path):
        self.functions = ctypes.CDLL(path)
        self.functions.tulle_guide_free.argtypes = [ctypes.c_void_p]
        self.functions.tulle_guide_free.restype = None
        self.functions.tulle_guide_close.argtypes = [ctypes.c_void_p]
        self.functions.tulle_guide_close.restype = None

    def _take(self, text):
        value = ctypes.string_at(text).decode("utf-8", "replace") if text else ""
        self.functions.tulle_guide_free(text)
        return value

    def call(self, function, *arguments):
        """Calls function(*arguments, &result, &error); gives the result, or raises what the error says."""
        result, error = ctypes.c_void_p(), ctypes.c_void_p()
        status = getattr(self.functions, function)(*arguments, ctypes.byref(result), ctypes.byref(error))
        text = self._take(error)
        if status != 0:
            raise GuideError(status, text.strip())
        return result

    def answer(self, function, *arguments):
        return json.loads(self._take(self.call(function, *arguments)))


def _encoded(text):
    return None if text is None else str(text).encode()


def _setting(target=None, target_file=None, formula=None, threads=1, batch=1):
    return _Setting(_encoded(target), _encoded(target_file), _encoded(formula), threads, batch)


def _question(densities=None, max_ms=0.0, max_megabytes=0.0, keep=()):
    pairs = [_Density(_encoded(name), density) for name, density in (densities or {}).items()]
    names = [_encoded(name) for name in keep]
    return _Question((_Density * len(pairs))(*pairs), len(pairs), max_ms, max_megabytes, (ctypes.c_char_p * len(names))(*names), len(names))


def once(library, model, densities=None, max_ms=0.0, max_megabytes=0.0, keep=(), **setting):
    """One question, as `tulle guide MODEL --json` answers it; weights are pruned by magnitude to the densities."""
    question = _question(densities, max_ms, max_megabytes, keep)
    return Library(library).answer("tulle_guide_once", _encoded(model), ctypes.byref(_setting(**setting)), ctypes.byref(question))


class Guide:
    """A model read once, to be asked often."""

    def __init__(self, library, model, **setting):
        self.library = Library(library)
        self.handle = self.library.call("tulle_guide_open", _encoded(model), ctypes.byref(_setting(**setting)))

    def ask(self, densities=None, max_ms=0.0, max_megabytes=0.0, keep=()):
        return self.library.answer("tulle_guide_ask", self.handle, ctypes.byref(_question(densities, max_ms, max_megabytes, keep)))

    def close(self):
        self.library.functions.tulle_guide_close(self.handle)
        self.handle = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
