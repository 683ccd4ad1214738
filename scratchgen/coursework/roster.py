"""The students of a class: their names, their seeds, a folder for each to work in, and their pseudonyms. Each is a table in a CSV file.

    names.csv     student or name, …        from the registrar, or a learning platform
    class.csv     student, seed             what `new_class` writes beside the folders; with it, numbers count that follow from the seed
    late.csv      student, days             for grading: who came late, and by how many days
    key.csv       student, pseudonym        made and extended by grading with pseudonyms

A table begins with a line of titles, and further columns do no harm. Names are compared as composed characters (Unicode's NFC): some systems write
the é of a folder's name as two characters, where a table has one.
"""

import csv
import hashlib
import os
import secrets
import shutil
import unicodedata
from pathlib import Path

from scratchgen.coursework import by_hand
from scratchgen.coursework.finding import LEFT_OUT
from scratchgen.coursework.new import new, write
from scratchgen.errors import integer

DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}  # no file's name on Windows


def new_class(names, folder, *, seed=None, exercises=None, notebooks=False):
    """Write a folder with a folder for each student, and class.csv -> its path.

    names: a CSV file with a column called student or name.  seed: of the class, from which, with the name, each student's is derived; None draws
    one.  exercises, notebooks: as for `new`. Each folder has besides a sheet of numbers (by_hand.py) that follow from the student's seed.
    Raises FileExistsError if there is something in the folder, ValueError for names that make no folders; then nothing is written.
    """
    students, folder = names_in(Path(names)), Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"{folder} is there and not an empty folder; `coursework new` needs a new or an empty one")
    seed = secrets.randbits(64) if seed is None else integer("seed", seed, 0)
    seeds = {student: seed_of(seed, f"the folder of {student}") for student in students}
    unfinished = folder.resolve().with_name(f".{folder.resolve().name}.{secrets.token_hex(4)}")
    try:
        for student, each in seeds.items():
            new(unfinished / student, seed=each, exercises=exercises, notebooks=notebooks)
            write(unfinished / student / f"{by_hand.module}.py", by_hand.text(each))
            write(unfinished / student / f"test_{by_hand.module}.py", by_hand.TESTS)
            with open(unfinished / student / "README.md", "a", encoding="utf-8") as page:
                page.write(README)
        write_table(unfinished / "class.csv", ["student", "seed"], seeds.items())
        os.replace(unfinished, folder.resolve())
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return folder


README = f"""
## Exercise 0

`{by_hand.module}.py` is for pencil and paper, and is handed in with the others. Its numbers are yours alone: nobody else's answers fit.
"""


def names_in(path):
    """The students' names in a CSV file, all of them names for folders; ValueError with a sentence for the first that is not."""
    header, rows = read_table(path)
    column = next((title for title in header if title.strip().casefold() in ("student", "name")), None)
    if column is None:
        raise ValueError(f"{path} has no column called student or name; its columns are: {', '.join(header) or 'none'}")
    seen = {}
    for line, row in rows:
        name = (row[column] or "").strip()
        wrong = complaint(name)
        if wrong:
            raise ValueError(f"{path}, line {line}: {name!r} is no name for a folder: {wrong}")
        if name.casefold() in seen:  # on many systems the same folder
            raise ValueError(f"{path}, line {line}: {name!r} is there already, in line {seen[name.casefold()]}; tell them apart by a number, say")
        seen[name.casefold()] = line
    if not seen:
        raise ValueError(f"{path} has no students")
    return [row[column].strip() for _, row in rows]


def complaint(name):
    """Why a name cannot be a folder's, or is none that grading would look into; "" if it can."""
    odd = sorted({c for c in name if c in '<>:"/\\|?*' or not c.isprintable()})
    if not name:
        return "it is empty"
    if odd:
        return f"it has {' '.join(map(repr, odd))} in it"
    if name.startswith(LEFT_OUT) or name.endswith("."):
        return f"it begins with {' or '.join(LEFT_OUT)}, or ends with a dot"
    if len(name.encode()) > 150:
        return "it is too long"
    return "the system needs this one" if name.casefold().split(".")[0] in DEVICES or name.casefold() == "class.csv" else ""


def seeds_of(path, names):
    """{student: seed} from a class.csv; ValueError unless all these names are there."""
    header, rows = read_table(path)
    if not {"student", "seed"} <= set(header) or not all((row["seed"] or "").isascii() and (row["seed"] or "").isdigit() for _, row in rows):
        raise ValueError(f"{path} is no table of the columns student and seed; give the class.csv that `coursework new --class` wrote")
    only_once(path, [row["student"] for _, row in rows])
    seeds = {row["student"]: int(row["seed"]) for _, row in rows}
    unknown = [name for name in names if name not in seeds]
    if unknown:
        others = f" ({len(unknown) - 1} more are missing)" if unknown[1:] else ""
        raise ValueError(f"{path} has no {unknown[0]}{others}; submissions are to have the names that stand there")
    return seeds


def days_of(path, names):
    """{student: days} from a table of those who came late; ValueError for one who handed nothing in, most likely a name spelt otherwise."""
    header, rows = read_table(path)
    if not {"student", "days"} <= set(header) or not all((row["days"] or "").isascii() and (row["days"] or "").isdigit() for _, row in rows):
        raise ValueError(f"{path} is no table of the columns student and days, of whole numbers")
    only_once(path, [row["student"] for _, row in rows])
    unknown = [row["student"] for _, row in rows if row["student"] not in names]
    if unknown:
        raise ValueError(f"{path}: there is no submission called {unknown[0]!r}")
    return {row["student"]: int(row["days"]) for _, row in rows}


def with_pseudonyms(path, names):
    """{name: pseudonym} from a CSV file, to which those that it lacks are added, at its end."""
    header, rows, key = ["student", "pseudonym"], [], {}
    if path.exists():
        header, rows = read_table(path)
        if not {"student", "pseudonym"} <= set(header) or not all(row["student"] and row["pseudonym"] for _, row in rows):
            raise ValueError(f"{path} is no table of the columns student and pseudonym; give a new file, or one that was written for --pseudonyms")
        key = {row["student"]: row["pseudonym"] for _, row in rows}
        only_once(path, [row["student"] for _, row in rows])
        only_once(path, list(key.values()))
        for pseudonym in key.values():
            if wrong := complaint(pseudonym):
                raise ValueError(f"{path}: {pseudonym!r} is no name for a folder: {wrong}")
    new = {name: f"student-{secrets.token_hex(4)}" for name in names if name not in key}
    known = [[row[title] for title in header] for _, row in rows]
    write_table(path, header, known + [[{"student": name, "pseudonym": pseudonym}.get(title) for title in header] for name, pseudonym in new.items()])
    return key | new


def class_seed(path, seed):
    """The class's seed: the one given, else the one in the file, else a new one; then it is in the file. ValueError for one below 0, or a file of
    anything else."""
    if seed is None:
        stored = path.read_text().strip() if path.exists() else str(secrets.randbits(64))
        if not (stored.isascii() and stored.isdigit()):
            raise ValueError(f"{path} holds {stored[:40]!r}, and no seed; delete it, or give --seed")
        seed = int(stored)
    path.write_text(f"{integer('seed', seed, 0)}\n")
    return seed


def seed_of(seed, name):
    """A student's seed, an int below 2⁶⁴, from that of the class."""
    return int.from_bytes(hashlib.sha256(f"{seed} {name}".encode()).digest()[:8], "big")


def only_once(path, names):
    """ValueError if a name is there twice."""
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"{path} has {twice!r} twice")


def read_table(path):
    """(titles, [(line, row as a dict)]) of a CSV file. ValueError if it is none."""
    if not path.is_file():
        raise FileNotFoundError(f"{path} is no file; wanted is a table of students, as CSV")
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(map(composed, file))
            return list(reader.fieldnames or []), [(reader.line_num, row) for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} cannot be read as CSV in UTF-8: {error}") from None


def composed(text):
    """The text with each accent and its letter as one character."""
    return unicodedata.normalize("NFC", text)


def write_table(path, header, rows):
    """Write a CSV file."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
