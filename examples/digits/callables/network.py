"""A small convolutional network for images of 8 x 8 pixels, trained with PyTorch on the processor.

`train` returns a `Network`, which saves its weights as safetensors and its layout as JSON: files that run no code.
`load` builds the layout and fills in the weights. The Training document names both functions, so that both are in keys.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from safetensors.torch import load_file, save_file
from torch import nn

SIDE = 8
BRIGHTEST = 16.0
LEARNING_RATE = 0.002


class Network:
    """The layers, how many filters and classes they have, and the losses of each epoch."""

    def __init__(self, filters: int, classes: int) -> None:
        self.layout = {"filters": filters, "classes": classes}
        self.curve: dict[str, dict[str, list[float]]] = {}
        self.layers = nn.Sequential(
            nn.Conv2d(1, filters, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(filters, 2 * filters, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(2 * filters * (SIDE // 4) ** 2, classes),
        )

    def predict(self, x: pl.DataFrame) -> np.ndarray:
        """Return (rows, classes): the probability of each digit."""
        self.layers.eval()
        with torch.no_grad():
            return self.layers(images(x)).double().softmax(dim=1).numpy()

    def save(self, folder: Path) -> None:
        """Write weights.safetensors and layout.json."""
        save_file(self.layers.state_dict(), folder / "weights.safetensors")
        (folder / "layout.json").write_text(json.dumps(self.layout))


def load(folder: Path) -> Network:
    """Read what `save` wrote."""
    network = Network(**json.loads((folder / "layout.json").read_text()))
    network.layers.load_state_dict(load_file(folder / "weights.safetensors"))
    return network


def train(
    x: pl.DataFrame,
    y: np.ndarray,
    *,
    seed: int,
    validation: tuple[pl.DataFrame, np.ndarray] | None,
    epochs: int,
    filters: int,
) -> Network:
    """Train for some epochs and keep the weights that were best on the validation side."""
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True)
    network = Network(filters, int(y.max()) + 1)
    sides = {"train": (images(x), torch.from_numpy(y))}
    if validation is not None:
        sides["validation"] = (images(validation[0]), torch.from_numpy(validation[1]))
    watched = list(sides)[-1]
    network.curve = {side: {"log_loss": []} for side in sides}
    optimiser = torch.optim.Adam(network.layers.parameters(), lr=LEARNING_RATE)
    best: dict[str, Any] = {}
    for _ in range(epochs):
        _epoch(network, *sides["train"], optimiser)
        for side, (pixels, digits) in sides.items():
            network.curve[side]["log_loss"].append(_loss(network, pixels, digits))
        losses = network.curve[watched]["log_loss"]
        if losses[-1] == min(losses):
            best = {name: weights.clone() for name, weights in network.layers.state_dict().items()}
    network.layers.load_state_dict(best)
    return network


def images(x: pl.DataFrame) -> torch.Tensor:
    """Return (rows, 1, 8, 8) with brightness from 0 to 1."""
    pixels = x.to_numpy().astype(np.float32) / BRIGHTEST
    return torch.from_numpy(np.ascontiguousarray(pixels)).reshape(-1, 1, SIDE, SIDE)


def _epoch(network: Network, pixels: torch.Tensor, digits: torch.Tensor, optimiser: torch.optim.Optimizer) -> None:
    network.layers.train()
    for rows in torch.randperm(len(pixels)).split(64):
        optimiser.zero_grad()
        nn.functional.cross_entropy(network.layers(pixels[rows]), digits[rows]).backward()
        optimiser.step()


def _loss(network: Network, pixels: torch.Tensor, digits: torch.Tensor) -> float:
    network.layers.eval()
    with torch.no_grad():
        return float(nn.functional.cross_entropy(network.layers(pixels), digits))
