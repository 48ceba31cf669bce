"""Fetching a file so that what is kept is whole and right: resumed, verified, then moved into place."""

import hashlib
import io
import os
import sys
import time
import zipfile
import zlib
from http.client import HTTPException
from tarfile import TarError
from urllib.request import Request, urlopen
from uuid import uuid4

import numpy as np

from paintlib.checks import require

UNREADABLE = (ValueError, TypeError, OSError, EOFError, KeyError, IndexError, TarError, zipfile.BadZipFile, zlib.error)
BLOCK = 1 << 18
ABANDONED = 60.0  # seconds without a byte: a transfer gives up after 30


def digest(*parts):
    """The sha256 of some bytes, one after the other, in hexadecimal."""
    sha256 = hashlib.sha256()
    for part in parts:
        sha256.update(part)
    return sha256.hexdigest()


def obtain(archive, homes, folder):
    """The path of `archive` in `folder`, fetched from the first of its `homes` that delivers if it is not there.

    Any number of processes may ask at once: each fetches into a part of its own, and what is kept is always whole.
    """
    path = folder / archive.name
    if path.exists():
        return path
    writable(folder)
    faults = []
    for home in homes:
        try:
            return fetch(home + archive.name, path, archive)
        except ConnectionError as error:
            faults.append(str(error))
    raise ConnectionError("\n".join(faults))


def writable(folder):
    """Make the folder that data are kept in, or say how to choose another."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        fault = None if os.access(folder, os.W_OK) else "it cannot be written to"
    except OSError as error:
        fault = error
    require(
        fault is None, "the folder for data", f"{folder} ({fault})", "set PAINTLIB_DATA to one that you can write to"
    )


def fetch(address, path, archive):
    """Bring `address` to `path`. A part left by an earlier call, `path`.part, is continued where it ends."""
    shared = path.with_name(path.name + ".part")
    part = path.with_name(f"{path.name}.{uuid4().hex[:12]}.part")
    _adopt(shared, part)
    try:
        if _size(part) < archive.size:
            try:
                _transfer(address, part, archive.size)
            except (OSError, HTTPException) as error:
                raise ConnectionError(
                    f"{address}: {error or type(error).__name__}{_kept(part, shared, archive)}"
                ) from error
        if _size(part) < archive.size:
            raise ConnectionError(f"{address}: the transfer broke off{_kept(part, shared, archive)}")
        found = digest(part.read_bytes())
        if found != archive.sha256:
            part.unlink()
            raise ValueError(
                f"{shared} from {address}: sha256 {found}, wanted {archive.sha256}; "
                "it was broken and has been removed, call again to fetch it anew"
            )
        os.replace(part, path)
    finally:  # what there is of it, for the next call
        if part.exists() and _size(part) > _size(shared):
            os.replace(part, shared)
        part.unlink(missing_ok=True)
    return path


def _adopt(shared, part):
    """Take over, at most one of us, what an earlier call left, or one that was killed more than a minute ago."""
    stem = shared.name.removesuffix(".part")
    orphans = [p for p in shared.parent.glob(f"{stem}.*.part") if _age(p) > ABANDONED]
    for candidate in (shared, *orphans):
        try:
            os.utime(candidate)  # so that nobody takes it for abandoned any more
            os.rename(candidate, part)
            return
        except OSError:  # not there, or another process was faster
            continue


def _age(path):
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return 0.0


def _transfer(address, part, size):
    start = _size(part)
    request = Request(address, headers={"Range": f"bytes={start}-"} if start else {})
    with urlopen(request, timeout=30) as response:
        start = start if response.status == 206 else 0  # a server that knows no ranges sends it all again
        coming = response.headers["Content-Length"]
        if coming and start + int(coming) != size:
            raise OSError(f"it offers {start + int(coming)} bytes in place of {size}, so it is not the file")
        with open(part, "ab" if start else "wb") as file, progress(part.name.rsplit(".", 2)[0], start, size) as bar:
            while block := response.read(min(BLOCK, size + 1 - file.tell())):
                file.write(block)
                bar.update(len(block))


def _size(path):
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def write_whole(path, raw):
    """Write a file so that it is there whole or not at all, whoever else writes it."""
    part = path.with_name(f"{path.name}.{uuid4().hex[:12]}.new")
    part.write_bytes(raw)
    os.replace(part, path)


def _kept(part, shared, archive):
    have = _size(part)
    return f"; {have} of its {archive.size} bytes are kept in {shared}, call again to resume" if have else ""


def kept(file, make):
    """The arrays of an .npz file, {name: array}; where there is none, make() gives them, and they are kept there."""
    if not file.exists():
        buffer = io.BytesIO()
        np.savez(buffer, **make())
        write_whole(file, buffer.getvalue())
    with np.load(file, allow_pickle=False) as arrays:
        return dict(arrays)


def progress(name, start, size):
    """A progress bar: tqdm's where it is installed, else a plain one."""
    try:
        from tqdm import tqdm
    except ImportError:
        return Percent(name, start, size)
    return tqdm(desc=name, initial=start, total=size, unit="B", unit_scale=True)


class Percent:
    """The plain bar: one line of text, rewritten when the percentage changes."""

    def __init__(self, name, start, size):
        self.name, self.done, self.size, self.shown = name, start, size, None

    def __enter__(self):
        return self

    def update(self, count):
        self.done += count
        percent = 100 * self.done // self.size
        if percent != self.shown:
            print(f"\r{self.name}: {percent} %", end="", file=sys.stderr, flush=True)
            self.shown = percent

    def __exit__(self, *_):
        print(file=sys.stderr)
