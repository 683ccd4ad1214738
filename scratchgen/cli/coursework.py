"""Write exercises cut from the library, grade them, and give staff what they need.

examples:
  scratchgen coursework new exercises                  write the exercises; then read exercises/README.md
  scratchgen coursework grade exercises                points so far, with hidden tests
  scratchgen coursework new class --class names.csv    a folder for each student, with a sheet of numbers that is theirs alone
  scratchgen coursework grade --all class --jobs 2     marks of a whole class, each student a folder in it
  scratchgen coursework staff staff                    solutions, autograder, points; for those who teach
"""

from pathlib import Path


def add_arguments(parser):
    """Give an argparse parser the three commands."""
    commands = parser.add_subparsers(dest="coursework_command", required=True, metavar="{new,grade,staff}")

    new = commands.add_parser("new", help="write the exercises into a new folder")
    new.add_argument("folder", type=Path, metavar="DIR", help="a new or empty folder")
    new.add_argument("--seed", type=int, help="of the inputs of the visible tests (default: drawn); one per student")
    new.add_argument(
        "--class", type=Path, dest="names", metavar="FILE", help="a folder in DIR for each student of this CSV file, each with a seed of their own"
    )
    new.add_argument("--notebooks", action="store_true", help="as Jupyter notebooks as well")

    grade = commands.add_parser("grade", help="run visible and hidden tests, show the points")
    grade.add_argument("folder", type=Path, metavar="DIR", help="the folder with the exercises; with --all, one with a folder for each student")
    grade.add_argument(
        "--out", type=Path, metavar="DIR", help="where to write results.json (for Gradescope) and report.txt (with --all: DIR-results)"
    )
    grade.add_argument("--seed", type=int, help="of the tests' inputs, to repeat a run (default: drawn)")
    grade.add_argument("--seconds", type=float, default=10.0, help="time limit of each test (default: 10)")
    grade.add_argument("--without-locks", action="store_true", help="grade even where the system cannot lock up the code; its points prove nothing")
    grade.add_argument("--all", action="store_true", help="grade a class, a grader for each student; what is graded already is not graded again")
    grade.add_argument("--jobs", type=int, metavar="N", help="with --all: students graded at a time (default: 1)")
    grade.add_argument("--csv", type=Path, metavar="FILE", help="with --all: the table of marks (default: marks.csv in --out)")
    grade.add_argument("--class", type=Path, dest="class_list", metavar="FILE", help="with --all: the class.csv that `new --class` wrote")
    grade.add_argument("--late", type=Path, metavar="FILE", help="with --all: a CSV file, student and days, of those who came late")
    grade.add_argument("--similarity", type=Path, metavar="DIR", help="with --all: where to write what each student wrote, for a checker")
    grade.add_argument("--pseudonyms", type=Path, metavar="FILE", help="with --all: no names in the output; this CSV file says who is who")

    staff = commands.add_parser("staff", help="write solutions, autograder and explanations into a new folder")
    staff.add_argument("folder", type=Path, metavar="DIR", help="a new or empty folder")

    staff.add_argument("--hidden-tests", default="visible", metavar="WHEN", help="visible (default), after_due_date, after_published or hidden")

    for command, whose in ((grade, "with --late: "), (staff, "on Gradescope: ")):
        command.add_argument("--free-days", type=int, metavar="N", default=0, help=f"{whose}days late that cost nothing (default: 0)")
        command.add_argument("--late-percent", type=float, metavar="P", default=0.0, help=f"{whose}taken off for each other day (default: 0)")
    for command in (new, grade, staff):
        command.add_argument("--exercises", nargs="+", metavar="NAME", help="only these (default: all), such as linear adam")


def run(args):
    """Run the command that was parsed; errors come as ValueError, OSError or RuntimeError with a sentence for the user."""
    from scratchgen import coursework  # here: --help should not load every exercise

    if args.coursework_command == "new":
        options = {"seed": args.seed, "exercises": args.exercises, "notebooks": args.notebooks}
        if args.names is None:
            folder = coursework.new(args.folder, **options)
            print(f"Written to {folder}. Begin with {folder / 'README.md'}.")
        else:
            folder = coursework.new_class(args.names, args.folder, **options)
            print(f"Written to {folder}: a folder for each student, and class.csv, which grading needs.")
    elif args.coursework_command == "staff":
        policy = {"hidden_tests": args.hidden_tests, "free_days": args.free_days, "late_percent": args.late_percent}
        folder = coursework.staff(args.folder, exercises=args.exercises, **policy)
        print(f"Written to {folder}: solutions among it, so not for students. Begin with {folder / 'README.md'}.")
    elif args.late is None and (args.free_days or args.late_percent):
        raise ValueError("--free-days and --late-percent say what --late costs: add --late FILE, or leave them out")
    elif args.all:
        grade_class(args)
    else:
        for option in ("jobs", "csv", "class", "late", "similarity", "pseudonyms"):
            if getattr(args, "class_list" if option == "class" else option) is not None:
                raise ValueError(f"--{option} is for a class: add --all, or leave it out")
        options = {"exercises": args.exercises, "out": args.out, "seconds": args.seconds, "seed": args.seed, "without_locks": args.without_locks}
        print(coursework.report(coursework.grade(args.folder, **options)), end="")
        if args.out is not None:
            print(f"Written: {args.out / 'results.json'}, {args.out / 'report.txt'}")


def grade_class(args):
    """Grade all that lies in a folder, a line for each student as their marks come."""
    from scratchgen import coursework

    out = args.out or args.folder.resolve().with_name(f"{args.folder.resolve().name}-results")
    table = args.csv or out / "marks.csv"
    if args.csv and not table.parent.is_dir():
        raise FileNotFoundError(f"{table.parent} is no folder; --csv {table} cannot be written there")

    def tell(mark):
        points = f"{mark.results['score']:g}{' (graded before)' if mark.resumed else ''}" if mark.results else mark.note
        print(f"{mark.name}: {points}", flush=True)

    options = {"exercises": args.exercises, "seconds": args.seconds, "seed": args.seed, "without_locks": args.without_locks}
    jobs = 1 if args.jobs is None else args.jobs
    coursework.grade_all(
        args.folder,
        out,
        jobs=jobs,
        pseudonyms=args.pseudonyms,
        class_list=args.class_list,
        late=args.late,
        free_days=args.free_days,
        late_percent=args.late_percent,
        similarity=args.similarity,
        table=table,
        tell=tell,
        **options,
    )
    print(f"Written: {table}, {out / 'statistics.txt'}, and a folder for each student in {out}")
