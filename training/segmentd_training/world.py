"""The processes of a run: one, or several that torchrun started, each with a GPU of its own or on the CPU."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
import torch
import torch.distributed as dist
from torch import nn


@dataclass(frozen=True)
class World:
    rank: int
    processes: int
    device: torch.device

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    @property
    def backend(self) -> str:
        return "nccl" if self.device.type == "cuda" else "gloo"

    def sum(self, values: np.ndarray) -> np.ndarray:
        """The sum of an integer array over all processes, in each of them."""
        if self.processes == 1:
            return values
        tensor = torch.from_numpy(values.copy()).to(self.device)
        dist.all_reduce(tensor)
        return tensor.cpu().numpy()

    def share_buffers(self, network: nn.Module) -> None:
        """Gives every process the first one's running statistics: each counts its own part of a batch."""
        if self.processes > 1:
            for buffer in network.buffers():
                dist.broadcast(buffer, 0)

    def leave(self) -> None:
        if self.processes > 1:
            dist.destroy_process_group()


def join(device: str | None = None, threads: int | None = None) -> World:
    """Takes this process's place: `RANK`, `WORLD_SIZE` and `LOCAL_RANK` are torchrun's."""
    rank, processes, local = (int(os.environ.get(k, d)) for k, d in (("RANK", 0), ("WORLD_SIZE", 1), ("LOCAL_RANK", 0)))
    kind = device or ("cuda" if torch.cuda.is_available() else "cpu")
    if kind == "cuda":
        if local >= torch.cuda.device_count():
            raise ValueError(f"process {local} of this machine has no GPU: there are {torch.cuda.device_count()}")
        chosen = torch.device("cuda", local)
        torch.cuda.set_device(chosen)
    else:
        chosen = torch.device(kind)
        if threads:
            torch.set_num_threads(threads)
        torch.set_flush_denormal(True)  # tiny gradients otherwise cost the CPU a hundred cycles each
    world = World(rank, processes, chosen)
    if processes > 1:
        dist.init_process_group(world.backend)
    return world
