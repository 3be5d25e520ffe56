"""One turn of one peer, in a process of its own: `python turn.py ENGINE MODEL IMAGE` prints a line of JSON.

Loads the network, runs it a few times unmeasured, then measures each run of those that follow. compare.py calls it.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Peer:
    """A loaded network: `run` runs it once, on the same picture each time, into memory that it keeps."""

    version: str
    run: Callable[[], np.ndarray]
    #: Resident bytes when the package was imported and nothing loaded.
    imported_bytes: int


def peak_bytes() -> int:
    """The most memory that this process has had resident so far."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise SystemExit("/proc/self/status has no VmHWM")


def onnxruntime(model: Path, image: np.ndarray, threads: int) -> Peer:
    import onnxruntime as ort

    imported = peak_bytes()
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 3
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    (source,), (result,) = session.get_inputs(), session.get_outputs()
    output = np.empty(result.shape, np.float32)
    # Bound once: else each run would allocate the output anew, and the kernel clear its pages.
    binding = session.io_binding()
    binding.bind_cpu_input(source.name, image)
    binding.bind_output(result.name, "cpu", 0, np.float32, output.shape, output.ctypes.data)

    def run() -> np.ndarray:
        session.run_with_iobinding(binding)
        return output

    return Peer(ort.__version__, run, imported)


def openvino(model: Path, image: np.ndarray, threads: int, precision: str) -> Peer:
    import openvino as ov

    imported = peak_bytes()
    core = ov.Core()
    compiled = core.compile_model(core.read_model(model), "CPU", {
        "PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": precision})
    found = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
    if found != precision:
        raise SystemExit(f"OpenVINO computes in {found} where {precision} was asked for: this processor may lack it")
    request = compiled.create_infer_request()
    request.set_input_tensor(ov.Tensor(image, shared_memory=True))
    output = request.get_output_tensor()

    def run() -> np.ndarray:
        request.infer()
        return output.data

    return Peer(ov.__version__.split("-")[0], run, imported)


def ncnn(model: Path, image: np.ndarray, threads: int) -> Peer:
    import ncnn as engine

    imported = peak_bytes()
    net = engine.Net()
    net.opt.num_threads = threads
    net.opt.use_vulkan_compute = False
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
    net.opt.use_bf16_storage = False
    if net.load_param(str(model)) != 0 or net.load_model(str(model.with_suffix(".bin"))) != 0:
        raise SystemExit(f"ncnn does not load {model}")
    source = engine.Mat(np.ascontiguousarray(image[0]))
    (name_in,), (name_out,) = net.input_names(), net.output_names()

    def run() -> np.ndarray:
        extractor = net.create_extractor()
        extractor.input(name_in, source)
        status, result = extractor.extract(name_out)
        if status != 0:
            raise SystemExit(f"ncnn ended with status {status}")
        return np.asarray(result)[None]

    return Peer(engine.__version__, run, imported)


ENGINES: dict[str, Callable[[Path, np.ndarray, int], Peer]] = {
    "onnxruntime": onnxruntime,
    "openvino-f32": lambda model, image, threads: openvino(model, image, threads, "f32"),
    "openvino-bf16": lambda model, image, threads: openvino(model, image, threads, "bf16"),
    "ncnn": ncnn,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engine", choices=ENGINES)
    parser.add_argument("model", type=Path)
    parser.add_argument("image", type=Path, help="a .npy file, (1, 3, H, W) float32")
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--warmup", type=int, default=3)
    parser.add_argument("--frames", type=int, default=10)
    parser.add_argument("--output", type=Path, help="write the last run's result as .npy")
    arguments = parser.parse_args()
    image = np.load(arguments.image)
    try:
        peer = ENGINES[arguments.engine](arguments.model, image, arguments.threads)
    except ModuleNotFoundError as error:
        requirements = Path(__file__).resolve().parent / "requirements.txt"
        raise SystemExit(
            f"there is no Python package {error.name}: {sys.executable} -m pip install -r {requirements}") from None
    for _ in range(arguments.warmup):
        peer.run()
    milliseconds: list[float] = []
    for _ in range(arguments.frames):
        start = time.perf_counter()
        result = peer.run()
        milliseconds.append((time.perf_counter() - start) * 1000)
    if arguments.output:
        np.save(arguments.output, np.array(result))
    print(json.dumps({"version": peer.version, "ms": milliseconds, "imported_bytes": peer.imported_bytes}))


if __name__ == "__main__":
    main()
