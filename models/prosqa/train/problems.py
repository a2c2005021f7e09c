"""ProsQA problems: a generator of the published distribution, a reader of the published file, and batches of token ids
in reading order.

The generator follows the construction published with Coconut (arXiv 2412.06769, appendix): two roots, nodes added one
by one, Poisson(1.5) parents drawn with weight 1.5 * depth + 1, a parent pool that keeps the two families apart most
of the time. What the paper leaves open was fitted to summary statistics of the 300 published validation problems (see
`statistics`): which pool is used how often, that nodes without parents enter the mixed pool only, that the root with
the deeper sink is asked about and its deepest sink is the answer.
"""

import json
import math
import random
from collections import defaultdict, deque
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from vocabulary import CONCEPTS, ENTITIES, NAMES, PAD, TOKEN_OF_NAME, Form

MAX_NODES = 28
MAX_FACTS = 54  # 108 fact tokens; longer problems are drawn again
MAX_HOPS = 6
PATHS = 4  # shortest paths kept per problem
UNREACHABLE = 99
WIDTH_STEP = 8  # batches come in few widths, so that matrix kernels are prepared once

PARENT_RATE = 1.5
DEPTH_WEIGHT = 1.5
POOLS = (
    0.35,
    0.45,
)  # share of nodes whose parents come from the first root's family, from the second root's family; the rest: from all


@dataclass(frozen=True)
class Size:
    """Bounds of a family of problems: nodes drawn before unused ones are dropped, and the distance of the answer."""

    nodes: tuple[int, int]
    hops: tuple[int, int]


PUBLISHED = Size(nodes=(28, 28), hops=(3, MAX_HOPS))
SMALL = Size(nodes=(8, 18), hops=(1, 4))


@dataclass
class Graph:
    """One problem without names: facts are edges from subject to object, nodes 0 and 1 are the roots."""

    nodes: int
    edges: list[tuple[int, int]]
    root: int
    target: int
    distractor: int


def distances(edges: list[tuple[int, int]], source: int, backwards: bool = False) -> dict[int, int]:
    """Breadth-first distances from `source` along the edges (or against them)."""
    neighbours: dict[int, list[int]] = defaultdict(list)
    for a, b in edges:
        neighbours[b if backwards else a].append(a if backwards else b)
    found = {source: 0}
    queue = deque([source])
    while queue:
        node = queue.popleft()
        for other in neighbours[node]:
            if other not in found:
                found[other] = found[node] + 1
                queue.append(other)
    return found


def _poisson(rate: float, rng: random.Random) -> int:
    count, product, floor = 0, rng.random(), math.exp(-rate)
    while product > floor:
        count += 1
        product *= rng.random()
    return count


def _draw_edges(nodes: int, rng: random.Random) -> list[tuple[int, int]]:
    """Edges, parents first. `family` is a bit set: 1 below the first root, 2 below the second."""
    family, depth, edges = [1, 2], [0, 0], []
    for node in range(2, nodes):
        draw = rng.random()
        if draw <= POOLS[0]:
            pool = [other for other in range(node) if family[other] == 1]
        elif draw <= POOLS[0] + POOLS[1]:
            pool = [other for other in range(node) if family[other] == 2]
        else:
            pool = list(range(node))
        weights = [DEPTH_WEIGHT * depth[other] + 1 for other in pool]
        parents = []
        for _ in range(min(_poisson(PARENT_RATE, rng), len(pool))):
            pick = rng.choices(range(len(pool)), weights)[0]
            parents.append(pool.pop(pick))
            weights.pop(pick)
        bits = 0
        for parent in parents:
            bits |= family[parent]
        family.append(bits)
        depth.append(min(depth[parent] for parent in parents) + 1 if parents else 0)
        edges += [(parent, node) for parent in parents]
    return edges


def draw_graph(size: Size, rng: random.Random) -> Graph:
    """Draws until a graph has both roots, a sink below each root alone, and an answer at an allowed distance."""
    while True:
        edges = _draw_edges(rng.randint(*size.nodes), rng)
        used = sorted({node for edge in edges for node in edge})
        if used[:2] != [0, 1] or len(edges) > MAX_FACTS:
            continue
        rank = {node: i for i, node in enumerate(used)}
        edges = [(rank[a], rank[b]) for a, b in edges]
        if len(used) - len({b for _, b in edges}) > len(ENTITIES):
            continue
        inner = {a for a, _ in edges}
        below = [distances(edges, 0), distances(edges, 1)]
        sinks = [[v for v in below[i] if v not in inner and v not in below[1 - i]] for i in (0, 1)]
        if not sinks[0] or not sinks[1]:
            continue
        deepest = [max(below[i][v] for v in sinks[i]) for i in (0, 1)]
        root = rng.choice((0, 1)) if deepest[0] == deepest[1] else int(deepest[1] > deepest[0])
        if not size.hops[0] <= deepest[root] <= size.hops[1]:
            continue
        target = rng.choice([v for v in sinks[root] if below[root][v] == deepest[root]])
        return Graph(len(used), edges, root, target, rng.choice(sinks[1 - root]))


def shortest_paths(graph: Graph, rng: random.Random) -> list[list[int]]:
    """Up to `PATHS` shortest paths from the root (left out) to the target, in random order."""
    far = distances(graph.edges, graph.root)
    before: dict[int, list[int]] = defaultdict(list)
    for a, b in graph.edges:
        if a in far and far[b] == far[a] + 1:
            before[b].append(a)
    paths = [[graph.target]]
    for _ in range(far[graph.target]):
        paths = [[parent, *path] for path in paths for parent in before[path[0]]]
        if len(paths) > 64:
            paths = rng.sample(paths, 64)
    rng.shuffle(paths)
    return [path[1:] for path in paths[:PATHS]]


@dataclass
class Problems:
    """G problems as arrays over at most N nodes, F facts, H hops, Q paths."""

    nodes: np.ndarray  # [G]
    facts: np.ndarray  # [G]
    edges: np.ndarray  # [G,F,2]
    root: np.ndarray  # [G]
    target: np.ndarray  # [G]
    distractor: np.ndarray  # [G]
    hops: np.ndarray  # [G]
    distance: np.ndarray  # [G,N] from the root
    paths: np.ndarray  # [G,Q,H]
    entity: np.ndarray  # [G,N] bool: nodes without parents bear an entity's name

    def __len__(self) -> int:
        return len(self.nodes)

    def save(self, path: Path) -> None:
        np.savez(path, **{field.name: getattr(self, field.name) for field in fields(self)})

    @staticmethod
    def load(path: Path) -> "Problems":
        with np.load(path) as archive:
            return Problems(**{field.name: archive[field.name] for field in fields(Problems)})


def pack(graphs: list[Graph], rng: random.Random) -> Problems:
    """Graphs to arrays."""
    count = len(graphs)
    packed = Problems(
        nodes=np.zeros(count, np.int16),
        facts=np.zeros(count, np.int16),
        edges=np.zeros((count, MAX_FACTS, 2), np.int16),
        root=np.zeros(count, np.int16),
        target=np.zeros(count, np.int16),
        distractor=np.zeros(count, np.int16),
        hops=np.zeros(count, np.int16),
        distance=np.full((count, MAX_NODES), UNREACHABLE, np.int8),
        paths=np.zeros((count, PATHS, MAX_HOPS), np.int16),
        entity=np.zeros((count, MAX_NODES), bool),
    )
    for g, graph in enumerate(graphs):
        far = distances(graph.edges, graph.root)
        hops = far[graph.target]
        paths = shortest_paths(graph, rng)
        children = {b for _, b in graph.edges}
        packed.nodes[g], packed.facts[g], packed.hops[g] = graph.nodes, len(graph.edges), hops
        packed.root[g], packed.target[g], packed.distractor[g] = graph.root, graph.target, graph.distractor
        packed.edges[g, : len(graph.edges)] = graph.edges
        packed.distance[g, list(far)] = list(far.values())
        for i in range(PATHS):
            packed.paths[g, i, :hops] = paths[i % len(paths)]
        packed.entity[g, : graph.nodes] = [node not in children for node in range(graph.nodes)]
    return packed


def generate(count: int, size: Size, seed: int) -> Problems:
    rng = random.Random(seed)
    return pack([draw_graph(size, rng) for _ in range(count)], rng)


@dataclass
class Layout:
    """What a problem's text fixes beyond its graph: names, order of facts, order of candidates, and which shortest path
    is spelled out."""

    names: np.ndarray  # [B,N] index into NAMES
    order: np.ndarray  # [B,F] padding first, then the facts as they are read
    swapped: np.ndarray  # [B] bool: the distractor is named first
    path: np.ndarray  # [B]

    def take(self, index: np.ndarray) -> "Layout":
        return Layout(self.names[index], self.order[index], self.swapped[index], self.path[index])


def draw_layout(problems: Problems, index: np.ndarray, rng: np.random.Generator) -> Layout:
    """Fresh names and orders, so that a graph seen twice is not a text seen twice."""
    count, entity = len(index), problems.entity[index]
    entities = rng.random((count, len(ENTITIES))).argsort(1)
    concepts = rng.random((count, len(CONCEPTS))).argsort(1) + len(ENTITIES)
    rank_entity = np.clip(np.cumsum(entity, 1) - 1, 0, len(ENTITIES) - 1)
    rank_concept = np.clip(np.cumsum(~entity, 1) - 1, 0, len(CONCEPTS) - 1)
    names = np.where(
        entity, np.take_along_axis(entities, rank_entity, 1), np.take_along_axis(concepts, rank_concept, 1)
    )
    key = rng.random((count, MAX_FACTS))
    key[np.arange(MAX_FACTS)[None] >= problems.facts[index][:, None]] = -1
    return Layout(names, key.argsort(1), rng.random(count) < 0.5, rng.integers(0, PATHS, count))


@dataclass
class Batch:
    """B problems as token ids. Prompts are padded on the left for storage only: positions count real tokens from 0."""

    prompt: np.ndarray  # [B,P]
    path: np.ndarray  # [B,H] object tokens, <pad> after the target
    target: np.ndarray  # [B] object token of the answer
    distractor: np.ndarray  # [B]
    candidates: np.ndarray  # [B,2] object tokens in the order of the question
    hops: np.ndarray  # [B]
    other_root: np.ndarray  # [B] query token of the root that is not asked about
    node_token: np.ndarray  # [B,N] object token of each node, 0 for entities
    distance: np.ndarray  # [B,N] from the root, UNREACHABLE for entities, absent and unreachable nodes
    present: np.ndarray  # [B,N] bool: a concept of this problem


def batch(problems: Problems, index: np.ndarray, layout: Layout) -> Batch:
    """Spells the problems out: facts, then `Is <root> a <first> or <second>?`."""
    rows = np.arange(len(index))
    column = rows[:, None]
    names = layout.names
    edges = np.take_along_axis(problems.edges[index], layout.order[:, :, None], 1)
    padding = layout.order >= problems.facts[index][:, None]
    subject = TOKEN_OF_NAME[Form.SUBJECT][names[column, edges[:, :, 0]]]
    object_ = TOKEN_OF_NAME[Form.OBJECT][names[column, edges[:, :, 1]]]
    subject[padding] = PAD
    object_[padding] = PAD
    facts = np.stack([subject, object_], 2).reshape(len(index), -1)
    target = names[rows, problems.target[index]]
    distractor = names[rows, problems.distractor[index]]
    first = np.where(layout.swapped, distractor, target)
    second = np.where(layout.swapped, target, distractor)
    query = TOKEN_OF_NAME[Form.QUERY]
    question = np.stack(
        [
            query[names[rows, problems.root[index]]],
            TOKEN_OF_NAME[Form.FIRST][first],
            TOKEN_OF_NAME[Form.SECOND][second],
        ],
        1,
    )
    prompt = np.concatenate([facts, question], 1)
    empty = int((prompt == PAD).all(0).sum())
    prompt = prompt[:, max(0, empty - (empty - prompt.shape[1]) % WIDTH_STEP) :]
    objects = TOKEN_OF_NAME[Form.OBJECT]
    hops = problems.hops[index].astype(np.int64)
    path = objects[names[column, problems.paths[index, layout.path]]]
    path[np.arange(MAX_HOPS)[None] >= hops[:, None]] = PAD
    node_token = objects[names]
    present = (np.arange(MAX_NODES)[None] < problems.nodes[index][:, None]) & (node_token > 0)
    return Batch(
        prompt=prompt,
        path=path,
        target=objects[target],
        distractor=objects[distractor],
        candidates=np.stack([objects[first], objects[second]], 1),
        hops=hops,
        other_root=query[names[rows, 1 - problems.root[index]]],
        node_token=np.where(present, node_token, 0),
        distance=np.where(present, problems.distance[index].astype(np.int64), UNREACHABLE),
        present=present,
    )


@dataclass
class Published:
    """The published file: its graphs, their own layout, and the questions as text."""

    problems: Problems
    layout: Layout
    text: list[str]


def read_published(path: Path) -> Published:
    """Reads the file as published. Node ids are in topological order there, which is why only names ever reach a
    prompt."""
    records = json.loads(Path(path).read_text())
    graphs, names, orders, swapped = [], [], [], []
    for record in records:
        symbols = record["idx_to_symbol"]
        edges = list(dict.fromkeys(tuple(edge) for edge in record["edges"]))
        graphs.append(Graph(len(symbols), edges, record["root"], record["target"], record["neg_target"]))
        names.append([NAMES.index(symbol) for symbol in symbols] + [0] * (MAX_NODES - len(symbols)))
        number = {(symbols[a], symbols[b]): i for i, (a, b) in enumerate(edges)}
        *sentences, question = record["question"].split(". ")
        spoken = [number[tuple(sentence.removeprefix("Every ").split(" is a "))] for sentence in sentences]
        orders.append(list(range(len(edges), MAX_FACTS)) + list(dict.fromkeys(spoken)))
        swapped.append(f" a {symbols[record['target']]} or " not in question)
    return Published(
        pack(graphs, random.Random(0)),
        Layout(np.array(names), np.array(orders), np.array(swapped), np.zeros(len(records), np.int64)),
        [record["question"] for record in records],
    )


def statistics(problems: Problems) -> dict[str, tuple[float, float]]:
    """Mean and standard error of what describes the distribution: the figures that the generator was fitted to."""
    rows: dict[str, list[float]] = defaultdict(list)
    for g in range(len(problems)):
        edges = [tuple(edge) for edge in problems.edges[g, : problems.facts[g]].tolist()]
        count, root, target, distractor = (
            int(array[g]) for array in (problems.nodes, problems.root, problems.target, problems.distractor)
        )
        mine, other = distances(edges, root), distances(edges, 1 - root)
        inner = {a for a, _ in edges}
        parents = [sum(b == node for _, b in edges) for node in range(count)]
        sinks = [node for node in range(count) if node not in inner]
        rows["nodes"].append(count)
        rows["facts"].append(len(edges))
        rows["hops to the answer"].append(mine[target])
        rows["distractor's distance from the other root"].append(other[distractor])
        rows["nodes without parents"].append(sum(number == 0 for number in parents))
        rows["nodes with one parent"].append(sum(number == 1 for number in parents))
        rows["nodes with two parents"].append(sum(number == 2 for number in parents))
        rows["sinks"].append(len(sinks))
        rows["sinks below the asked root alone"].append(sum(v in mine and v not in other for v in sinks))
        rows["sinks below the other root alone"].append(sum(v in other and v not in mine for v in sinks))
        rows["nodes below the asked root alone"].append(len(mine.keys() - other.keys()))
        rows["nodes below the other root alone"].append(len(other.keys() - mine.keys()))
        rows["nodes below both roots"].append(len(mine.keys() & other.keys()))
        rows["parents of the answer"].append(parents[target])
        rows["parents of the distractor"].append(parents[distractor])
        for step in range(1, 6):
            rows[f"nodes at distance {step}"].append(sum(distance == step for distance in mine.values()))
    return {
        name: (float(np.mean(values)), float(np.std(values) / math.sqrt(len(values)))) for name, values in rows.items()
    }
