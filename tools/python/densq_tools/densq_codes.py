# SPDX-License-Identifier: MIT
"""The codes section of a matrix (docs/format.md, "Codes") to and from an array [rows][cols].

A tile of 16 rows is a sequence of units of 32 codes. Of each block of 512 columns come the units of
a row, 16 of them, then those of the next row; then those of the columns that are left over. 16
units are a group, and unit f of a group lies in field f of the group's lines.
"""
import numpy as np

TILE_ROWS, BLOCK, UNIT, UNITS = 16, 512, 32, 16
LINE_BYTES = 64


def _pieces(bits):
    """Of each field, lists of (line, lowest bit in the slot, lowest bit of the code, mask)."""
    if bits != 3:
        per_line = 16 // bits
        return [[(f // per_line, bits * (f % per_line), 0, 2 ** bits - 1)] for f in range(UNITS)]
    whole = [[(f // 4, (0, 3, 8, 11)[f % 4], 0, 7)] for f in range(12)]
    split = [[(0 if f < 14 else 2, 6 + 8 * (f % 2), 0, 3), (1, (6 if f < 14 else 7) + 8 * (f % 2),
                                                             2, 1)] for f in range(12, 16)]
    return whole + split


PIECES = {bits: _pieces(bits) for bits in (2, 3, 4)}


def _tail_units(rows, cols):
    return rows * -(-(cols % BLOCK) // UNIT)


def tile_bytes(rows, cols, bits):
    full, rest = divmod(_tail_units(rows, cols), UNITS)
    lines = min(bits, -(-rest // (8 if bits == 2 else 4)))
    return LINE_BYTES * ((rows * (cols // BLOCK) + full) * bits + lines)


def section_bytes(rows, cols, bits):
    tiles, rest = divmod(rows, TILE_ROWS)
    return tiles * tile_bytes(TILE_ROWS, cols, bits) + tile_bytes(rest, cols, bits)


def _unpack(groups, bits):
    """uint16 [..., bits lines, 32 slots] -> uint8 [..., 16 units, 32]"""
    units = np.empty((*groups.shape[:-2], UNITS, UNIT), np.uint8)
    for field, pieces in enumerate(PIECES[bits]):
        units[..., field, :] = sum(((groups[..., line, :] >> low) & mask) << at
                                   for line, low, at, mask in pieces)
    return units


def _pack(units, bits):
    groups = np.zeros((*units.shape[:-2], bits, UNIT), "<u2")
    for field, pieces in enumerate(PIECES[bits]):
        code = units[..., field, :].astype(np.uint16)
        for line, low, at, mask in pieces:
            groups[..., line, :] |= ((code >> at) & mask) << low
    return groups


def _unpack_tiles(data, rows, cols, bits):
    """uint8 [tiles][bytes of a tile] -> uint8 [tiles * rows][cols]"""
    tiles, blocks, rest = len(data), cols // BLOCK, cols % BLOCK
    at = rows * blocks * bits * LINE_BYTES
    groups = np.ascontiguousarray(data[:, :at]).view("<u2").reshape(tiles, blocks, rows, bits, UNIT)
    codes = np.empty((tiles, rows, cols), np.uint8)
    codes[..., :cols - rest] = _unpack(groups, bits).transpose(0, 2, 1, 3, 4).reshape(
        tiles, rows, cols - rest)
    if rest:
        lines = np.zeros((tiles, -(-_tail_units(rows, cols) // UNITS), bits * LINE_BYTES), np.uint8)
        lines.reshape(tiles, -1)[:, :data.shape[1] - at] = data[:, at:]
        units = _unpack(lines.view("<u2").reshape(tiles, -1, bits, UNIT), bits)
        units = units.reshape(tiles, -1, UNIT)[:, :_tail_units(rows, cols)]
        codes[..., cols - rest:] = units.reshape(tiles, rows, -1)[..., :rest]
    return codes.reshape(tiles * rows, cols)


def _pack_tiles(codes, rows, bits):
    """uint8 [tiles * rows][cols] -> uint8 [tiles][bytes of a tile]"""
    cols = codes.shape[1]
    codes = codes.reshape(-1, rows, cols)
    tiles, rest = len(codes), cols % BLOCK
    blocks = codes[..., :cols - rest].reshape(tiles, rows, -1, UNITS, UNIT).transpose(0, 2, 1, 3, 4)
    parts = [_pack(blocks, bits).reshape(tiles, -1)]
    if rest:
        tail = np.zeros((tiles, rows, -(-rest // UNIT) * UNIT), np.uint8)
        tail[..., :rest] = codes[..., cols - rest:]
        count = _tail_units(rows, cols)
        units = np.zeros((tiles, -(-count // UNITS) * UNITS, UNIT), np.uint8)
        units[:, :count] = tail.reshape(tiles, -1, UNIT)
        parts.append(_pack(units.reshape(tiles, -1, UNITS, UNIT), bits).reshape(tiles, -1))
    data = np.concatenate(parts, axis=1).view(np.uint8)
    return data[:, :tile_bytes(rows, cols, bits)]


def decode_codes(section, rows, cols, bits):
    """section: uint8 [section_bytes]"""
    whole = rows // TILE_ROWS * TILE_ROWS
    split = whole // TILE_ROWS * tile_bytes(TILE_ROWS, cols, bits)
    parts = [_unpack_tiles(data.reshape(-1, tile_bytes(count, cols, bits)), count, cols, bits)
             for count, data in ((TILE_ROWS, section[:split]), (rows - whole, section[split:]))
             if data.size]
    return np.concatenate(parts)


def encode_codes(codes, bits):
    whole = len(codes) // TILE_ROWS * TILE_ROWS
    parts = [_pack_tiles(part, min(len(part), TILE_ROWS), bits).reshape(-1)
             for part in (codes[:whole], codes[whole:]) if len(part)]
    return np.concatenate(parts)
