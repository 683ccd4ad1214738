"""CUDA graphs: a sequence of launches that the driver records, and launches as one."""

import contextlib

from scratchgen.ops.cuda import driver
from scratchgen.ops.host_state import NotRecordable


@contextlib.contextmanager
def capture():
    """Within this context launches are recorded instead of run -> a Graph, which can be launched afterwards."""
    if driver.SIMULATED:
        raise NotRecordable("the simulator has no graphs")
    graph = Graph()
    graph.begin()
    driver.recording = True
    try:
        yield graph
    finally:
        driver.recording = False
        graph.end()
    graph.instantiate()


class Graph:
    """A CUDA graph: what is launched on the stream between `begin` and `end`. The driver's functions by their own names."""

    def __init__(self):
        from cuda.bindings import driver as cu

        self.cu, self.stream, self.graph, self.executable = cu, cu.CUstream(driver.handle()), None, None

    def checked(self, result):
        """What a function of the driver returns besides its status. Raises RuntimeError unless the status is success."""
        status, *values = result
        if status != self.cu.CUresult.CUDA_SUCCESS:
            raise RuntimeError(f"the CUDA driver says {status.name}")
        return values[0] if values else None

    def begin(self):
        self.checked(self.cu.cuStreamBeginCapture(self.stream, self.cu.CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_RELAXED))

    def end(self):
        self.graph = self.checked(self.cu.cuStreamEndCapture(self.stream))

    def instantiate(self):
        self.executable = self.checked(self.cu.cuGraphInstantiate(self.graph, 0))

    def launch(self):
        self.checked(self.cu.cuGraphLaunch(self.executable, self.stream))

    def __del__(self):
        with contextlib.suppress(Exception):
            if self.executable is not None:
                self.cu.cuGraphExecDestroy(self.executable)
            if self.graph is not None:
                self.cu.cuGraphDestroy(self.graph)
