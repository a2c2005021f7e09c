"""The task: a walker in a house of ten rooms repeats a program of eight moves. Each move leads from every room to another one
and turns the walker by some degrees. Where is it after N moves, and which way does it look?

The room is a discrete state, the heading a continuous one: headings are whole degrees, and the turns reach all 360 of them,
so that no coarse grid contains the headings that occur.

Shapes: B problems, N moves. Index i of a state is the number of moves made.
"""

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

ROOMS, MOVES, SLOTS = 10, 2, 8
TURNS = (-61, -22, 17, 48)  # degrees, clockwise; with the start headings their greatest common divisor is 1
HEADINGS = ("N", "NE", "E", "SE", "S", "SW", "W", "NW")
SECTOR = 360 // len(HEADINGS)  # degrees
LATENTS = 128


@dataclass
class Problems:
    target: Tensor  # [B,MOVES,ROOMS] the room that a move leads to
    turn: Tensor  # [B,MOVES,ROOMS] index into TURNS
    program: Tensor  # [B,SLOTS]
    room: Tensor  # [B,N+1]
    degrees: Tensor  # [B,N+1] 0..359, 0 is north

    def __len__(self) -> int:
        return len(self.room)

    @property
    def heading(self) -> Tensor:
        """[B,N+1] index into HEADINGS: the nearest one. No whole number of degrees is half-way."""
        return heading_of(self.degrees)

    @property
    def radians(self) -> Tensor:
        return torch.deg2rad(self.degrees.float())

    def take(self, count: int) -> "Problems":
        return Problems(self.target[:count], self.turn[:count], self.program[:count], self.room[:count], self.degrees[:count])


def heading_of(degrees: Tensor) -> Tensor:
    return ((degrees + SECTOR / 2) // SECTOR).long() % len(HEADINGS)


def advance(problems: Problems, room: Tensor, degrees: Tensor, made: int) -> tuple[Tensor, Tensor]:
    """Room [B] and heading [B] after one more move, when `made` moves have been made."""
    rows = torch.arange(len(problems))
    move = problems.program[:, made % SLOTS]
    turns = torch.tensor(TURNS)
    return problems.target[rows, move, room], (degrees + turns[problems.turn[rows, move, room]]) % 360


def draw(count: int, moves: int, generator: Generator) -> Problems:
    target = torch.argsort(torch.rand(count, MOVES, ROOMS, generator=generator), -1)
    turn = torch.randint(0, len(TURNS), (count, MOVES, ROOMS), generator=generator)
    program = torch.randint(0, MOVES, (count, SLOTS), generator=generator)
    room = torch.randint(0, ROOMS, (count,), generator=generator)
    degrees = torch.randint(0, len(HEADINGS), (count,), generator=generator) * SECTOR
    problems = Problems(target, turn, program, room[:, None], degrees[:, None])
    rooms, headings = [room], [degrees]
    for made in range(moves):
        room, degrees = advance(problems, room, degrees, made)
        rooms.append(room)
        headings.append(degrees)
    return Problems(target, turn, program, torch.stack(rooms, 1), torch.stack(headings, 1))
