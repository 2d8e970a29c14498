"""PyTorch, all models at once: `torch.func.vmap` of a forward pass, of one more place, and of a gradient."""

from typing import Any

import torch
from torch.nn import functional

from benchmarks.contender import Run
from benchmarks.sequence.point import HEADS, LAYERS, LEARNING_RATE, Point, parameters

Weights = dict[str, torch.Tensor]


def run_of(point: Point, trajectories: int) -> Run | None:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    weights = {name: torch.tensor(each, device=device) for name, each in parameters(point).items()}
    optimiser = torch.optim.Adam(list(weights.values()), lr=LEARNING_RATE)
    following = torch.func.vmap(_following, in_dims=(0, 0, None, 0))
    gradient = torch.func.vmap(torch.func.grad(_cross_entropy))

    def drawn() -> torch.Tensor:
        token = torch.zeros(trajectories, point.traces, dtype=torch.long, device=device)
        shape = (trajectories, LAYERS, 2, point.traces, HEADS, 0, point.width // HEADS)
        cache, found = torch.zeros(shape, device=device), []
        for place in range(point.places):
            logits, cache = following(weights, cache, place, token)
            p = torch.softmax(logits, -1).flatten(0, 1)
            token = torch.multinomial(p, 1).reshape(trajectories, point.traces)
            found.append(token)
        return torch.stack(found, -1)

    def run(generations: int) -> Weights:
        for _ in range(generations):
            with torch.no_grad():
                traces = drawn()
            for name, each in gradient(weights, traces).items():
                weights[name].grad = each
            optimiser.step()
        if device == "cuda":
            torch.cuda.synchronize()
        return weights

    return run


def _following(weights: Weights, cache: torch.Tensor, place: int, token: torch.Tensor) -> tuple[torch.Tensor, Any]:
    """Logits of the token at a place, and keys and values of the places so far."""
    begun = weights["tokens"][token] if place else weights["start"].expand(len(token), -1)
    state, kept = (begun + weights["places"][place])[:, None], []
    for layer in range(LAYERS):
        query, key, value = _asked(weights, layer, state)
        keys, values = torch.cat([cache[layer, 0], key], 2), torch.cat([cache[layer, 1], value], 2)
        kept.append(torch.stack([keys, values]))
        state = _after(weights, layer, state, _attended(query, keys, values))
    return _out(weights, state)[:, 0], torch.stack(kept)


def _cross_entropy(weights: Weights, traces: torch.Tensor) -> torch.Tensor:
    start = weights["start"].expand(len(traces), 1, -1)
    state = torch.cat([start, weights["tokens"][traces[:, :-1]]], 1) + weights["places"]
    for layer in range(LAYERS):
        query, key, value = _asked(weights, layer, state)
        state = _after(weights, layer, state, _attended(query, key, value, causal=True))
    return functional.cross_entropy(_out(weights, state).flatten(0, 1), traces.flatten())


def _asked(weights: Weights, layer: int, state: torch.Tensor) -> list[torch.Tensor]:
    asked = _normalised(state, weights["attends"][layer]) @ weights["asked"][layer]
    return [each.unflatten(-1, (HEADS, -1)).transpose(1, 2) for each in asked.chunk(3, -1)]


def _attended(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, causal: bool = False) -> torch.Tensor:
    scores = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5
    if causal:  # written out: functional.scaled_dot_product_attention has no vmap of its gradient on CPUs
        places = scores.shape[-1]
        scores = scores.masked_fill(
            ~torch.ones(places, places, dtype=torch.bool, device=query.device).tril(), -torch.inf
        )
    taken = torch.softmax(scores, -1) @ value
    return taken.transpose(1, 2).flatten(2)


def _after(weights: Weights, layer: int, state: torch.Tensor, taken: torch.Tensor) -> torch.Tensor:
    state = state + taken @ weights["taken"][layer]
    hidden = torch.relu(_normalised(state, weights["thinks"][layer]) @ weights["wider"][layer]) ** 2
    return state + hidden @ weights["back"][layer]


def _out(weights: Weights, state: torch.Tensor) -> torch.Tensor:
    return _normalised(state, weights["last"]) @ weights["tokens"].T


def _normalised(state: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    return state * torch.rsqrt((state**2).mean(-1, keepdim=True) + 1e-6) * scale
