"""Results of modules inside a network, by the names that a golden has for them."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn


def watch(net: nn.Module, names: Mapping[str, str]) -> dict[str, Tensor]:
    """A dictionary that fills when ``net`` runs; ``names`` are the golden's by module names."""
    caught: dict[str, Tensor] = {}

    def keep(module: nn.Module, key: str) -> None:
        def hook(_module: nn.Module, _given: object, result: Tensor) -> None:
            caught[key] = result

        module.register_forward_hook(hook)

    for name, key in names.items():
        keep(net.get_submodule(name), key)
    return caught
