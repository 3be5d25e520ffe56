"""The PyTorch network against what it claims: names, sizes, parameter counts, and activations we did not compute."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from segmentd_training import formula
from segmentd_training.network import BLOCKS, CONFIGURATIONS, PyramidShuffleNetV2, channel_shuffle, parameter_count
from segmentd_training.safetensors_io import load_model, load_tensors, save_model

ROOT = Path(__file__).resolve().parents[2]
SHARED = next((p / "shared/golden" for p in ROOT.parents if (p / "shared/golden").is_dir()), None)
MODEL = ROOT / "Sources/Networks/Resources/models/street11.safetensors"


@pytest.mark.parametrize("name", ["plain", "pyramid", "full", "efficient", "street11"])
def test_every_block_equals_the_shared_golden(name: str) -> None:
    if SHARED is None:
        pytest.skip("skipped: no shared/golden beside the repository")
    network, _ = load_model(SHARED / f"{name}.model.safetensors")
    expected = load_file(SHARED / f"{name}.activations.safetensors")
    with torch.inference_mode():
        found = network.activations(expected.pop("image"))
    assert found.keys() == expected.keys()
    for block, reference in expected.items():
        error = (found[block] - reference).abs().max() / reference.abs().max()
        print(f"{name} {block} {error:.1e}")
        assert error < 1e-5, block


@pytest.mark.parametrize(
    "name, millions", [("plain", 1.314), ("pyramid", 1.646), ("full", 9.972), ("efficient", 2.238)])
def test_parameter_counts_are_those_of_the_documentation(name: str, millions: float) -> None:
    count = parameter_count(PyramidShuffleNetV2(19, CONFIGURATIONS[name]))
    assert round(count / 1e6, 3) == millions


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_our_goldens_are_what_the_formula_gives(name: str) -> None:
    golden = load_file(ROOT / f"Tests/NetworksTests/Golden/{name}.activations.safetensors")
    network = PyramidShuffleNetV2(5, CONFIGURATIONS[name]).eval()
    load_tensors(network, formula.tensors(network))
    with torch.inference_mode():
        found = network.activations(golden["image"])
    assert set(golden) == {"image", *found}
    for block, tensor in found.items():
        assert (tensor - golden[block]).abs().max() <= 1e-5 * golden[block].abs().max(), block


def test_blocks_come_in_the_order_of_the_graph_with_table_two_s_sizes() -> None:
    network = PyramidShuffleNetV2(19).eval()
    with torch.inference_mode():
        found = {k: tuple(v.shape[1:]) for k, v in network.activations(torch.zeros(1, 3, 512, 1024)).items()}
    assert tuple(found) == BLOCKS
    assert found == {
        "stem": (24, 256, 512), "pool": (24, 128, 256), "stage1": (116, 64, 128), "stage2": (232, 32, 64),
        "stage3": (464, 32, 64), "vortex": (256, 32, 64), "head": (128, 128, 256), "classifier": (19, 128, 256),
        "logits": (19, 512, 1024),
    }


def test_the_shuffle_interleaves_left_and_right() -> None:
    left, right = torch.arange(0, 3.0).view(1, 3, 1, 1), torch.arange(10, 13.0).view(1, 3, 1, 1)
    assert channel_shuffle(left, right).flatten().tolist() == [0, 10, 1, 11, 2, 12]


def test_an_odd_size_is_refused() -> None:
    with pytest.raises(ValueError, match="multiples of 16, not 30x32"):
        PyramidShuffleNetV2(2)(torch.zeros(1, 3, 30, 32))


def test_a_model_file_comes_back_as_it_went(tmp_path: Path) -> None:
    network, card = load_model(MODEL)
    save_model(tmp_path / "copy.safetensors", network, card)
    again, card_again = load_model(tmp_path / "copy.safetensors")
    assert card_again == card
    assert all(torch.equal(a, b) for a, b in zip(network.state_dict().values(), again.state_dict().values()))


def test_formula_s_first_values_are_fixed() -> None:
    # FNV-1a 64 of "a" is a published test vector; the rest pins the sequence that the Swift tests reproduce.
    assert formula.fnv1a64("a") == 0xAF63DC4C8601EC8C
    first = formula.values("stem.conv.weight", (24, 3, 3, 3)).ravel()[:3].view("uint32")
    assert [hex(bits) for bits in first] == ["0xbebc2eba", "0xbe134490", "0x3e52564d"]
