"""The checker as a process: `python -m oracle draw|watch|stopped|finished`, with a report of JSON on stdout."""

import json
import select
import sys
from pathlib import Path

from . import model, outputs, rules, stopped, stops, store, stream, watch

SHOWN = 5


def draw(folder, seed, rows):
    """Writes the input of a seed."""
    drawn = stream.draw(int(seed), int(rows))
    stream.write(drawn, Path(folder) / "input")
    return {"rows": len(drawn), "poison": sum(row.what == "poison" for row in drawn)}


def watching(folder):
    """Reads beside the job until stdin ends: O9."""
    views = watch.watch(Path(folder) / "out", lambda: bool(select.select([sys.stdin], [], [], 0)[0]))
    return {"views": len(views), "broken": shown({"O9": stops.steady_reader(views)})}


def at_stop(folder):
    """O8 and O11 of a job that was killed; nothing where it has no state yet."""
    folder = Path(folder)
    stored = store.read(folder / "out" / "state" / "store")
    if stored is None:
        return {"epoch": 0, "forward": 0, "back": 0, "broken": {}}
    drawn = stream.read(folder / "input")
    stop = stopped.look(folder / "out", stored)
    return stopped.story(stop) | {"broken": shown(stopped.judge(drawn, model.run(drawn), model.run, stored, stop))}


def finished(folder, facts):
    """All rules of a run that ended, with what the harness knows of it."""
    folder, facts = Path(folder), json.loads(Path(facts).read_text())
    drawn = stream.read(folder / "input")
    expected, seen = model.run(drawn), outputs.read(folder / "out")
    found = {name: rule(drawn, expected, seen) for name, rule in rules.FINISHED.items()}
    found["O12"] = stops.nothing_left(facts["left"])
    found["O13"] = stops.liveness(facts["runs"])
    faults, counters = dict(facts["faults"]), facts["counters"]
    if facts["rows_dead"] is not None:
        # Of all runs over this input: counts go on with the state.
        faults["poison"], counters = len(expected.dead), {**counters, "rows.dead": facts["rows_dead"]}
    found["O14"] = stops.explained(faults, counters, texts(folder, facts), facts["canary"])
    rows = {sink: len(getattr(seen, sink)) for sink in (*rules.SINKS, "letters")}
    return {"rows": {"stream": len(drawn), **rows}, "broken": shown(found)}


def texts(folder, facts):
    """All that the run wrote below DIR, and all that it printed."""
    written = {str(path): path.read_bytes() for path in (folder / "out").rglob("*") if path.is_file()}
    known = {name: data.decode("utf-8", "replace") for name, data in written.items()}
    return known | {f"the output of run {i}": text for i, text in enumerate(facts["printed"])}


def shown(found):
    """By rule how many sentences it says and the first of them; rules that are kept say nothing."""
    said = {name: list(sentences) for name, sentences in found.items()}
    return {name: {"count": len(each), "first": each[:SHOWN]} for name, each in said.items() if each}


if __name__ == "__main__":
    command, *given = sys.argv[1:]
    json.dump({"draw": draw, "watch": watching, "stopped": at_stop, "finished": finished}[command](*given), sys.stdout)
