"""Whose types show in the signatures of each crate, read from the pages that `cargo doc` has made.

Whoever depends on a crate has to name these others, too, and a change of theirs breaks it. So they are listed
here, and a type of any other crate of ours has to be exported by the crate itself. What the pages hide is not
seen. The first argument is the folder of the pages.
"""

import collections
import pathlib
import re
import sys

SHOWN = {
    "bulla": {"base", "carrier", "device", "graph", "relay", "store", "store_fjall", "transport", "vault", "webhook"},
    "bulla_base": set(),
    "bulla_carrier": {"base", "envelope", "meter", "store", "transport"},
    "bulla_content": {"base"},
    "bulla_device": {"base", "content", "envelope", "store", "transport"},
    "bulla_endpoint": {"base", "content", "envelope", "store", "transport"},
    "bulla_envelope": {"base"},
    "bulla_graph": {"base", "content", "meter", "relay", "store", "transport"},
    "bulla_integrity": {"base"},
    "bulla_meter": {"base"},
    "bulla_relay": {"base", "content", "envelope", "meter", "store", "transport"},
    "bulla_session": set(),
    "bulla_spqr": set(),
    "bulla_store": {"base"},
    "bulla_store_fjall": {"base", "store"},
    "bulla_transparency": {"base"},
    "bulla_transport": {"base", "envelope"},
    "bulla_vault": {"base", "store"},
    "bulla_webhook": {"base", "relay"},
    "bulla_xeddsa": set(),
}
SIGNATURE = re.compile(r'class="(?:code-header|rust item-decl)"(.*?)</(?:h[234]|pre)>', re.S)
LINK = re.compile(r'href="(?:\.\./)+(bulla[a-z_]*)/(?:[a-z_]+/)*([a-z]+\.[A-Za-z0-9_]+\.html)')


def foreign(pages: pathlib.Path, crate: str) -> dict[str, set[str]]:
    """The types of other crates of ours in the signatures of this one that it does not export itself."""
    found = collections.defaultdict(set)
    for page in (pages / crate).rglob("*.html"):
        for signature in SIGNATURE.findall(page.read_text()):
            for other, name in LINK.findall(signature):
                if other != crate and not (pages / crate / name).exists():
                    found[other].add(name.removesuffix(".html"))
    return found


def main() -> int:
    pages, wrong = pathlib.Path(sys.argv[1]), []
    for crate, shown in SHOWN.items():
        if not (pages / crate / "index.html").exists():
            wrong.append(f"{crate} has no pages")
            continue
        for other, names in sorted(foreign(pages, crate).items()):
            if other.removeprefix("bulla_") not in shown:
                wrong.append(f"{crate} shows types of {other} and does not export them: {', '.join(sorted(names))}")
    # What finds nothing anywhere would let everything pass.
    if "trait.Clock" not in foreign(pages, "bulla_relay").get("bulla_base", set()):
        wrong.append("the pages of bulla_relay were not read")
    print("\n".join(wrong) or f"{len(SHOWN)} crates show no types but those they may")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
