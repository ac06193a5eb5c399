"""Quantizes a GGUF file with llama.cpp itself and its defaults: the yardstick of losses.

    npm pack @node-llama-cpp/linux-x64@3.22.1 && tar xzf node-llama-cpp-linux-x64-*.tgz
    python quantize_with_llama.py package/bins/linux-x64 <source.gguf> <target.gguf> [f32|q4_0]

Blocks of the source are made to numbers first; `f32` keeps those. Without a type: q4_0.
"""

import ctypes
import sys
from pathlib import Path

file_types = {"f32": 0, "q4_0": 2}


class Params(ctypes.Structure):
    """`llama_model_quantize_params` up to the flags, and room for what follows."""

    _fields_ = [
        ("thread_count", ctypes.c_int32),
        ("file_type", ctypes.c_int32),
        ("output_type", ctypes.c_int32),
        ("embedding_type", ctypes.c_int32),
        ("allows_requantize", ctypes.c_bool),
        ("flags", ctypes.c_bool * 7),
        ("pointers", ctypes.c_void_p * 8),
    ]


def load(folder: Path) -> ctypes.CDLL:
    """Loads the libraries in the order in which they need each other."""
    for pattern in ("libggml-base.so*", "libggml.*so*", "libllama.*so*"):
        path = sorted(folder.glob(pattern))[0]
        library = ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)
        if pattern.startswith("libggml."):
            library.ggml_backend_load_all_from_path(str(folder).encode())
    return library


def main() -> None:
    folder, source, target, *rest = sys.argv[1:]
    llama = load(Path(folder).resolve())
    llama.llama_backend_init()
    llama.llama_model_quantize_default_params.restype = Params
    params = llama.llama_model_quantize_default_params()
    params.file_type = file_types[rest[0] if rest else "q4_0"]
    params.allows_requantize = True
    llama.llama_model_quantize.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.POINTER(Params)]
    status = llama.llama_model_quantize(source.encode(), target.encode(), ctypes.byref(params))
    raise SystemExit(status)


main()
