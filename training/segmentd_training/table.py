"""The result of an evaluation as text: Table I's columns by class, then the means."""

from __future__ import annotations


def printed(result: dict[str, object]) -> str:
    """Columns of percentages; a dash where no label has the class."""
    def cell(value: object) -> str:
        return "–" if value is None else f"{value:.2f}"

    classes, categories = result["class_iou"], result["category_iou"] or {}
    boundary = result.get("class_boundary_f", {})
    width = max(len(n) for n in (*classes, *categories, "mean over categories")) + 2
    model, size = result["model"] or "class maps", f" at {result['size']}" if result["size"] else ""
    lines = [f"{model}{size}, {result['images']} pictures", ""]
    lines += [f"{'class':<{width}}{'IoU':>8}" + (f"{'boundary F':>13}" if boundary else "")]
    for name, value in classes.items():
        lines.append(f"{name:<{width}}{cell(value):>8}" + (f"{cell(boundary.get(name)):>13}" if boundary else ""))
    lines.append(f"{'mean':<{width}}{cell(result['mean_iou']):>8}"
                 + (f"{cell(result['boundary_f']):>13}" if boundary else ""))
    if categories:
        lines += ["", f"{'category':<{width}}{'IoU':>8}"]
        lines += [f"{name:<{width}}{cell(value):>8}" for name, value in categories.items()]
        lines.append(f"{'mean over categories':<{width}}{cell(result['mean_category_iou']):>8}")
    else:
        lines += ["", "no categories: the model names none"]
    lines += ["", f"pixel accuracy {cell(result['pixel_accuracy'])}"]
    return "\n".join(lines)
