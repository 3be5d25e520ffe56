"""Table IV as one command: the four configurations with equal budgets, several seeds, and their spread.

    python -m segmentd_training.ablation --data cityscapes:ROOT --validation cityscapes:ROOT --output runs/ablation
    python -m segmentd_training.ablation --preset street --set steps=300 --trunk TRUNK.npz --seeds 0 1 2 \\
        --data camvid:DIR --validation camvid:DIR --output runs/ablation

Each run has a folder of its own under OUTPUT and goes on where it stopped; the same command again prints the table of what
is done. All runs see the same samples in the same order for the same seed. With `--trunk`, each starts from it.
Every run is measured at its end; with `--validate-every` on the way too.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from pathlib import Path

from . import train
from .classes import CLASS_SETS
from .evaluate import Segmenter, measure
from .files import replacing
from .from_trunk import write_start
from .metrics import report
from .network import CONFIGURATIONS, PyramidShuffleNetV2, parameter_count
from .pictures import LabelledPictures, of_classes, parse_source
from .recipe import PRESETS
from .safetensors_io import load_model


def run_one(
    arguments: argparse.Namespace, configuration: str, seed: int, pictures: LabelledPictures,
    validation: LabelledPictures,
) -> dict[str, object]:
    """Trains and evaluates one configuration with one seed, or reads the result of having done so."""
    output = arguments.output / f"{configuration}-{seed}"
    settings = [f'configuration="{configuration}"', f"seed={seed}"]
    recipe = PRESETS[arguments.preset].with_settings([*arguments.set, *settings])
    height, width = arguments.input
    what = {
        "recipe": json.loads(recipe.to_json()), "data": arguments.data, "validation": arguments.validation,
        "input": f"{height}x{width}", "start": str(arguments.trunk or arguments.weights)}
    result = output / "result.json"
    if result.is_file():
        return _earlier(result, what)
    output.mkdir(parents=True, exist_ok=True)
    command = [*arguments.passed, "--output", str(output), *(word for s in settings for word in ("--set", s))]
    if arguments.trunk:
        start = output / "start.safetensors"
        if not start.is_file():
            write_start(start, arguments.trunk, pictures, configuration, seed=seed)
        command += ["--weights", str(start)]
    state = train.run(train.parser().parse_args(command))
    card = load_model(output / "model.safetensors")[1]
    device = state.average.classifier.weight.device
    segmenter = Segmenter(state.average, size=arguments.input, mean=card.mean, std=card.std, device=device)
    confusion, edges = measure(lambda _, picture: segmenter(picture), validation)
    found = report(confusion, edges, validation.classes)
    with replacing(result) as file:
        file.write(json.dumps({"run": what, **found}).encode())
    return found


def _earlier(result: Path, what: dict[str, object]) -> dict[str, object]:
    """What an earlier run measured. Raises `ValueError` unless it did what this one would do."""
    try:
        found = json.loads(result.read_text())
        there = dict(found["run"])
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{result} holds no result of this program ({error!r}): remove it or give another --output") from error
    differing = [name for name in what if there.get(name) != what[name]]
    if differing:
        lines = [f"\n  its {name}: {there.get(name)}\n  here: {what[name]}" for name in differing]
        raise ValueError(f"{result} is of another run: repeat its command or give another --output{''.join(lines)}")
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
    parser.set_defaults(validate_every=None, validation_stride=None)
    arguments = parser.parse_args()
    try:
        arguments.passed = _passed(arguments)
        if not arguments.validation:
            raise ValueError("--validation is missing: what the configurations are compared on")
        classes = CLASS_SETS[arguments.classes]
        pictures = parse_source(arguments.data[0], "train", classes)[0]
        validation = of_classes(parse_source(arguments.validation, "val", classes)[0], pictures.classes)
        results: dict[str, list[dict[str, object]]] = {}
        for seed in arguments.seeds:
            for configuration in arguments.configurations:
                found = run_one(arguments, configuration, seed, pictures, validation)
                results.setdefault(configuration, []).append(found)
                print(f"{configuration}, seed {seed}: mean IoU {found['mean_iou']:.2f}", flush=True)
    except (ValueError, OSError) as error:
        sys.exit(f"ablation: {error}")
    print(table(results, len(validation.classes)))


def _passed(arguments: argparse.Namespace) -> list[str]:
    """The arguments of `train` that every run shares, as words. Raises `ValueError` for those that cannot be shared."""
    for setting in arguments.set:
        if (name := setting.partition("=")[0]) in ("configuration", "seed"):
            raise ValueError(f"--set {setting}: the ablation sets this for each run; give --{name}s")
    if arguments.weights and arguments.trunk:
        raise ValueError("--weights and --trunk: a run begins with one of them")
    if arguments.weights and len(arguments.configurations) > 1:
        raise ValueError(
            f"--weights {arguments.weights}: a model is of one configuration; name it with --configurations")
    if arguments.validation_stride and not arguments.validate_every:
        raise ValueError("--validation-stride: the runs validate on the way only with --validate-every")
    words: list[str] = []
    for text in arguments.data:
        words += ["--data", text]
    for setting in arguments.set:
        words += ["--set", setting]
    height, width = arguments.input
    shared = {
        "classes": arguments.classes, "preset": arguments.preset, "workers": arguments.workers,
        "cache": arguments.cache, "checkpoint-every": arguments.checkpoint_every, "log-every": arguments.log_every,
        "input": f"{height}x{width}", "device": arguments.device, "threads": arguments.threads,
        "weights": arguments.weights, "trained-on": arguments.trained_on, "license": arguments.license or None}
    if arguments.validate_every:
        shared |= {"validation": arguments.validation, "validate-every": arguments.validate_every,
                   "validation-stride": arguments.validation_stride}
    for name, value in shared.items():
        if value is not None:
            words += [f"--{name}", str(value)]
    return words


if __name__ == "__main__":
    main()
