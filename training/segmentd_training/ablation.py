"""Table IV as one command: the four configurations with equal budgets, several seeds, and their spread.

    python -m segmentd_training.ablation --data cityscapes:ROOT --validation cityscapes:ROOT --output runs/ablation
    python -m segmentd_training.ablation --preset street --set steps=300 --trunk TRUNK.npz --seeds 0 1 2 \\
        --data camvid:DIR --validation camvid:DIR --output runs/ablation

Each run has a folder of its own under OUTPUT and goes on where it stopped; the same command again prints the table of what
is done. All runs see the same samples in the same order for the same seed. With `--trunk`, each starts from it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from pathlib import Path

import numpy as np
import torch

from . import train
from .augmentation import Augmentation
from .classes import CLASS_SETS
from .evaluate import Segmenter, measure
from .from_trunk import start_from_trunk
from .metrics import report
from .network import CONFIGURATIONS, PyramidShuffleNetV2, parameter_count
from .pictures import LabelledPictures, parse_source
from .safetensors_io import ModelCard, load_model, save_model
from .samples import Mixture, Samples


def trunk_start(path: Path, trunk: Path, pictures: LabelledPictures, configuration: str, seed: int) -> None:
    """Writes the model file that a run of this configuration and seed starts with."""
    plan = Augmentation(crop=(384, 512), scales=(1.0,), reference_height=384)
    card = ModelCard(
        CONFIGURATIONS[configuration], list(pictures.classes.names), list(pictures.classes.palette),
        categories=list(pictures.classes.categories), trained_on=f"nothing yet; trunk {trunk.name}")
    samples = Samples(
        Mixture([pictures], [1.0]), plan, seed=seed, mean=card.mean, std=card.std, wanted=np.zeros(256, np.float32))
    torch.manual_seed(seed)
    network = PyramidShuffleNetV2(len(pictures.classes), card.configuration)
    with np.load(trunk) as weights:
        start_from_trunk(network, dict(weights), torch.stack([samples[n][0] for n in range(8)]))
    save_model(path, network, card, half=False)


def run_one(arguments: argparse.Namespace, configuration: str, seed: int, validation: LabelledPictures) -> dict[str, object]:
    """Trains and evaluates one configuration with one seed, or reads the result of having done so."""
    output = arguments.output / f"{configuration}-{seed}"
    result = output / "result.json"
    if result.is_file():
        return json.loads(result.read_text())
    output.mkdir(parents=True, exist_ok=True)
    command = [*arguments.passed, "--output", str(output), "--set", f'configuration="{configuration}"', "--set", f"seed={seed}"]
    if arguments.trunk:
        start = output / "start.safetensors"
        if not start.is_file():
            pictures = parse_source(arguments.data[0], "train", CLASS_SETS[arguments.classes])[0]
            trunk_start(start, arguments.trunk, pictures, configuration, seed)
        command += ["--weights", str(start)]
    state = train.run(train.parser().parse_args(command))
    card = load_model(output / "model.safetensors")[1]
    segmenter = Segmenter(state.average, size=arguments.input, mean=card.mean, std=card.std)
    confusion, edges = measure(lambda _, picture: segmenter(picture), validation)
    found = report(confusion, edges, validation.classes)
    partial = result.with_suffix(".partial")
    partial.write_text(json.dumps(found))
    partial.rename(result)
    return found


def table(results: dict[str, list[dict[str, object]]], classes: int) -> str:
    """Markdown: mean and standard deviation over seeds of each row of Table IV, and its parameters."""
    lines = ["| configuration | parameters, M | seeds | mean IoU | boundary F |", "|---|---|---|---|---|"]
    for name, rows in results.items():
        count = parameter_count(PyramidShuffleNetV2(classes, CONFIGURATIONS[name])) / 1e6
        cells = []
        for key in ("mean_iou", "boundary_f"):
            values = [float(row[key]) for row in rows]
            spread = f" ± {statistics.stdev(values):.2f}" if len(values) > 1 else ""
            cells.append(f"{statistics.mean(values):.2f}{spread}")
        lines.append(f"| {name} | {count:.3f} | {len(rows)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, parents=[train.parser()],
        conflict_handler="resolve")
    parser.add_argument("--configurations", nargs="+", choices=CONFIGURATIONS, default=list(CONFIGURATIONS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--trunk", type=Path, help="an .npz that every run starts from; see from_trunk")
    arguments = parser.parse_args()
    arguments.passed = _passed(arguments)
    try:
        if not arguments.validation:
            raise ValueError("--validation is missing: what the configurations are compared on")
        validation = parse_source(arguments.validation, "val", CLASS_SETS[arguments.classes])[0]
        results: dict[str, list[dict[str, object]]] = {}
        for seed in arguments.seeds:
            for configuration in arguments.configurations:
                found = run_one(arguments, configuration, seed, validation)
                results.setdefault(configuration, []).append(found)
                print(f"{configuration}, seed {seed}: mean IoU {found['mean_iou']:.2f}", flush=True)
    except ValueError as error:
        sys.exit(f"ablation: {error}")
    print(table(results, len(validation.classes)))


def _passed(arguments: argparse.Namespace) -> list[str]:
    """The arguments of `train` that every run shares, as words."""
    words: list[str] = []
    for text in arguments.data:
        words += ["--data", text]
    for setting in arguments.set:
        words += ["--set", setting]
    words += ["--classes", arguments.classes, "--preset", arguments.preset, "--workers", str(arguments.workers),
              "--checkpoint-every", str(arguments.checkpoint_every), "--log-every", str(arguments.log_every)]
    for name in ("device", "threads"):
        if (value := getattr(arguments, name)) is not None:
            words += [f"--{name}", str(value)]
    return words


if __name__ == "__main__":
    main()
