"""Prints, of one crate's `outcomes.json`, how many mutants its tests noticed, and then the ones they did not."""

import json
import sys

crate, path = sys.argv[1:]
with open(path, encoding="utf-8") as file:
    outcomes = json.load(file)
noticed = outcomes["caught"] + outcomes["timeout"]
viable = noticed + outcomes["missed"]
if not viable:
    sys.exit(f"error: no mutant of {crate} could be built")
missed = [outcome for outcome in outcomes["outcomes"] if outcome["summary"] == "MissedMutant"]
for outcome in missed:
    print(f"missed: {outcome['scenario']['Mutant']['name']}", file=sys.stderr)
print(f"{crate} {noticed}/{viable} ({100 * noticed / viable:.0f} %)")
